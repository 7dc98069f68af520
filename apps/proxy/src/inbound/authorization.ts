import {
  type AuthorizationDecision,
  authorize,
  type CompiledAuthorization,
  type ConnectionAuthorizationFacts,
  connectionOnly,
  explainAuthorization,
  findAuditRule,
  findCustomRule,
  formatRuleName,
  type RequestAuthorizationFacts,
  type RuleName,
  type RuleSet,
  type RuleTrace,
} from "@heddle/mesh";
import type { CustomAuthorization } from "../core/custom-authorization.ts";
import type { DeniedBy, EventCounter, TrafficRecorder } from "../core/traffic-recorder.ts";

/** Why somebody may not pass. */
export type Denial = {
  /** As Envoy's response code details say it. */
  readonly details: string;
  /** For the caller, one fact a line; it gives away nothing a rule asks for. */
  readonly lines: readonly string[];
  /** For the span. */
  readonly by: DeniedBy;
};

/** What policies in shadow mode say of a request. One object an exchange, cleared between requests. */
export class ShadowNote {
  denied: DeniedBy | undefined;

  clear(): void {
    this.denied = undefined;
  }
}

type Action = "allow" | "deny" | "audit" | "custom";

const TOLD_RULES = 5;
/** With more rules than this a refusal names no fields: it must not cost more than serving would. */
const MAX_EXPLAINED_RULES = 100;

/** Asks a workload's AuthorizationPolicies and counts what they say. */
export class Authorization {
  readonly #recorder: TrafficRecorder;
  readonly #workload: string;
  /** By the rule, which belongs to one policy and so to one action. */
  readonly #byRule = new WeakMap<RuleName, EventCounter>();
  readonly #unmatched = new Map<string, EventCounter>();

  constructor(recorder: TrafficRecorder, workload: string) {
    this.#recorder = recorder;
    this.#workload = workload;
  }

  /** `undefined`: the request may pass. `note` is told what shadow policies would have done. */
  checkRequest(
    { http, httpShadow }: CompiledAuthorization,
    facts: RequestAuthorizationFacts,
    note: ShadowNote,
  ): Denial | undefined {
    if (httpShadow !== undefined) {
      const decision = this.#decide(httpShadow, facts, true);
      if (!decision.isAllowed) note.denied = describe(httpShadow, decision, facts, true).by;
    }
    if (http === undefined) return undefined;
    const decision = this.#decide(http, facts, false);
    return decision.isAllowed ? undefined : describe(http, decision, facts);
  }

  /** The CUSTOM rule that gives the request to somebody else to decide on. */
  findCustom(
    { rules, shadow }: CustomAuthorization,
    facts: RequestAuthorizationFacts,
  ): RuleName | undefined {
    if (shadow !== undefined) this.#countCustom(findCustomRule(shadow, facts), true);
    const rule = rules === undefined ? undefined : findCustomRule(rules, facts);
    return this.#countCustom(rule, false);
  }

  #countCustom(rule: RuleName | undefined, isShadow: boolean): RuleName | undefined {
    if (rule !== undefined) this.#counterOf(rule, "custom", isShadow).add(1);
    return rule;
  }

  /** The same for an opaque connection. */
  checkConnection(
    { tcp, tcpShadow }: CompiledAuthorization,
    connection: ConnectionAuthorizationFacts,
  ): Denial | undefined {
    if (tcp === undefined && tcpShadow === undefined) return undefined;
    const facts = connectionOnly(connection);
    if (tcpShadow !== undefined) this.#decide(tcpShadow, facts, true);
    if (tcp === undefined) return undefined;
    const decision = this.#decide(tcp, facts, false);
    return decision.isAllowed ? undefined : describe(tcp, decision, facts);
  }

  #decide(
    rules: RuleSet,
    facts: RequestAuthorizationFacts,
    isShadow: boolean,
  ): AuthorizationDecision {
    if (rules.audit.length > 0) {
      const audited = findAuditRule(rules, facts);
      if (audited !== undefined) this.#counterOf(audited, "audit", isShadow).add(1);
    }
    const decision = authorize(rules, facts);
    this.#counterOf(decision.by, decision.isAllowed ? "allow" : "deny", isShadow).add(1);
    return decision;
  }

  #counterOf(rule: RuleName | undefined, action: Action, isShadow: boolean): EventCounter {
    const key = `${action} ${isShadow}`;
    const known = rule === undefined ? this.#unmatched.get(key) : this.#byRule.get(rule);
    if (known !== undefined) return known;
    const made = this.#recorder.counter("heddle_authorization_total", {
      workload: this.#workload,
      policy: rule === undefined ? "none" : `${rule.namespace}/${rule.policy}`,
      rule: rule === undefined ? "none" : String(rule.rule),
      action,
      shadow: String(isShadow),
    });
    if (rule === undefined) this.#unmatched.set(key, made);
    else this.#byRule.set(rule, made);
    return made;
  }
}

function describe(
  rules: RuleSet,
  decision: AuthorizationDecision,
  facts: RequestAuthorizationFacts,
  isShadow = false,
): Denial {
  const { by } = decision;
  const details = `rbac_access_denied_matched_policy[${formatRuleName(by)}]`;
  if (by !== undefined) {
    const lines = [`policy: ${by.namespace}/${by.policy}, rule ${by.rule}, denies it`];
    return { details, lines, by: { isShadow, rule: idOf(by), nearest: undefined, fields: [] } };
  }
  const { length } = rules.allow;
  const lines = [
    length === 0
      ? "policy: there is an ALLOW policy, and none of its rules could allow this"
      : `policy: none of ${length} ALLOW rule${length === 1 ? "" : "s"} allows it`,
  ];
  if (rules.deny.length + length > MAX_EXPLAINED_RULES) {
    return { details, lines, by: { isShadow, rule: undefined, nearest: undefined, fields: [] } };
  }
  const asked = explainAuthorization(rules, facts).rules.filter(({ action }) => action === "ALLOW");
  const nearest = asked.toSorted((a, b) => a.failed.length - b.failed.length)[0];
  return {
    details,
    lines: [...lines, ...asked.slice(0, TOLD_RULES).map(describeRule)],
    by: {
      isShadow,
      rule: undefined,
      nearest: nearest && idOf(nearest.rule),
      fields: nearest?.failed.map(({ field }) => field) ?? [],
    },
  };
}

function idOf({ namespace, policy, rule }: RuleName): string {
  return `${namespace}/${policy}/${rule}`;
}

/** What was seen, never what is wanted: that may be a secret, or tell a stranger whom to imitate. */
function describeRule({ rule, failed }: RuleTrace): string {
  const fields = failed.map(({ field, seen }) => `${field} does not take ${seen}`);
  return `rule: ${rule.namespace}/${rule.policy}, rule ${rule.rule}: ${fields.join("; ")}`;
}
