import type { Endpoint } from "../routing/route.ts";
import { type EndpointHealth, healthyEndpoint } from "./outlier-detection.ts";
import { freshEstimate, type LatencyEstimate } from "./peak-ewma.ts";
import type { Warmup } from "./traffic-policy.ts";
import { warmupFactor } from "./warmup.ts";

/** An endpoint as the balancer is given it; the owner counts `activeRequests` up and down. */
export interface Candidate {
  readonly endpoint: Endpoint;
  readonly activeRequests: number;
}

/** What one destination remembers of one candidate. Mutable: it changes with the answers. */
export type Seat<T extends Candidate> = {
  target: T;
  readonly weight: number;
  health: EndpointHealth;
  /** Since when it is not ejected, or was last forgiven an ejection. */
  inUseSinceMs: number;
  readonly latency: LatencyEstimate;
  /** When its warm-up began; -Infinity: it serves for long. */
  readonly warmFromMs: number;
};

/** The seat of a candidate; `known` is the one it had, whose memory it keeps. */
export function takeSeat<T extends Candidate>(
  target: T,
  known: Seat<T> | undefined,
  nowMs: number,
): Seat<T> {
  const { weight = 1, servesSinceMs } = target.endpoint;
  return {
    target,
    weight,
    health: known?.health ?? healthyEndpoint(),
    inUseSinceMs: known?.inUseSinceMs ?? nowMs,
    latency: known?.latency ?? freshEstimate(nowMs),
    // A clock that is ahead of ours must not keep the endpoint cold for longer.
    warmFromMs:
      known?.warmFromMs ??
      (servesSinceMs === undefined ? Number.NEGATIVE_INFINITY : Math.min(servesSinceMs, nowMs)),
  };
}

/** Equal keys: the same process at the same address, so what is known of one holds for the other. */
export function seatKey({ endpoint: { id, address, port } }: Candidate): string {
  return `${id}|${address}|${port}`;
}

/** When the seat's warm-up ends; in the past (or -Infinity) if it is over. */
export function warmUntilMs(seat: Seat<Candidate>, warmup: Warmup | undefined): number {
  return warmup === undefined ? Number.NEGATIVE_INFINITY : seat.warmFromMs + warmup.durationMs;
}

/** The seat's weight now, less what its warm-up holds back. */
export function weightNow(
  seat: Seat<Candidate>,
  warmup: Warmup | undefined,
  nowMs: number,
): number {
  return warmup === undefined
    ? seat.weight
    : seat.weight * warmupFactor(warmup, nowMs - seat.warmFromMs);
}
