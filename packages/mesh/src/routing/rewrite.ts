import { InvalidActionError } from "./invalid-action-error.ts";
import { compileRegexRewrite } from "./regex.ts";
import type { Rewrite, RouteMatch } from "./route.ts";

/** Carries path and query as they were before a rewrite (Envoy). */
export const ORIGINAL_PATH_HEADER = "x-envoy-original-path";

/**
 * How a route changes a request's path, query excluded. `undefined`: not at all. Istio's HTTPRewrite:
 * after a prefix match only the prefix is replaced, literally (`/foo` → `/` makes `/foo/x` into `//x`);
 * after an exact or regex match the whole path; without a condition on the path, the prefix `/`.
 * Throws `InvalidActionError`, `InvalidRegexError`.
 */
export function compilePathRewrite(
  rewrite: Rewrite,
  match: RouteMatch | undefined,
): ((path: string) => string) | undefined {
  if (rewrite.uriRegex !== undefined) {
    const { match: pattern, rewrite: substitution } = rewrite.uriRegex;
    const visible = checkVisible("rewrite.uriRegexRewrite.rewrite", substitution);
    const replace = compileRegexRewrite(pattern, visible);
    return (path) => rooted(replace(path));
  }
  if (rewrite.uri === undefined) return undefined;
  const replacement = checkVisible("rewrite.uri", rewrite.uri);
  const length = matchedPrefixLength(match);
  if (length === undefined) {
    const whole = rooted(replacement);
    return () => whole;
  }
  return (path) => rooted(replacement + path.slice(length));
}

/** `undefined`: the match was on the whole path. */
export function matchedPrefixLength(match: RouteMatch | undefined): number | undefined {
  const uri = match?.uri;
  if (uri === undefined || uri.kind === "present") return 1;
  return uri.kind === "prefix" ? uri.value.length : undefined;
}

/** What is put into a request line or a Location must not end it. */
export function checkVisible(field: string, value: string): string {
  if (/[^!-~]/.test(value)) {
    throw new InvalidActionError(
      field,
      value,
      "allowed are visible ASCII characters without blanks",
    );
  }
  return value;
}

/** A request target in origin form begins with a slash (RFC 9112 §3.2.1). */
function rooted(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
