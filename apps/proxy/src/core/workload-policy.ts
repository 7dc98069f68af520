import type { WorkloadResource } from "@heddle/contracts/control-stream";
import {
  type AuthorizationPolicy,
  type CompiledAuthorization,
  type CompiledRateLimit,
  compileAuthorization,
  compileRateLimit,
  formatId,
  type RateLimit,
  type RequestAuthentication,
} from "@heddle/mesh";
import { type FilterSetting, NO_FILTERS, type WorkloadFilters } from "../filters/active-filter.ts";
import { compileFilters } from "../filters/compile-filters.ts";
import type { FilterLibrary } from "../filters/filter-library.ts";
import {
  type ActiveAuthentication,
  compileActiveAuthentication,
} from "../tokens/active-authentication.ts";
import { type CustomAuthorization, findCustomAuthorization } from "./custom-authorization.ts";
import type { PathNormalization } from "./mesh-view.ts";

/** What holds for one hosted workload's callers, compiled when it arrives. */
export type WorkloadPolicy = {
  readonly pathNormalization: PathNormalization;
  /** `undefined`: there is no policy, everybody may pass. */
  readonly authorization: CompiledAuthorization | undefined;
  /** Whom CUSTOM policies ask before anything else; `undefined`: nobody. */
  readonly custom: CustomAuthorization | undefined;
  /** What is asked of callers' tokens; `undefined`: nothing. */
  readonly authentication: ActiveAuthentication | undefined;
  /** In the documents' order; `undefined`: none. */
  readonly rateLimits: readonly CompiledRateLimit[] | undefined;
  /** So many proxies in front are believed when they add to `x-forwarded-for`. */
  readonly trustedProxyCount: number;
  readonly filters: WorkloadFilters;
};

/** Where filters come from besides the control plane's documents. */
export type FilterSource = {
  readonly library: FilterLibrary;
  /** Of the proxy's own configuration; they come first. */
  readonly own: readonly FilterSetting[];
  /** The configuration is the one from disk: a filter that is gone must not void the rest of it. */
  readonly isLenient: boolean;
};

/** Of a workload nothing is said about. */
export const OPEN_POLICY: WorkloadPolicy = Object.freeze({
  pathNormalization: "MERGE_SLASHES",
  authorization: undefined,
  custom: undefined,
  authentication: undefined,
  rateLimits: undefined,
  trustedProxyCount: 0,
  filters: NO_FILTERS,
});

/** Before anything is known of a workload nobody is let in. */
export const CLOSED_POLICY: WorkloadPolicy = Object.freeze({
  ...OPEN_POLICY,
  authorization: compileAuthorization([
    {
      ...{ namespace: "heddle", name: "nothing-is-known-yet" },
      ...{ action: "ALLOW" as const, isShadow: false, rules: [] },
    },
  ]),
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
 * not grant everybody a new burst. Throws `InvalidWorkloadPolicyError`, `InvalidFilterError`.
 */
export function compileWorkloadPolicy(
  resource: WorkloadResource,
  previous: WorkloadPolicy | undefined,
  source?: FilterSource,
): WorkloadPolicy {
  const { authorization = [], requestAuthentication = [], rateLimits = [] } = resource;
  const rules = authorization.length === 0 ? undefined : compileRules(authorization);
  return {
    pathNormalization: resource.pathNormalization ?? OPEN_POLICY.pathNormalization,
    authorization: rules,
    custom: findCustomAuthorization(rules, resource.externalAuthorizers ?? []),
    authentication:
      requestAuthentication.length === 0
        ? undefined
        : compileTokens(requestAuthentication, previous?.authentication),
    rateLimits:
      rateLimits.length === 0 ? undefined : compileLimits(rateLimits, previous?.rateLimits ?? []),
    trustedProxyCount: resource.trustedProxyCount ?? 0,
    filters: source === undefined ? NO_FILTERS : compileAll(resource, previous, source),
  };
}

/** What is left of a resource while its workload is off the mesh's rules: who it trusts, and how it tells of itself. */
export function underBypass(resource: WorkloadResource, nowMs: number): WorkloadResource {
  const { bypass } = resource;
  if (bypass === undefined || bypass.untilMs <= nowMs) return resource;
  const { rateLimits: _, filters: __, ...kept } = resource;
  if (!bypass.includesAuthorization) return kept;
  const { authorization: ___, requestAuthentication: ____, ...open } = kept;
  return open;
}

function compileAll(
  { workload, filters = [] }: WorkloadResource,
  previous: WorkloadPolicy | undefined,
  { library, own, isLenient }: FilterSource,
): WorkloadFilters {
  const before = previous?.filters ?? NO_FILTERS;
  return compileFilters([...own, ...filters], formatId(workload), library, before, isLenient);
}

/** Lets a policy hold in the place of another: what only the old one needs is ended. */
export function replacePolicy(previous: WorkloadPolicy | undefined, next: WorkloadPolicy): void {
  const kept = new Set(next.filters.all);
  for (const filter of previous?.filters.all ?? []) if (!kept.has(filter)) filter.close();
  for (const filter of next.filters.all) filter.worker?.start();
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

function compileTokens(
  documents: readonly RequestAuthentication[],
  previous: ActiveAuthentication | undefined,
): ActiveAuthentication {
  try {
    return compileActiveAuthentication(documents, previous);
  } catch (error) {
    const names = documents.map(formatId).join(", ");
    throw new InvalidWorkloadPolicyError(`RequestAuthentication ${names}`, error);
  }
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
