import {
  type CompiledFormat,
  compileFormat,
  type FormatFacts,
  type HeaderReaders,
  PLAIN_READERS,
} from "./format-string.ts";
import type { HeaderChanges } from "./header-operations.ts";
import { InvalidActionError } from "./invalid-action-error.ts";

/** What header operations come to, worked out once: drop these names, then append these fields. */
export type CompiledHeaderChanges = {
  /** Lower-case names whose fields are not passed on. */
  readonly dropped: readonly string[];
  /** Appended in this order; one whose value comes out empty is left out, as in Envoy. */
  readonly appended: readonly { readonly name: string; readonly value: CompiledFormat }[];
};

/** Framing and hop-by-hop fields are the proxy's own: changed by a rule, two peers would disagree. */
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

type FieldState = { keepsOriginal: boolean; values: CompiledFormat[] };

/** Operations that Envoy applies together. */
export type HeaderLevel = readonly (HeaderChanges | undefined)[];

/**
 * Folds levels of operations, in the order they are applied, into one. Within a level every `remove`
 * comes first, then `set` (a later one wins), then `add`; a format string reads what the levels before
 * have left and the level does not remove. `host` and pseudo-headers are passed over: `host` means the authority (see
 * `authorityOf`). `undefined`: nothing changes. Throws `InvalidActionError`, `InvalidFormatError`.
 */
export function compileHeaderChanges(
  direction: "request" | "response",
  levels: readonly HeaderLevel[],
): CompiledHeaderChanges | undefined {
  const fields = new Map<string, FieldState>();
  for (const level of levels) applyLevel(fields, direction, level);
  if (fields.size === 0) return undefined;
  const dropped: string[] = [];
  const appended: { name: string; value: CompiledFormat }[] = [];
  for (const [name, { keepsOriginal, values }] of fields) {
    if (!keepsOriginal) dropped.push(name);
    for (const value of values) appended.push({ name, value });
  }
  return { dropped, appended };
}

/** The authority a level's `set` asks for by `host` or `:authority`. */
export function authorityOf(changes: HeaderChanges | undefined): string | undefined {
  for (const [name, value] of Object.entries(changes?.set ?? {})) {
    const lower = name.toLowerCase();
    if (lower === "host" || lower === ":authority") return value;
  }
  return undefined;
}

function applyLevel(
  fields: Map<string, FieldState>,
  direction: "request" | "response",
  level: HeaderLevel,
): void {
  const field = `headers.${direction}`;
  for (const name of level.flatMap((changes) => changes?.remove ?? [])) {
    const lower = nameOf(`${field}.remove`, name);
    if (lower !== undefined) fields.set(lower, { keepsOriginal: false, values: [] });
  }
  const readers = readersOver(fields, direction);
  const sets = level.flatMap((changes) => compileAll(`${field}.set`, changes?.set, readers));
  const adds = level.flatMap((changes) => compileAll(`${field}.add`, changes?.add, readers));
  for (const [name, value] of sets) fields.set(name, { keepsOriginal: false, values: [value] });
  for (const [name, value] of adds) {
    const { keepsOriginal, values } = fields.get(name) ?? { keepsOriginal: true, values: [] };
    fields.set(name, { keepsOriginal, values: [...values, value] });
  }
}

/** Values that are empty for every request do nothing. */
function compileAll(
  field: string,
  values: Readonly<Record<string, string>> | undefined,
  readers: HeaderReaders,
): [name: string, value: CompiledFormat][] {
  const compiled: [string, CompiledFormat][] = [];
  for (const [name, value] of Object.entries(values ?? {})) {
    const lower = nameOf(field, name);
    if (lower === undefined || value === "") continue;
    if (/[^\t -~\u0080-\uffff]/.test(value)) {
      throw new InvalidActionError(
        `${field}[${JSON.stringify(name)}]`,
        value,
        "control characters are not allowed in a header",
      );
    }
    compiled.push([lower, compileFormat(value, readers)]);
  }
  return compiled;
}

function nameOf(field: string, name: string): string | undefined {
  const lower = name.toLowerCase();
  if (lower === "host" || lower.startsWith(":")) return undefined;
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower)) {
    throw new InvalidActionError(field, name, "it must be a header name (RFC 9110 §5.1)");
  }
  if (FRAMING.has(lower)) {
    throw new InvalidActionError(field, name, "framing and hop-by-hop headers belong to the proxy");
  }
  return lower;
}

function readersOver(
  fields: ReadonlyMap<string, FieldState>,
  direction: "request" | "response",
): HeaderReaders {
  const plain = PLAIN_READERS[direction];
  const before = new Map(fields);
  const reader = (name: string) => {
    const state = before.get(name);
    const original = plain(name);
    return state === undefined ? original : readState(state, original);
  };
  return { ...PLAIN_READERS, [direction]: reader };
}

function readState(
  { keepsOriginal, values }: FieldState,
  original: (facts: FormatFacts) => string | undefined,
): (facts: FormatFacts) => string | undefined {
  return (facts) => {
    const texts = values.map((value) => (typeof value === "string" ? value : value(facts)));
    const first = keepsOriginal ? original(facts) : undefined;
    if (first !== undefined) texts.unshift(first);
    return texts.length === 0 ? undefined : texts.join(",");
  };
}
