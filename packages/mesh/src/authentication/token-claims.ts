/** The payload of a verified token (RFC 7519 §4). */
export type TokenClaims = Readonly<Record<string, unknown>>;

/** Claims that hold several values in one text, always (Istio). */
const SPACE_DELIMITED = ["scope", "permission"];
const NO_TEXTS: readonly string[] = [];

/**
 * The claims as rules compare them: texts of several values, such as `scope`, taken apart at their
 * blanks. `more`: claims besides `scope` and `permission` that are written so.
 */
export function splitClaims(claims: TokenClaims, more: readonly string[]): TokenClaims {
  const split: Record<string, unknown> = Object.assign(Object.create(null), claims);
  for (const name of [...SPACE_DELIMITED, ...more]) {
    const value = split[name];
    if (typeof value === "string") split[name] = value.split(" ").filter((one) => one !== "");
  }
  return split;
}

/** The value of a claim inside claims; `undefined`: there is none. Only what a token itself says counts. */
export function findClaim(claims: TokenClaims, path: readonly string[]): unknown {
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    if (!Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** The texts that a claim is made of: itself, or those of its list; nothing else is compared (Istio). */
export function textsOfClaim(claims: TokenClaims, path: readonly string[]): readonly string[] {
  const value = findClaim(claims, path);
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) return NO_TEXTS;
  return value.filter((one): one is string => typeof one === "string");
}

/** A claim as a header says it: texts, numbers and truth values; `undefined`: it cannot be said. */
export function formatClaim(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return undefined;
}
