import type { RequestAuthorizationFacts } from "./authorization-facts.ts";
import { authorize, matchesRule } from "./authorize.ts";
import type {
  AuthorizationDecision,
  CompiledRule,
  Condition,
  RuleName,
  RuleSet,
} from "./compile-authorization.ts";

/** How one rule met a request. */
export type RuleTrace = {
  readonly rule: RuleName;
  readonly action: "ALLOW" | "DENY";
  readonly isMatch: boolean;
  /** The fields that failed: of each alternative the first. Empty when the rule matches. */
  readonly failed: readonly {
    readonly field: string;
    readonly wanted: readonly string[];
    readonly seen: string;
  }[];
};

/** A decision with every rule that had a say in it, in the order they were asked. */
export type AuthorizationTrace = {
  readonly decision: AuthorizationDecision;
  readonly rules: readonly RuleTrace[];
  /** One line for people, e.g. for the body of a 403. */
  readonly summary: string;
};

/** The decision of `authorize` and why. Not for the path of every request. */
export function explainAuthorization(
  rules: RuleSet,
  facts: RequestAuthorizationFacts,
): AuthorizationTrace {
  const decision = authorize(rules, facts);
  const traces = [
    ...rules.deny.map((rule) => traceRule(rule, "DENY", facts)),
    ...rules.allow.map((rule) => traceRule(rule, "ALLOW", facts)),
  ];
  return { decision, rules: traces, summary: summarize(decision, rules, traces) };
}

function traceRule(
  rule: CompiledRule,
  action: RuleTrace["action"],
  facts: RequestAuthorizationFacts,
): RuleTrace {
  const isMatch = matchesRule(rule, facts);
  const failing = isMatch ? [] : failingConditions(rule, facts);
  const failed = failing.map(({ field, values, attribute }) => ({
    field,
    wanted: values,
    seen: attribute.see(facts),
  }));
  return { rule: rule.name, action, isMatch, failed };
}

function failingConditions(rule: CompiledRule, facts: RequestAuthorizationFacts): Condition[] {
  const firstFailing = (conditions: readonly Condition[]) =>
    conditions.find((condition) => !condition.test(facts));
  const ofPart = (alternatives: readonly (readonly Condition[])[]) => {
    const failing = alternatives.map(firstFailing);
    return failing.some((condition) => condition === undefined) ? [] : failing;
  };
  return [...ofPart(rule.from), ...ofPart(rule.to), firstFailing(rule.when)].filter(
    (condition) => condition !== undefined,
  );
}

function summarize(
  { isAllowed, by }: AuthorizationDecision,
  rules: RuleSet,
  traces: readonly RuleTrace[],
): string {
  if (by !== undefined) return `${isAllowed ? "allowed" : "denied"} by ${nameOf(by)}`;
  if (isAllowed) return "allowed: no DENY rule matches and there is no ALLOW policy";
  const asked = traces.filter(({ action }) => action === "ALLOW");
  if (asked.length === 0)
    return "denied: there is an ALLOW policy, but no rule that could allow this";
  const why = asked
    .slice(0, 5)
    .map(({ rule, failed }) => `${nameOf(rule)}: ${failed.map(describe).join(", ")}`);
  const more = asked.length > 5 ? ` (and ${asked.length - 5} more rules)` : "";
  return `denied: none of ${rules.allow.length} ALLOW rules matches: ${why.join("; ")}${more}`;
}

function nameOf({ namespace, policy, rule }: RuleName): string {
  return `${namespace}/${policy} rule ${rule}`;
}

function describe({ field, wanted, seen }: RuleTrace["failed"][number]): string {
  return `${field} wants ${wanted.join(" or ")}, is ${seen}`;
}
