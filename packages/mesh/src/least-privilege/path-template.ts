const ID = [
  /^\d+$/,
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, // UUID
  /^(?=.*\d)[0-9a-f]{8,}$/i, // hashes, object ids
  /^(?=.*\d)(?=.*[a-z])[\w.~-]{20,}$/i, // tokens, ULIDs
  /^[a-z]{1,8}[-_]\d+$/i, // order-4711
  /@/, // addresses
];
/** One segment of anything, as a template of AuthorizationPolicy's `paths` says it. */
const ANY_SEGMENT = "{*}";

/**
 * The path as a rule would name it: segments that name one thing among many (numbers, UUIDs, hashes), and
 * those that a pattern could not hold as text, stand as `{*}`. What has no such segment stays as it is.
 */
export function templatePath(path: string): string {
  return path
    .split("/")
    .map((segment) => (isId(segment) || /[{}*]/.test(segment) ? ANY_SEGMENT : segment))
    .join("/");
}

function isId(segment: string): boolean {
  return ID.some((pattern) => pattern.test(segment));
}
