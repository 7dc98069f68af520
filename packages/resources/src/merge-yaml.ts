import { type Document, isCollection, parseDocument, stringify } from "yaml";

/** A place that both sides changed to different things. `undefined`: not there. Texts are YAML. */
export type MergeConflict = {
  readonly path: string; // "spec.http[0].timeout"; "": the document as a whole
  readonly base: string | undefined;
  readonly theirs: string | undefined;
  readonly yours: string | undefined;
};

/** Both changes in one document, or every place where they meet. */
export type MergeOutcome =
  | { readonly ok: true; readonly yaml: string }
  | { readonly ok: false; readonly conflicts: readonly MergeConflict[] };

/**
 * Joins two changes to one document where they do not touch the same nodes. Maps are merged key by key; lists of named
 * things by their names, lists of one length on all sides place by place, other lists only as a whole. Comments are
 * those of `theirs`, and of yours where its part is taken. `base` undefined: both made the document.
 */
export function mergeYaml(
  base: string | undefined,
  theirs: string | undefined,
  yours: string,
): MergeOutcome {
  if (theirs === base || theirs === yours) return { ok: true, yaml: yours };
  if (base === yours && theirs !== undefined) return { ok: true, yaml: theirs };
  if (theirs === undefined) {
    return { ok: false, conflicts: [{ path: "", base, theirs: undefined, yours }] };
  }
  const yourDocument = parseDocument(yours);
  const merged = parseDocument(theirs);
  const merge = new Merge(yourDocument);
  const sides = { base: base === undefined ? undefined : toValue(parseDocument(base)) };
  merge.values({ ...sides, theirs: toValue(merged), yours: toValue(yourDocument) }, [], []);
  if (merge.conflicts.length > 0) return { ok: false, conflicts: merge.conflicts };
  for (const edit of merge.edits) {
    if (edit.kind === "set") merged.setIn(edit.path, edit.node);
    else if (edit.kind === "add") merged.addIn(edit.path, edit.node);
  }
  // From the end: taking one of a list away moves those behind it.
  for (const { path } of merge.edits.filter(({ kind }) => kind === "delete").reverse()) {
    merged.deleteIn(path);
  }
  return { ok: true, yaml: merged.toString({ lineWidth: 0, indentSeq: false }) };
}

type Value = unknown;
type Sides = { readonly base: Value; readonly theirs: Value; readonly yours: Value };
type Path = readonly (string | number)[];
type Edit =
  | { readonly kind: "set" | "add"; readonly path: Path; readonly node: unknown }
  | { readonly kind: "delete"; readonly path: Path };

class Merge {
  readonly edits: Edit[] = [];
  readonly conflicts: MergeConflict[] = [];
  readonly #yours: Document;

  constructor(yours: Document) {
    this.#yours = yours;
  }

  /** `path` is the place in theirs, `yourPath` the same thing's place in yours. */
  values(sides: Sides, path: Path, yourPath: Path): void {
    const { base, theirs, yours } = sides;
    if (isEqual(theirs, yours) || isEqual(base, yours)) return;
    if (isEqual(base, theirs)) this.#take(path, yourPath, yours);
    else if (isMap(theirs) && isMap(yours) && (isMap(base) || base === undefined)) {
      this.#maps({ base: base ?? {}, theirs, yours }, path, yourPath);
    } else if (Array.isArray(base) && Array.isArray(theirs) && Array.isArray(yours)) {
      this.#lists({ base, theirs, yours }, path, yourPath);
    } else this.#conflict(sides, path);
  }

  #maps(
    sides: { readonly [Side in keyof Sides]: Readonly<Record<string, Value>> },
    path: Path,
    yourPath: Path,
  ): void {
    const { base, theirs, yours } = sides;
    for (const key of new Set([...Object.keys(theirs), ...Object.keys(yours)])) {
      const of = { base: own(base, key), theirs: own(theirs, key), yours: own(yours, key) };
      this.values(of, [...path, key], [...yourPath, key]);
    }
  }

  #lists(
    sides: { readonly [Side in keyof Sides]: readonly Value[] },
    path: Path,
    yourPath: Path,
  ): void {
    const { base, theirs, yours } = sides;
    if ([base, theirs, yours].every(areNamed)) return this.#named(sides, path, yourPath);
    if (base.length !== theirs.length || base.length !== yours.length) {
      return this.#conflict(sides, path);
    }
    for (const [i, of] of base.entries()) {
      this.values({ base: of, theirs: theirs[i], yours: yours[i] }, [...path, i], [...yourPath, i]);
    }
  }

  #named(
    sides: { readonly [Side in keyof Sides]: readonly Value[] },
    path: Path,
    yourPath: Path,
  ): void {
    const places = (list: readonly Value[]) => new Map(list.map((one, i) => [nameOf(one), i]));
    const [base, theirs, yours] = [places(sides.base), places(sides.theirs), places(sides.yours)];
    const shared = (a: typeof base, b: typeof base) => [...a.keys()].filter((name) => b.has(name));
    const isMoved = !isEqual(shared(base, yours), shared(yours, base));
    const isMovedByThem = !isEqual(shared(base, theirs), shared(theirs, base));
    if (isMoved && (isMovedByThem || theirs.size !== base.size)) return this.#conflict(sides, path);
    if (isMoved) {
      // The order matters (routes): it can only be taken with the whole list.
      if (isEqual(sides.base, sides.theirs)) return this.#take(path, yourPath, sides.yours);
      return this.#conflict(sides, path);
    }
    for (const name of new Set([...theirs.keys(), ...yours.keys()])) {
      const [inBase, inTheirs, inYours] = [base.get(name), theirs.get(name), yours.get(name)];
      const of = {
        base: inBase === undefined ? undefined : sides.base[inBase],
        theirs: inTheirs === undefined ? undefined : sides.theirs[inTheirs],
        yours: inYours === undefined ? undefined : sides.yours[inYours],
      };
      const yourPlace = [...yourPath, inYours ?? -1];
      if (inTheirs !== undefined) this.values(of, [...path, inTheirs], yourPlace);
      else if (of.base === undefined) {
        const node = this.#yours.getIn(yourPlace, true);
        this.edits.push({ kind: "add", path, node });
      } else if (!isEqual(of.base, of.yours)) this.#conflict(of, [...path, String(name)]);
    }
  }

  #take(path: Path, yourPath: Path, yours: Value): void {
    if (yours === undefined) this.edits.push({ kind: "delete", path });
    else this.edits.push({ kind: "set", path, node: this.#yours.getIn(yourPath, true) });
  }

  #conflict({ base, theirs, yours }: Sides, path: Path): void {
    this.conflicts.push({
      path: formatPath(path),
      base: print(base),
      theirs: print(theirs),
      yours: print(yours),
    });
  }
}

function toValue(document: Document): Value {
  const value: Value = document.toJS({ maxAliasCount: 32 });
  return value;
}

function own(map: Readonly<Record<string, Value>>, key: string): Value {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function isMap(value: Value): value is Readonly<Record<string, Value>> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !isCollection(value)
  );
}

/** Maps with names that differ: Istio's subsets, ports, named routes. */
function areNamed(list: readonly Value[]): boolean {
  const names = list.map(nameOf);
  return names.every((name) => name !== undefined) && new Set(names).size === names.length;
}

function nameOf(value: Value): string | undefined {
  const name = isMap(value) ? own(value, "name") : undefined;
  return typeof name === "string" ? name : undefined;
}

function isEqual(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((one, i) => isEqual(one, b[i]));
  }
  if (!isMap(a) || !isMap(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]))
  );
}

function formatPath(path: Path): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`,
    "",
  );
}

function print(value: Value): string | undefined {
  return value === undefined ? undefined : stringify(value, { lineWidth: 0 }).trimEnd();
}
