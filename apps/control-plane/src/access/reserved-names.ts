/**
 * Names that acts in the audit log have without any user. Whoever bore one would pass for it there, and own
 * its sessions and tokens.
 */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  "admin",
  "anonymous",
  "cli",
  "demo",
  "heddle",
  "oidc",
  "unknown",
]);
