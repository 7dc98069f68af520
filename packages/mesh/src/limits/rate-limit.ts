import type { RouteMatch } from "../routing/route.ts";

/**
 * A limit on a workload's requests, per proxy (heddle.dev/v1). A token bucket per key: `requests` are
 * granted each `windowMs`, at most `burst` at once. A window of hours or days makes it a quota.
 */
export type RateLimit = {
  readonly name: string;
  /** Empty: every request. */
  readonly matches: readonly RouteMatch[];
  /** Each value of the key has a bucket of its own; `undefined`: one for all. */
  readonly key?: RateLimitKey | undefined;
  readonly requests: number;
  readonly windowMs: number;
  readonly burst: number;
  /** Counted and shown, not enforced. */
  readonly isShadow: boolean;
  /** The rule's name and revision for messages. */
  readonly rule: string;
};

export type RateLimitKey =
  | { readonly kind: "source-workload" }
  | { readonly kind: "source-address" }
  | { readonly kind: "header"; readonly name: string };
