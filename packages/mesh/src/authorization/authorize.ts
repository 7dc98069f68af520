import type { RequestAuthorizationFacts } from "./authorization-facts.ts";
import type {
  AuthorizationDecision,
  CompiledRule,
  Condition,
  CustomRules,
  RuleName,
  RuleSet,
} from "./compile-authorization.ts";

const ALLOWED: AuthorizationDecision = { isAllowed: true, by: undefined };
const NOT_ALLOWED: AuthorizationDecision = { isAllowed: false, by: undefined };

/**
 * Istio's order: a DENY rule that matches denies; without any ALLOW policy all else is allowed; with
 * one, only what an ALLOW rule matches. For TCP pass the `tcp` rules and `connectionOnly` facts.
 */
export function authorize(rules: RuleSet, facts: RequestAuthorizationFacts): AuthorizationDecision {
  const denying = findRule(rules.deny, facts);
  if (denying !== undefined) return denying.decision;
  if (!rules.hasAllowPolicy) return ALLOWED;
  const allowing = findRule(rules.allow, facts);
  return allowing === undefined ? NOT_ALLOWED : allowing.decision;
}

/** The AUDIT rule that matches; it never decides. */
export function findAuditRule(
  rules: RuleSet,
  facts: RequestAuthorizationFacts,
): RuleName | undefined {
  return findRule(rules.audit, facts)?.name;
}

/** The CUSTOM rule that matches: the request is for somebody else to decide on first. */
export function findCustomRule(
  { rules }: CustomRules,
  facts: RequestAuthorizationFacts,
): RuleName | undefined {
  return findRule(rules, facts)?.name;
}

/** Istio's name of a rule in response code details: `ns[shop]-policy[orders]-rule[0]`, or `none`. */
export function formatRuleName(name: RuleName | undefined): string {
  if (name === undefined) return "none";
  return `ns[${name.namespace}]-policy[${name.policy}]-rule[${name.rule}]`;
}

function findRule(
  rules: readonly CompiledRule[],
  facts: RequestAuthorizationFacts,
): CompiledRule | undefined {
  for (let index = 0; index < rules.length; index++) {
    const rule = rules[index] as CompiledRule;
    if (matchesRule(rule, facts)) return rule;
  }
  return undefined;
}

export function matchesRule(rule: CompiledRule, facts: RequestAuthorizationFacts): boolean {
  return matchesAny(rule.from, facts) && matchesAny(rule.to, facts) && holdAll(rule.when, facts);
}

/** A part left out holds. */
function matchesAny(
  alternatives: readonly (readonly Condition[])[],
  facts: RequestAuthorizationFacts,
): boolean {
  if (alternatives.length === 0) return true;
  for (let index = 0; index < alternatives.length; index++) {
    if (holdAll(alternatives[index] as readonly Condition[], facts)) return true;
  }
  return false;
}

function holdAll(conditions: readonly Condition[], facts: RequestAuthorizationFacts): boolean {
  for (let index = 0; index < conditions.length; index++) {
    if (!(conditions[index] as Condition).test(facts)) return false;
  }
  return true;
}
