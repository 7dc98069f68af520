/** Two rules claim one host name. */
export class DuplicateHostError extends Error {
  override readonly name = "DuplicateHostError";
  readonly code = "HEDDLE_DUPLICATE_HOST";
  readonly host: string;
  constructor(host: string) {
    super(`host ${host} is named twice; a host may have one rule`);
    this.host = host;
  }
}

/** Host names and wildcards, ready for `findHost`. */
export type HostTable<T> = {
  readonly exact: ReadonlyMap<string, T>;
  /** `*suffix`, longest first. */
  readonly suffixes: readonly Affixes<T>[];
  /** `prefix*`, longest first. */
  readonly prefixes: readonly Affixes<T>[];
  /** Of `*`. */
  readonly any: T | undefined;
};
type Affixes<T> = { readonly length: number; readonly values: ReadonlyMap<string, T> };

/** Compares without case. Throws `DuplicateHostError` when a name comes twice. */
export function compileHosts<T>(
  entries: Iterable<readonly [host: string, value: T]>,
): HostTable<T> {
  const exact = new Map<string, T>();
  const suffixes = new Map<number, Map<string, T>>();
  const prefixes = new Map<number, Map<string, T>>();
  let any: T | undefined;
  for (const [host, value] of entries) {
    const name = host.toLowerCase();
    if (name === "*") {
      if (any !== undefined) throw new DuplicateHostError(host);
      any = value;
    } else if (name.startsWith("*")) put(affixesOf(suffixes, name), name.slice(1), value);
    else if (name.endsWith("*")) put(affixesOf(prefixes, name), name.slice(0, -1), value);
    else put(exact, name, value);
  }
  return { exact, suffixes: longestFirst(suffixes), prefixes: longestFirst(prefixes), any };
}

/**
 * What holds for a host in lower case: the exact name, else the longest `*.suffix`, else the longest
 * `prefix.*`, else `*` (Envoy's virtual host search). A wildcard stands for at least one character.
 */
export function findHost<T>(table: HostTable<T>, host: string): T | undefined {
  const exact = table.exact.get(host);
  if (exact !== undefined) return exact;
  for (const { length, values } of table.suffixes) {
    if (host.length <= length) continue;
    const found = values.get(host.slice(host.length - length));
    if (found !== undefined) return found;
  }
  for (const { length, values } of table.prefixes) {
    if (host.length <= length) continue;
    const found = values.get(host.slice(0, length));
    if (found !== undefined) return found;
  }
  return table.any;
}

function affixesOf<T>(byLength: Map<number, Map<string, T>>, name: string): Map<string, T> {
  const length = name.length - 1;
  let values = byLength.get(length);
  if (values === undefined) {
    values = new Map();
    byLength.set(length, values);
  }
  return values;
}

function put<T>(values: Map<string, T>, name: string, value: T): void {
  if (values.has(name)) throw new DuplicateHostError(name);
  values.set(name, value);
}

function longestFirst<T>(byLength: ReadonlyMap<number, Map<string, T>>): Affixes<T>[] {
  return [...byLength]
    .map(([length, values]) => ({ length, values }))
    .sort((one, other) => other.length - one.length);
}
