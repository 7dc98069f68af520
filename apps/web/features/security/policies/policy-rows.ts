import type { Denial, PolicyState } from "@heddle/contracts";
import { formatCounted } from "../../../lib/numbers.ts";
import { ruleInWords, rulesInWords } from "./rule-words.ts";

/** A policy with what it has refused, or would have, in the window. */
export interface PolicyRow {
  /** `AuthorizationPolicy shop/payments`. */
  readonly id: string;
  readonly policy: PolicyState;
  /** Sentences without a full stop, one a rule. */
  readonly words: readonly string[];
  /** Requests it denied; of an ALLOW policy those none of its rules let in although it came nearest. */
  readonly denied: number;
  /** The same, counted by its shadow mode while the requests passed. */
  readonly wouldDeny: number;
}

export function policyRows(
  policies: readonly PolicyState[],
  denials: readonly Denial[],
): PolicyRow[] {
  const byPolicy = Map.groupBy(denials, ({ policy, nearest }) => policy ?? nearest?.policy);
  const rows = policies.map((policy): PolicyRow => {
    const name = `${policy.namespace}/${policy.name}`;
    const own = policy.kind === "AuthorizationPolicy" ? (byPolicy.get(name) ?? []) : [];
    return {
      id: `${policy.kind} ${name}`,
      policy,
      words: policyInWords(policy),
      denied: sumOf(own, "denied"),
      wouldDeny: sumOf(own, "would-deny"),
    };
  });
  return rows.sort((a, b) => b.denied - a.denied || b.wouldDeny - a.wouldDeny);
}

function sumOf(denials: readonly Denial[], effect: Denial["effect"]): number {
  return denials
    .filter((denial) => denial.effect === effect)
    .reduce((sum, { count }) => sum + count, 0);
}

/** What a document says, a sentence a rule. */
export function policyInWords({ authorization, tokens, mtls }: PolicyState): string[] {
  if (authorization !== undefined) {
    const none = rulesInWords(authorization);
    if (none !== undefined) return [none];
    return authorization.rules.map((rule) => ruleInWords(rule, authorization));
  }
  if (tokens !== undefined) {
    if (tokens.length === 0) return ["no token is looked at"];
    return tokens.map(
      ({ issuer, audiences, isRequired }) =>
        `tokens of ${issuer}${audiences.length > 0 ? ` for ${audiences.join(" or ")}` : ""} are good${isRequired ? "; without one nobody comes in" : ""}`,
    );
  }
  const ports = Object.entries(mtls?.portModes ?? {}).map(([port, mode]) => `port ${port} ${mode}`);
  const dryRun = mtls?.isStrictDryRun ? ["dry run of STRICT"] : [];
  return [[mtls?.mode ?? "as the level above says", ...dryRun, ...ports].join(", ")];
}

/** Whom it holds for: "the mesh", "all of shop", "payments-v1, payments-v2", "nobody here yet". */
export function holdsFor({ scope, namespace, workloads }: PolicyState): string {
  if (scope === "none") return "gateways only, which Heddle has not";
  if (scope === "mesh") return `the whole mesh, ${formatCounted(workloads.length, "workload")}`;
  if (scope === "namespace")
    return `all of ${namespace}, ${formatCounted(workloads.length, "workload")}`;
  if (workloads.length === 0) return "nobody: no workload carries its labels";
  const names = workloads.map((workload) => workload.split("/")[1] ?? workload);
  const rest = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

const MOST_NAMES = 3;
