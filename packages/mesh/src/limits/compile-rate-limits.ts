import { compileMatches, type RequestTest } from "../routing/match-request.ts";
import type { RequestFacts } from "../routing/request-facts.ts";
import type { RateLimit } from "./rate-limit.ts";
import { RateLimiter } from "./rate-limiter.ts";

/** What a limit's key may be taken from, beside the request's headers. */
export interface RateLimitFacts extends RequestFacts {
  /** `namespace/name` of the verified caller; `undefined`: plaintext. */
  readonly sourceWorkload: string | undefined;
  readonly sourceAddress: string;
}

/** A limit with its buckets. */
export type CompiledRateLimit = {
  readonly limit: RateLimit;
  readonly matches: RequestTest;
  readonly limiter: RateLimiter;
};

/** Throws `InvalidRegexError`. The buckets are full. */
export function compileRateLimit(limit: RateLimit): CompiledRateLimit {
  return { limit, matches: compileMatches(limit.matches), limiter: new RateLimiter(limit) };
}

/**
 * The key of a request's bucket. Callers without an identity share one bucket, and so do requests
 * without the header: leaving it out must not lift the limit.
 */
export function rateLimitKey({ key }: RateLimit, facts: RateLimitFacts): string {
  if (key === undefined) return "";
  if (key.kind === "source-workload") return facts.sourceWorkload ?? "";
  return key.kind === "source-address" ? facts.sourceAddress : (facts.header(key.name) ?? "");
}
