import {
  type Document,
  isCollection,
  isNode,
  isSeq,
  LineCounter,
  parse,
  parseAllDocuments,
  parseDocument,
} from "yaml";

/** Where a value stands in a document: `["spec", "http", 0, "timeout"]`. */
export type YamlPath = readonly (string | number)[];

/**
 * `value`: sets one value, what is missing on the way is made; `undefined` takes it away, with the maps and lists it
 * leaves empty, but never an item of a list: an empty one means something else than none. `insert`: puts an item into a list, before the one the path names. `moveTo`: gives an item another place in
 * its list.
 */
export type YamlEdit =
  | { readonly path: YamlPath; readonly value: unknown }
  | { readonly path: YamlPath; readonly insert: unknown }
  | { readonly path: YamlPath; readonly moveTo: number };

/** A text as a rule: what it says of itself, or why it cannot be read. */
export type ReadRule =
  | {
      readonly kind: "rule";
      readonly identity: RuleIdentity;
      /** The whole document as plain values. */
      readonly value: Readonly<Record<string, unknown>>;
      /** The text holds more documents than this first one. */
      readonly hasMore: boolean;
    }
  | { readonly kind: "fault"; readonly message: string; readonly line: number | undefined };

export interface RuleIdentity {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Reads the first document of a text. Aliases are counted, so that a few lines cannot become a flood of values. */
export function readRule(text: string): ReadRule {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines });
  const [first] = Array.isArray(documents) ? documents : [];
  if (first === undefined) return { kind: "fault", message: "The text is empty.", line: undefined };
  const [error] = first.errors;
  if (error !== undefined) {
    const line = lines.linePos(error.pos[0]).line;
    const [said = ""] = error.message.split("\n");
    return { kind: "fault", message: said.replace(/ at line \d+, column \d+:?$/, "."), line };
  }
  let value: unknown;
  try {
    value = first.toJS({ maxAliasCount: 50 });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    return { kind: "fault", message, line: undefined };
  }
  if (!isRecord(value)) {
    return {
      kind: "fault",
      message: "A rule is a map that begins with apiVersion and kind.",
      line: 1,
    };
  }
  const metadata = isRecord(value["metadata"]) ? value["metadata"] : {};
  return {
    kind: "rule",
    identity: {
      apiVersion: textOf(value["apiVersion"]),
      kind: textOf(value["kind"]),
      namespace: textOf(metadata["namespace"]) || "default",
      name: textOf(metadata["name"]),
    },
    value,
    hasMore: documents.length > 1,
  };
}

/**
 * Changes only the named values of a text with one document; comments and all else stay. The form is the one the control
 * plane keeps documents in, so that a change of one value is a change of one line.
 */
export function editRule(text: string, edits: readonly YamlEdit[]): string {
  const document = parseDocument(text);
  for (const edit of edits) {
    if ("insert" in edit) insertItem(document, edit.path, edit.insert);
    else if ("moveTo" in edit) moveItem(document, edit.path, edit.moveTo);
    else setValue(document, edit.path, edit.value);
  }
  return document.toString({ lineWidth: 0, indentSeq: false, flowCollectionPadding: true });
}

function setValue(document: Document, path: YamlPath, value: unknown): void {
  if (value === undefined) removeValue(document, path);
  else {
    dropNulls(document, path);
    // A plain value takes the place of the one there, whose comment stays; a collection is a new one.
    const isPlain = !isRecord(value) && !Array.isArray(value);
    document.setIn(path, isPlain ? value : document.createNode(value));
  }
}

function removeValue(document: Document, path: YamlPath): void {
  if (!document.hasIn(path)) return;
  document.deleteIn(path);
  for (let around = path.slice(0, -1); around.length > 1; around = around.slice(0, -1)) {
    const left: unknown = document.getIn(around);
    if (typeof around.at(-1) === "number" || !isCollection(left) || left.items.length > 0) return;
    document.deleteIn(around);
  }
}

/** A key without a value (`spec:`) on the way to a place gives way to what is put there. */
function dropNulls(document: Document, path: YamlPath): void {
  for (let depth = 1; depth < path.length; depth += 1) {
    const on = path.slice(0, depth);
    if (document.hasIn(on) && document.getIn(on) === null) document.deleteIn(on);
  }
}

function insertItem(document: Document, path: YamlPath, item: unknown): void {
  const list: unknown = document.getIn(path.slice(0, -1));
  const index = path.at(-1);
  if (!isSeq(list) || typeof index !== "number") {
    dropNulls(document, path);
    document.setIn(path.slice(0, -1), document.createNode([item]));
  } else list.items.splice(index, 0, document.createNode(item));
}

function moveItem(document: Document, path: YamlPath, to: number): void {
  const list: unknown = document.getIn(path.slice(0, -1));
  const from = path.at(-1);
  if (!isSeq(list) || typeof from !== "number") return;
  list.items.splice(to, 0, ...list.items.splice(from, 1));
}

/** `spec.http[1].timeout` → `["spec", "http", 1, "timeout"]`; a key with dots stands in brackets and quotes. */
export function parsePath(path: string): YamlPath {
  return [...path.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map(
    ([, index, quoted, key]) => (index === undefined ? (quoted ?? key ?? "") : Number(index)),
  );
}

/** A value written as YAML, as a fix gives it: `400ms`, `60`, `[GET]`. */
export function parseValue(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return text; // it is no YAML: then it is meant as the text it is
  }
}

/** Where a value stands in a text, from 0: the offsets of the value, or of the nearest thing around it that is there. */
export function rangeOfPath(text: string, path: YamlPath): readonly [number, number] | undefined {
  const document = parseDocument(text);
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node: unknown = document.getIn(path.slice(0, depth), true);
    if (!isNode(node) || !node.range) continue;
    if (!isCollection(node)) return [node.range[0], node.range[1]];
    const [start] = node.range; // of a collection its first line is enough
    const end = text.indexOf("\n", start);
    return [start, end === -1 ? text.length : end];
  }
  return undefined;
}

/** The value at a path of a plain value; `undefined`: not there. */
export function valueAt(value: unknown, path: YamlPath): unknown {
  return path.reduce<unknown>((at, key) => {
    if (Array.isArray(at)) return typeof key === "number" ? (at as unknown[])[key] : undefined;
    return isRecord(at) ? at[key] : undefined;
  }, value);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A scalar as text; anything else is empty. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}
