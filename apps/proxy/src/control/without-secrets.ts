import { readKeySet } from "../tokens/key-set.ts";

const HIDDEN = "(hidden)";

/**
 * Configuration as it may be shown to whoever reaches the admin port: without filters' settings and
 * without the values of headers that rules write or ask for, which often are keys and tokens. Names,
 * order and numbers stay. Told by the control stream's own names.
 */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, show(value, name, inner)]),
  );
}

function show(of: object, name: string, value: unknown): unknown {
  switch (name) {
    case "settings":
      return HIDDEN;
    case "set":
    case "add":
    case "addedHeaders":
    case "headers":
    case "withoutHeaders":
    case "queryParams":
      return hideTexts(value);
    case "jwks":
      return typeof value === "string" ? nameKeys(value) : value;
    case "values":
    case "notValues":
      return asksForHeader(of) ? hideTexts(value) : value;
    default:
      return withoutSecrets(value);
  }
}

/** A key set may hold secrets (HS256): which keys there are tells enough. */
function nameKeys(jwks: string): string {
  const { keys } = readKeySet(jwks);
  return `keys: ${keys.map(({ kid = "(unnamed)" }) => kid).join(", ") || "none of use"}`;
}

/** A condition on a header: `request.headers[x-key]`. */
function asksForHeader(condition: object): boolean {
  return "key" in condition && /^request\.headers\[/.test(String(condition.key));
}

/** Keeps the shape, the names and what kind of match it is. */
function hideTexts(value: unknown): unknown {
  if (typeof value === "string") return HIDDEN;
  if (Array.isArray(value)) return value.map(hideTexts);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, isMark(name) ? inner : hideTexts(inner)]),
  );
}

/** `remove` lists names of fields, `kind` says how is compared. */
function isMark(name: string): boolean {
  return name === "kind" || name === "remove";
}
