import type { Warmup } from "./traffic-policy.ts";

/**
 * The share (0–1) of its weight that an endpoint gets `ageMs` after it began to serve, as Envoy's slow
 * start: age / duration to the power of 1 / aggression, at least `minimumRatio`.
 */
export function warmupFactor(warmup: Warmup, ageMs: number): number {
  if (ageMs >= warmup.durationMs) return 1;
  const grown = Math.max(0, ageMs / warmup.durationMs) ** (1 / warmup.aggression);
  // Never 0, even if the policy says so: an endpoint without a share would never be tried.
  return Math.min(1, Math.max(grown, warmup.minimumRatio, 0.01));
}
