import type { WorkloadResource } from "@heddle/contracts";
import type { AuthorizationPolicy, AuthorizationRule, RateLimit } from "@heddle/mesh";
import { compileWorkloadPolicy } from "../../src/core/workload-policy.ts";
import type { TestWorkload } from "../data-path-kit.ts";

/** Lets rules hold for a hosted workload, as a push does. */
export function obey(workload: TestWorkload, rules: Partial<WorkloadResource>): void {
  const resource: WorkloadResource = {
    kind: "workload",
    key: `workload/${workload.id.namespace}/${workload.id.name}`,
    version: "1",
    workload: { ...workload.id },
    mtlsMode: workload.mtlsMode,
    revision: 7,
    ...rules,
  };
  Object.assign(workload, { resource, policy: compileWorkloadPolicy(resource, workload.policy) });
}

export function authorizationPolicy(
  action: AuthorizationPolicy["action"],
  rules: readonly Partial<AuthorizationRule>[],
  isShadow = false,
): AuthorizationPolicy {
  const whole = rules.map((rule) => ({ from: [], to: [], when: [], ...rule }));
  return { namespace: "shop", name: action.toLowerCase(), action, isShadow, rules: whole };
}

/** Ten at once, and nothing more before an hour is over. */
export function rateLimit(rest: Partial<RateLimit> = {}): RateLimit {
  return {
    name: "api",
    matches: [],
    requests: 10,
    windowMs: 3_600_000,
    burst: 10,
    isShadow: false,
    rule: "RateLimit shop/api, revision 3",
    ...rest,
  };
}
