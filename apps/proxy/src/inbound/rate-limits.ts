import {
  type CompiledRateLimit,
  type RateLimit,
  type RateLimitFacts,
  type RateLimitVerdict,
  rateLimitFields,
  rateLimitKey,
} from "@heddle/mesh";
import type { EventCounter, TrafficRecorder } from "../core/traffic-recorder.ts";

type Counters = { readonly allowed: EventCounter; readonly limited: EventCounter };

/** Fields that tell of a limit; the app's own of these names give way to ours. */
export const RATE_LIMIT_FIELDS: ReadonlySet<string> = new Set([
  "ratelimit-policy",
  "ratelimit",
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
]);

/** What is known of a request's limits, kept until it is answered. */
export class RateLimitNote {
  /** The limit nearest to its end of those that hold for the request; `undefined`: none does. */
  limit: RateLimit | undefined;
  isAllowed = true;
  remaining = 0;
  resetMs = 0;
  retryAfterMs = 0;

  clear(): void {
    this.limit = undefined;
    this.isAllowed = true;
  }

  keep(limit: RateLimit, { isAllowed, remaining, resetMs, retryAfterMs }: RateLimitVerdict): void {
    this.limit = limit;
    this.isAllowed = isAllowed;
    this.remaining = remaining;
    this.resetMs = resetMs;
    this.retryAfterMs = retryAfterMs;
  }

  get fields(): readonly (readonly [name: string, value: string])[] {
    return this.limit === undefined ? [] : rateLimitFields(this.limit, this);
  }
}

/** Takes requests out of a workload's buckets and counts what became of them. */
export class RateLimits {
  readonly #recorder: TrafficRecorder;
  readonly #workload: string;
  readonly #counters = new WeakMap<CompiledRateLimit, Counters>();

  constructor(recorder: TrafficRecorder, workload: string) {
    this.#recorder = recorder;
    this.#workload = workload;
  }

  /**
   * Asks the limits in order until one refuses, and leaves in `note` what the answer has to tell. A
   * limit in shadow is asked and counted, and nothing more.
   */
  take(
    limits: readonly CompiledRateLimit[],
    facts: RateLimitFacts,
    nowMs: number,
    note: RateLimitNote,
  ): void {
    note.clear();
    for (let index = 0; index < limits.length; index++) {
      const compiled = limits[index] as CompiledRateLimit;
      if (!compiled.matches(facts)) continue;
      const { limit, limiter } = compiled;
      const verdict = limiter.take(rateLimitKey(limit, facts), nowMs);
      const counters = this.#countersOf(compiled);
      (verdict.isAllowed ? counters.allowed : counters.limited).add(1);
      if (limit.isShadow) continue;
      if (!verdict.isAllowed || note.limit === undefined || verdict.remaining < note.remaining) {
        note.keep(limit, verdict);
      }
      if (!verdict.isAllowed) return;
    }
  }

  #countersOf(compiled: CompiledRateLimit): Counters {
    const known = this.#counters.get(compiled);
    if (known !== undefined) return known;
    const { name, rule, isShadow } = compiled.limit;
    const counter = (outcome: string) =>
      this.#recorder.counter("heddle_rate_limit_total", {
        workload: this.#workload,
        limit: name,
        // Without its revision: a change elsewhere in the document begins no new series.
        rule: rule.replace(/, revision \d+$/, ""),
        outcome,
        shadow: String(isShadow),
      });
    const made = { allowed: counter("allowed"), limited: counter("limited") };
    this.#counters.set(compiled, made);
    return made;
  }
}
