import type {
  AuthorizationPolicy,
  AuthorizationRule,
  OperationMatch,
  SourceMatch,
} from "./authorization-policy.ts";
import {
  type Attribute,
  type AttributeTest,
  attributeOfKey,
  HOST,
  METHOD,
  NAMESPACE,
  PATH,
  PORT,
  PRINCIPAL,
  REMOTE_IP,
  REQUEST_PRINCIPAL,
  SERVICE_ACCOUNT,
  SOURCE_IP,
  TRUST_DOMAIN,
} from "./condition.ts";

/** Names one rule of one policy. */
export type RuleName = {
  readonly namespace: string;
  readonly policy: string;
  /** From 0, as the document lists them. */
  readonly rule: number;
};

/** Whether a request or connection may pass, and by which rule. */
export type AuthorizationDecision = {
  readonly isAllowed: boolean;
  /** The rule that decided; `undefined`: none matched, or there is none. */
  readonly by: RuleName | undefined;
};

/** One field of a rule, ready to be compared. */
export type Condition = {
  /** As in the document: `from[0].source.principals`. */
  readonly field: string;
  readonly values: readonly string[];
  readonly test: AttributeTest;
  readonly attribute: Attribute;
};

/** AND over `when`, one of `from`, and one of `to`; in each of those AND again. */
export type CompiledRule = {
  readonly name: RuleName;
  /** Of a request the rule matches; made once, since requests share it. */
  readonly decision: AuthorizationDecision;
  readonly from: readonly (readonly Condition[])[];
  readonly to: readonly (readonly Condition[])[];
  readonly when: readonly Condition[];
};

/** Rules by what they do; of one kind of traffic, enforced or not. */
export type RuleSet = {
  readonly deny: readonly CompiledRule[];
  readonly allow: readonly CompiledRule[];
  readonly audit: readonly CompiledRule[];
  /** Whether there is an ALLOW policy at all, be it without rules: then what it does not allow is denied. */
  readonly hasAllowPolicy: boolean;
};

/** The policies of one workload. `undefined`: there is no policy of that kind, nothing to evaluate. */
export type CompiledAuthorization = {
  readonly http: RuleSet | undefined;
  readonly tcp: RuleSet | undefined;
  readonly httpShadow: RuleSet | undefined;
  readonly tcpShadow: RuleSet | undefined;
  /** Whom to ask before any of these rules are; `undefined`: there is no CUSTOM policy. */
  readonly custom: CustomRules | undefined;
  readonly customShadow: CustomRules | undefined;
};

/** Rules of action CUSTOM: somebody else decides on the HTTP requests they match. */
export type CustomRules = {
  readonly rules: readonly CompiledRule[];
  /** The names of those to be asked, each once. Istio serves one a workload. */
  readonly providers: readonly string[];
};

/**
 * Compiles the policies that hold for a workload (its own namespace's and the root's). On TCP a rule
 * that asks for what only HTTP has is dropped from an ALLOW policy and loses those fields in a DENY or
 * AUDIT policy: so a DENY rule of HTTP fields alone denies all TCP (Istio). CUSTOM concerns HTTP alone.
 * Throws `InvalidAuthorizationError`, `InvalidCidrError`.
 */
export function compileAuthorization(
  policies: readonly AuthorizationPolicy[],
): CompiledAuthorization {
  const enforced = policies.filter((policy) => !policy.isShadow);
  const shadow = policies.filter((policy) => policy.isShadow);
  return {
    http: compileSet(enforced, true),
    tcp: compileSet(enforced, false),
    httpShadow: compileSet(shadow, true),
    tcpShadow: compileSet(shadow, false),
    custom: compileCustom(enforced),
    customShadow: compileCustom(shadow),
  };
}

function compileCustom(policies: readonly AuthorizationPolicy[]): CustomRules | undefined {
  const custom = policies.filter(({ action }) => action === "CUSTOM");
  if (custom.length === 0) return undefined;
  return {
    rules: custom.flatMap((policy) => compilePolicy(policy, true)),
    providers: [...new Set(custom.map(({ provider = "" }) => provider))],
  };
}

function compileSet(all: readonly AuthorizationPolicy[], isHttp: boolean): RuleSet | undefined {
  const policies = all.filter(({ action }) => action !== "CUSTOM");
  if (policies.length === 0) return undefined;
  const rulesOf = (action: AuthorizationPolicy["action"]) =>
    policies
      .filter((policy) => policy.action === action)
      .flatMap((policy) => compilePolicy(policy, isHttp));
  return {
    deny: rulesOf("DENY"),
    allow: rulesOf("ALLOW"),
    audit: rulesOf("AUDIT"),
    hasAllowPolicy: policies.some(({ action }) => action === "ALLOW"),
  };
}

function compilePolicy(policy: AuthorizationPolicy, isHttp: boolean): CompiledRule[] {
  const compiled: CompiledRule[] = [];
  for (const [index, rule] of policy.rules.entries()) {
    const name = { namespace: policy.namespace, policy: policy.name, rule: index };
    const decision = { isAllowed: policy.action !== "DENY", by: name };
    const whole = { name, decision, ...compileRule(policy.namespace, rule) };
    if (isHttp) compiled.push(whole);
    else if (policy.action !== "ALLOW") compiled.push(withoutHttp(whole));
    else if (!asksHttp(whole)) compiled.push(whole);
  }
  return compiled;
}

function compileRule(
  namespace: string,
  rule: AuthorizationRule,
): Pick<CompiledRule, "from" | "to" | "when"> {
  return {
    from: rule.from.map((source, index) =>
      compileSource(source, `from[${index}].source`, namespace),
    ),
    to: rule.to.map((operation, index) =>
      compileOperation(operation, `to[${index}].operation`, namespace),
    ),
    when: rule.when.flatMap(({ key, values, notValues }, index) => {
      const attribute = attributeOfKey(`when[${index}].key`, key);
      const field = `when[${index}].${key}`;
      return compilePair(attribute, field, `${field} (notValues)`, values, notValues, namespace);
    }),
  };
}

const SOURCE_FIELDS = [
  ["principals", "notPrincipals", PRINCIPAL],
  ["requestPrincipals", "notRequestPrincipals", REQUEST_PRINCIPAL],
  ["namespaces", "notNamespaces", NAMESPACE],
  ["serviceAccounts", "notServiceAccounts", SERVICE_ACCOUNT],
  ["trustDomains", "notTrustDomains", TRUST_DOMAIN],
  ["ipBlocks", "notIpBlocks", SOURCE_IP],
  ["remoteIpBlocks", "notRemoteIpBlocks", REMOTE_IP],
] as const;
const OPERATION_FIELDS = [
  ["methods", "notMethods", METHOD],
  ["ports", "notPorts", PORT],
  ["paths", "notPaths", PATH],
  ["hosts", "notHosts", HOST],
] as const;

function compileSource(source: SourceMatch, field: string, namespace: string): Condition[] {
  return SOURCE_FIELDS.flatMap(([is, isNot, attribute]) =>
    compilePair(
      attribute,
      `${field}.${is}`,
      `${field}.${isNot}`,
      source[is],
      source[isNot],
      namespace,
    ),
  );
}

function compileOperation(
  operation: OperationMatch,
  field: string,
  namespace: string,
): Condition[] {
  return OPERATION_FIELDS.flatMap(([is, isNot, attribute]) =>
    compilePair(
      attribute,
      `${field}.${is}`,
      `${field}.${isNot}`,
      operation[is],
      operation[isNot],
      namespace,
    ),
  );
}

/** Values are ORed; the negated form is NOT(OR). An empty list asks nothing. */
function compilePair(
  attribute: Attribute,
  field: string,
  notField: string,
  values: readonly string[] | undefined,
  notValues: readonly string[] | undefined,
  policyNamespace: string,
): Condition[] {
  const conditions: Condition[] = [];
  if (values && values.length > 0) {
    const test = attribute.compile(values, { field, policyNamespace });
    conditions.push({ field, values, test, attribute });
  }
  if (notValues && notValues.length > 0) {
    const holds = attribute.compile(notValues, { field: notField, policyNamespace });
    conditions.push({
      field: notField,
      values: notValues,
      test: (facts) => !holds(facts),
      attribute,
    });
  }
  return conditions;
}

function asksHttp({ from, to, when }: CompiledRule): boolean {
  const isHttp = ({ attribute }: Condition) => attribute.isHttp;
  return [...from.flat(), ...to.flat(), ...when].some(isHttp);
}

function withoutHttp(rule: CompiledRule): CompiledRule {
  const { from, to, when } = rule;
  const keep = (conditions: readonly Condition[]) =>
    conditions.filter(({ attribute }) => !attribute.isHttp);
  return { ...rule, from: from.map(keep), to: to.map(keep), when: keep(when) };
}
