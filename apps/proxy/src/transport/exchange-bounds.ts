/** Which of an exchange's bounds is passed. */
export type PassedBound = "route" | "try" | "idle";

/**
 * When an exchange is to end: its route's time is over, or that of the present try, or nothing moves any
 * more. All in the deadline clock's time; infinity: no such bound.
 */
export class ExchangeBounds {
  /** For the whole exchange. */
  routeAtMs = Number.POSITIVE_INFINITY;
  /** For the present try, until its answer's head is passed on. */
  tryAtMs = Number.POSITIVE_INFINITY;

  reset(): void {
    this.routeAtMs = Number.POSITIVE_INFINITY;
    this.tryAtMs = Number.POSITIVE_INFINITY;
  }

  /** The first bound that is passed at `nowMs`; else the time at which to look again. */
  check(nowMs: number, idleAtMs: number, isAnswered: boolean): PassedBound | number {
    if (nowMs >= this.routeAtMs) return "route";
    const tryAtMs = isAnswered ? Number.POSITIVE_INFINITY : this.tryAtMs;
    if (nowMs >= tryAtMs) return "try";
    if (nowMs >= idleAtMs) return "idle";
    return Math.min(idleAtMs, this.routeAtMs, tryAtMs);
  }
}
