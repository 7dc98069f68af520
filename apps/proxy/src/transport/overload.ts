import { type DeadlineClock, processClock } from "./deadline-clock.ts";

/** From when on new requests are turned away. */
export type OverloadLimits = {
  /** Requests under way at a time, in the whole process. */
  readonly maxRequests: number;
  /** How late the event loop may be, smoothed over a few hundred milliseconds. */
  readonly maxLagMs: number;
  /** Open connections of one listener. */
  readonly maxConnections: number;
};

export const DEFAULT_OVERLOAD_LIMITS: OverloadLimits = Object.freeze({
  maxRequests: 16_384,
  maxLagMs: 500,
  maxConnections: 10_000,
});

/** What a client that was turned away is told to wait. */
export const RETRY_AFTER_SECONDS = "1";

/**
 * Whether this process has more to do than it can. A request turned away at once costs little and can
 * go elsewhere; one that is taken on makes all others slower.
 */
export class Overload {
  limits = DEFAULT_OVERLOAD_LIMITS;
  /** Requests under way. */
  activeRequests = 0;
  readonly #clock: DeadlineClock;

  constructor(clock: DeadlineClock) {
    this.#clock = clock;
  }

  /** Why a new request is turned away; `undefined`: it is not. The request itself counts as active. */
  get reason(): string | undefined {
    const { maxLagMs, maxRequests } = this.limits;
    if (this.activeRequests <= maxRequests && this.#clock.lagMs <= maxLagMs) return undefined;
    return this.activeRequests > maxRequests
      ? `the proxy is overloaded: more than ${maxRequests} requests are under way`
      : `the proxy is overloaded: it is ${Math.round(this.#clock.lagMs)} ms behind, at most ${maxLagMs} ms are allowed`;
  }
}

/** Of this process's data path. */
export const processOverload = new Overload(processClock);
