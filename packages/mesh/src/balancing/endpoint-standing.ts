import type { EndpointGroup } from "./endpoint-group.ts";
import { describeFailures } from "./outlier-detection.ts";
import { type Candidate, type Seat, warmUntilMs } from "./seat.ts";
import type { Warmup } from "./traffic-policy.ts";
import { warmupFactor } from "./warmup.ts";

/**
 * How an endpoint stands with a destination and why, for people: failure bodies and the console.
 * "standby": used when nearer ones fail; "excluded": the distribution gives its locality nothing.
 */
export type EndpointStanding<T> = {
  readonly target: T;
  readonly state: "in-use" | "warming" | "ejected" | "standby" | "excluded";
  /** In words; empty: in use, and nothing to say. */
  readonly reason: string;
  readonly sinceMs: number | undefined;
  /** When it will be used (fully) again; `undefined`: that depends on others. */
  readonly untilMs: number | undefined;
};

/** How one seat stands now. `serving` names the groups that get requests; `group` is its own, if any. */
export function standingOf<T extends Candidate>(
  seat: Seat<T>,
  group: EndpointGroup<T> | undefined,
  serving: readonly EndpointGroup<T>[],
  warmup: Warmup | undefined,
  nowMs: number,
): EndpointStanding<T> {
  const { target, health } = seat;
  if (health.kind === "ejected") {
    const { reason, sinceMs, untilMs } = health;
    if (!group?.ignoresEjection) return { target, state: "ejected", reason, sinceMs, untilMs };
    const healthy = `${group.countHealthy()} of ${group.seats.length}`;
    const words = `${reason}; used all the same, as only ${healthy} are healthy`;
    return { target, state: "in-use", reason: words, sinceMs, untilMs };
  }
  const idle = { target, sinceMs: undefined, untilMs: undefined };
  if (group === undefined) {
    return { ...idle, state: "excluded", reason: "its locality has no share of the distribution" };
  }
  if (!serving.includes(group)) {
    const names = serving.map(({ name }) => name).join(", ");
    return { ...idle, state: "standby", reason: `${group.name}; stands by while ${names} serves` };
  }
  const failures = describeFailures(health) ?? "";
  const untilMs = warmUntilMs(seat, warmup);
  if (warmup === undefined || untilMs <= nowMs)
    return { ...idle, state: "in-use", reason: failures };
  const percent = Math.round(100 * warmupFactor(warmup, nowMs - seat.warmFromMs));
  const words = `warms up, at ${percent} % of its weight${failures && `; ${failures}`}`;
  return { target, state: "warming", reason: words, sinceMs: seat.warmFromMs, untilMs };
}
