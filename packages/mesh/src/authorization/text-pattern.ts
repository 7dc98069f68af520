import { compileRegex } from "../routing/regex.ts";
import { InvalidAuthorizationError } from "./invalid-authorization-error.ts";

export type TextTest = (text: string) => boolean;

/**
 * AuthorizationPolicy's forms of a text: exact, `abc*` prefix, `*abc` suffix, `*` not empty. The star
 * is looked at at one end only, the first one first: `*a*` is the suffix `a*`, literally (Istio).
 */
export function compilePattern(pattern: string): TextTest {
  if (pattern === "*") return (text) => text !== "";
  if (pattern.startsWith("*")) {
    const suffix = pattern.slice(1);
    return (text) => text.endsWith(suffix);
  }
  if (pattern.endsWith("*")) {
    const prefix = pattern.slice(0, -1);
    return (text) => text.startsWith(prefix);
  }
  return (text) => text === pattern;
}

/** Any of them. */
export function compilePatterns(patterns: readonly string[]): TextTest {
  return anyOf(patterns.map(compilePattern));
}

/** Hosts are compared without case (CVE-2021-39155), ports in them as they are. */
export function compileHostPatterns(patterns: readonly string[]): TextTest {
  const holds = compilePatterns(patterns.map((pattern) => pattern.toLowerCase()));
  return (host) => holds(host.toLowerCase());
}

/** Finds `/ns/<namespace>/` in an identity; a star anywhere stands for any text (Istio). */
export function compileNamespaces(patterns: readonly string[]): TextTest {
  return anyOf(
    patterns.map((pattern) => {
      if (!pattern.includes("*")) return (identity: string) => identity.includes(`/ns/${pattern}/`);
      return compileRegex(`.*/ns/${pattern.split("*").map(quote).join(".*")}/.*`);
    }),
  );
}

/** `[namespace/]name` of a service account; without a namespace, the policy's own. */
export function compileServiceAccounts(
  accounts: readonly string[],
  policyNamespace: string,
): TextTest {
  return anyOf(
    accounts.map((account) => {
      const slash = account.indexOf("/");
      const namespace = slash < 0 ? policyNamespace : account.slice(0, slash);
      const name = account.slice(slash + 1);
      return compileRegex(`spiffe://.+/ns/${quote(namespace)}/(?:.+/)?sa/${quote(name)}(?:/.+)?`);
    }),
  );
}

/** Paths: the forms above, or a template of `{*}` (one segment) and `{**}` (the rest). */
export function compilePaths(field: string, patterns: readonly string[]): TextTest {
  return anyOf(
    patterns.map((pattern) =>
      pattern.includes("{") || pattern.includes("}")
        ? compileTemplate(field, pattern)
        : compilePattern(pattern),
    ),
  );
}

/** Envoy's uri_template: an operator is a segment of its own, and none comes behind `{**}`. */
function compileTemplate(field: string, template: string): TextTest {
  const segments = template.split("/");
  let hasRest = false;
  const parts = segments.map((segment) => {
    const isOperator = segment === "{*}" || segment === "{**}";
    if (!template.startsWith("/") || (isOperator ? hasRest : /[{}*]/.test(segment))) {
      throw new InvalidAuthorizationError(
        field,
        template,
        "a path template begins with /, its segments are texts, {*} (one segment) or {**} (the rest), and behind {**} come texts alone",
      );
    }
    hasRest ||= segment === "{**}";
    if (!isOperator) return quote(segment);
    return segment === "{*}" ? "[^/]+" : ".*";
  });
  return compileRegex(parts.join("/"));
}

function anyOf(tests: readonly TextTest[]): TextTest {
  const [first, second] = tests;
  if (first === undefined) return () => false;
  if (second === undefined) return first;
  return (text) => {
    for (let index = 0; index < tests.length; index++) {
      if ((tests[index] as TextTest)(text)) return true;
    }
    return false;
  };
}

function quote(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
