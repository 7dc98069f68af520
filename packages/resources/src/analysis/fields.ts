/** A part of a document as it is written: nothing is known of it but that it is a map. */
export type Fields = Readonly<Record<string, unknown>>;

const NOTHING: Fields = Object.freeze({});

/** The map that stands there; an empty one where something else does, or nothing. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : NOTHING;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The list that stands there; an empty one where something else does, or nothing. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** What lies at the end of the path; `undefined`: nothing does. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((at, step) => fieldsOf(at)[step], value);
}

export function fieldsAt(value: unknown, ...path: readonly string[]): Fields {
  return fieldsOf(valueAt(value, ...path));
}

export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  return listOf(valueAt(value, ...path));
}

/** A text that stands there; `""` where none does. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = valueAt(value, ...path);
  return typeof found === "string" ? found : "";
}

/** A number that stands there, also one in quotes; `undefined` where none does. */
export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = valueAt(value, ...path);
  if (typeof found === "number") return found;
  if (typeof found !== "string" || found.trim() === "") return undefined;
  const read = Number(found);
  return Number.isNaN(read) ? undefined : read;
}

export function textsAt(value: unknown, ...path: readonly string[]): readonly string[] {
  return listAt(value, ...path).filter((one) => typeof one === "string");
}

/** A text, number or truth value as it would be written; `""` for anything else, and for nothing. */
export function scalarText(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** Labels or annotations: what is no text is read as YAML wrote it (`version: 1`). */
export function labelsAt(
  value: unknown,
  ...path: readonly string[]
): Readonly<Record<string, string>> {
  const entries = Object.entries(fieldsAt(value, ...path));
  return Object.fromEntries(entries.map(([key, one]) => [key, scalarText(one)]));
}

/** `5s`, `1h2m`, `100ms` in milliseconds; `undefined`: no duration. */
export function durationMsAt(value: unknown, ...path: readonly string[]): number | undefined {
  const text = textAt(value, ...path);
  if (!/^(\d+(\.\d+)?(ms|us|ns|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|us|ns|s|m|h)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
  }
  return total;
}
const UNIT_MS: Readonly<Record<string, number>> = {
  ...{ h: 3_600_000, m: 60_000, s: 1000 },
  ...{ ms: 1, us: 0.001, ns: 0.000_001 },
};
