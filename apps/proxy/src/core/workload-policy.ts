import type { WorkloadResource } from "@heddle/contracts";
import {
  type AuthorizationPolicy,
  type CompiledAuthorization,
  type CompiledRateLimit,
  compileAuthorization,
  compileRateLimit,
  formatId,
  type RateLimit,
} from "@heddle/mesh";
import type { PathNormalization } from "./mesh-view.ts";

/** What holds for one hosted workload's callers, compiled when it arrives. */
export type WorkloadPolicy = {
  readonly pathNormalization: PathNormalization;
  /** `undefined`: there is no policy, everybody may pass. */
  readonly authorization: CompiledAuthorization | undefined;
  /** In the documents' order; `undefined`: none. */
  readonly rateLimits: readonly CompiledRateLimit[] | undefined;
  /** So many proxies in front are believed when they add to `x-forwarded-for`. */
  readonly trustedProxyCount: number;
};

/** Of a workload nothing is said about. */
export const OPEN_POLICY: WorkloadPolicy = Object.freeze({
  pathNormalization: "BASE",
  authorization: undefined,
  rateLimits: undefined,
  trustedProxyCount: 0,
});

/** A policy that came from the control plane cannot be compiled; the message names document and field. */
export class InvalidWorkloadPolicyError extends Error {
  override readonly name = "InvalidWorkloadPolicyError";
  readonly code = "HEDDLE_INVALID_WORKLOAD_POLICY";
  readonly subject: string;
  constructor(subject: string, cause: unknown) {
    super(`${subject}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.subject = subject;
  }
}

/**
 * Limits that `previous` had too keep what their callers have used up: a push about something else must
 * not grant everybody a new burst. Throws `InvalidWorkloadPolicyError`.
 */
export function compileWorkloadPolicy(
  resource: WorkloadResource,
  previous: WorkloadPolicy | undefined,
): WorkloadPolicy {
  const { authorization = [], rateLimits = [] } = resource;
  return {
    pathNormalization: resource.pathNormalization ?? OPEN_POLICY.pathNormalization,
    authorization: authorization.length === 0 ? undefined : compileRules(authorization),
    rateLimits:
      rateLimits.length === 0 ? undefined : compileLimits(rateLimits, previous?.rateLimits ?? []),
    trustedProxyCount: resource.trustedProxyCount ?? 0,
  };
}

function compileRules(policies: readonly AuthorizationPolicy[]): CompiledAuthorization {
  for (const policy of policies) {
    try {
      compileAuthorization([policy]);
    } catch (error) {
      throw new InvalidWorkloadPolicyError(`AuthorizationPolicy ${formatId(policy)}`, error);
    }
  }
  return compileAuthorization(policies);
}

function compileLimits(
  limits: readonly RateLimit[],
  previous: readonly CompiledRateLimit[],
): CompiledRateLimit[] {
  const kept = new Map(previous.map((one) => [contentOf(one.limit), one]));
  return limits.map((limit) => {
    const known = kept.get(contentOf(limit));
    if (known !== undefined) {
      // Two equal limits do not share their buckets.
      kept.delete(contentOf(limit));
      return { ...known, limit };
    }
    try {
      return compileRateLimit(limit);
    } catch (error) {
      throw new InvalidWorkloadPolicyError(`${limit.rule}, limit "${limit.name}"`, error);
    }
  });
}

/** All but the revision its rule was written in. */
function contentOf({ rule, ...limit }: RateLimit): string {
  return JSON.stringify([rule.replace(/, revision \d+$/, ""), limit]);
}
