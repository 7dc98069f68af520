export type CompiledTime = (epochMs: number) => string;

/** The strftime conversions that make sense of a time in UTC. */
const CONVERSIONS: Readonly<Record<string, (iso: string, epochMs: number) => string>> = {
  Y: (iso) => iso.slice(0, 4),
  m: (iso) => iso.slice(5, 7),
  d: (iso) => iso.slice(8, 10),
  H: (iso) => iso.slice(11, 13),
  M: (iso) => iso.slice(14, 16),
  S: (iso) => iso.slice(17, 19),
  F: (iso) => iso.slice(0, 10),
  T: (iso) => iso.slice(11, 19),
  s: (_, epochMs) => String(Math.floor(epochMs / 1000)),
  "%": () => "%",
};

/**
 * Envoy's START_TIME: empty for `2026-11-21T15:00:00.000Z`, else strftime in UTC with `%f` (nine
 * digits) and `%1f`–`%9f` for parts of a second. `undefined`: a conversion is not known.
 */
export function compileStartTime(format: string): CompiledTime | undefined {
  if (format === "") return (epochMs) => new Date(epochMs).toISOString();
  const parts: ((iso: string, epochMs: number) => string)[] = [];
  const token = /([^%]+)|%([1-9]?)f|%(.?)/gs;
  for (const [, literal, digits, conversion] of format.matchAll(token)) {
    if (literal !== undefined) parts.push(() => literal);
    else if (digits !== undefined) parts.push(fraction(digits === "" ? 9 : Number(digits)));
    else {
      const convert = CONVERSIONS[conversion ?? ""];
      if (convert === undefined) return undefined;
      parts.push(convert);
    }
  }
  return (epochMs) => {
    const iso = new Date(epochMs).toISOString();
    return parts.map((part) => part(iso, epochMs)).join("");
  };
}

function fraction(digits: number): (iso: string) => string {
  return (iso) => iso.slice(20, 23).padEnd(9, "0").slice(0, digits);
}
