import { type EndpointStanding, standingOf } from "./endpoint-standing.ts";
import type { Origin } from "./locality.ts";
import type { Outcome } from "./outcome.ts";
import {
  afterInterval,
  afterOutcome,
  afterTime,
  type EndpointHealth,
  endEjection,
  healthyEndpoint,
  maxEjected,
} from "./outlier-detection.ts";
import { observeOutcome } from "./peak-ewma.ts";
import { type Candidate, type Seat, seatKey, takeSeat, warmUntilMs } from "./seat.ts";
import type { HashKey, LoadBalancer, TrafficPolicy } from "./traffic-policy.ts";
import { type Retry, TrafficSpread } from "./traffic-spread.ts";

/** An endpoint that has just been ejected: until when and why. */
export type Ejection = Extract<EndpointHealth, { kind: "ejected" }>;

const LEAST_REQUEST: LoadBalancer = { algorithm: { kind: "least-request" } };
const NOWHERE: Origin = { locality: undefined, labels: {} };

/**
 * Chooses the endpoint of each request to one destination (a service, subset and port) under one policy,
 * and learns from the answers who is out. It reads no clock and draws no number: `nowMs` is epoch ms,
 * draws lie in [0, 1). What can be is worked out when candidates, policy or health change; a pick
 * allocates nothing, and with no policy costs what choosing between two costs (decision 71).
 */
export class Balancer<T extends Candidate> {
  readonly #spread: TrafficSpread<T>;
  #policy: TrafficPolicy = {};
  #balancer: LoadBalancer = LEAST_REQUEST;
  #origin: Origin = NOWHERE;
  #seats: readonly Seat<T>[] = [];
  #seatOf = new Map<T, Seat<T>>();
  /** When time alone changes something next: an ejection or a warm-up ends. */
  #dueMs = Number.POSITIVE_INFINITY;
  #ejectedCount = 0;
  /** Whether answers matter at all. */
  #learns = false;

  /** `draw` is the random start of turns, so that proxies that start together differ. */
  constructor(draw: number) {
    this.#spread = new TrafficSpread(draw);
  }

  /** What of a request is hashed for `pick`; `undefined`: nothing, do not look. */
  get hashKey(): HashKey | undefined {
    const { algorithm } = this.#balancer;
    return "key" in algorithm ? algorithm.key : undefined;
  }

  /** How many endpoints are ejected, used all the same or not. */
  get ejectedCount(): number {
    return this.#ejectedCount;
  }

  /**
   * Takes over candidates and policy. Who stays (same id and address) keeps its counters, ejection,
   * latency and warm-up. Free when neither is new: equal policies and origins should be the same object.
   */
  update(candidates: readonly T[], policy: TrafficPolicy, origin: Origin, nowMs: number): void {
    if (policy === this.#policy && origin === this.#origin && this.#holds(candidates)) return;
    const known = new Map(this.#seats.map((seat) => [seatKey(seat.target), seat]));
    this.#policy = policy;
    this.#origin = origin;
    this.#balancer = policy.loadBalancer ?? LEAST_REQUEST;
    this.#seats = candidates.map((target) => takeSeat(target, known.get(seatKey(target)), nowMs));
    this.#seatOf = new Map(this.#seats.map((seat) => [seat.target, seat]));
    const hasDetection = policy.outlierDetection !== undefined;
    this.#learns = hasDetection || this.#balancer.algorithm.kind === "peak-ewma";
    if (!hasDetection) for (const seat of this.#seats) seat.health = healthyEndpoint();
    this.#takeBackExcess();
    this.#spread.divide(this.#seats, this.#balancer, origin, hasDetection);
    this.#settle(nowMs);
  }

  /**
   * The endpoint for a request; `undefined`: there is none (`explain` says why). `hash` is that of the
   * request's key (`hashKey`). A further try passes `retry`; it gets an endpoint that it has not tried,
   * in its locality or beyond, as long as there is one.
   */
  pick(
    firstDraw: number,
    secondDraw: number,
    nowMs: number,
    hash?: number,
    retry?: Retry<T>,
  ): T | undefined {
    if (nowMs >= this.#dueMs) this.#settle(nowMs);
    if (retry !== undefined && retry.avoid.length > 0) {
      const untried = this.#spread.pickUntried(retry, firstDraw, secondDraw, nowMs, hash);
      if (untried !== undefined) return untried;
    }
    return this.#spread.pick(firstDraw, secondDraw, nowMs, hash);
  }

  /**
   * Learns from one attempt: what became of it, how long it took until the answer's head (or its failure)
   * and how long its Retry-After asks for. Returns the ejection if this was the failure that caused one.
   */
  onOutcome(
    target: T,
    outcome: Outcome,
    latencyMs: number,
    nowMs: number,
    retryAfterMs = 0,
  ): Ejection | undefined {
    if (!this.#learns) return undefined;
    const seat = this.#seatOf.get(target);
    if (seat === undefined) return undefined; // it has left meanwhile
    const { algorithm } = this.#balancer;
    if (algorithm.kind === "peak-ewma") {
      observeOutcome(seat.latency, outcome, latencyMs, retryAfterMs, algorithm, nowMs);
    }
    return this.#judge(seat, outcome, nowMs);
  }

  /** How every endpoint stands now, and why, in the order of the candidates. */
  explain(nowMs: number): EndpointStanding<T>[] {
    if (nowMs >= this.#dueMs) this.#settle(nowMs);
    const { warmup } = this.#balancer;
    const { serving } = this.#spread;
    const groups = this.#spread.groupsBySeat();
    return this.#seats.map((seat) => standingOf(seat, groups.get(seat), serving, warmup, nowMs));
  }

  #holds(candidates: readonly T[]): boolean {
    const seats = this.#seats;
    if (candidates.length !== seats.length) return false;
    return seats.every(({ target }, i) => target === candidates[i]);
  }

  #judge(seat: Seat<T>, outcome: Outcome, nowMs: number): Ejection | undefined {
    const policy = this.#policy.outlierDetection;
    if (policy === undefined) return undefined;
    if (nowMs >= this.#dueMs) this.#settle(nowMs);
    this.#forgive(seat, policy.intervalMs, nowMs);
    const before = seat.health;
    const hasRoom = this.#ejectedCount < maxEjected(this.#seats.length, policy.maxEjectionRatio);
    const after = afterOutcome(before, outcome, policy, hasRoom, nowMs);
    if (after === before) return undefined;
    seat.health = after;
    if (after.kind !== "ejected") return undefined;
    this.#settle(nowMs);
    return after;
  }

  /** Takes off one ejection for each interval the seat has been in use since. */
  #forgive(seat: Seat<T>, intervalMs: number, nowMs: number): void {
    while (
      seat.health.kind !== "ejected" &&
      seat.health.ejections > 0 &&
      nowMs >= seat.inUseSinceMs + intervalMs
    ) {
      seat.health = afterInterval(seat.health);
      seat.inUseSinceMs += intervalMs;
    }
  }

  /** When endpoints have left, more may be ejected than the policy allows: the first due come back. */
  #takeBackExcess(): void {
    const room = maxEjected(
      this.#seats.length,
      this.#policy.outlierDetection?.maxEjectionRatio ?? 0,
    );
    const ejected = this.#seats
      .filter(({ health }) => health.kind === "ejected")
      .sort((a, b) => untilMsOf(a.health) - untilMsOf(b.health));
    for (const seat of ejected.slice(0, Math.max(0, ejected.length - room))) {
      seat.health = endEjection(seat.health);
    }
  }

  /** Ends the ejections that are over, spreads the traffic anew and finds out what is due next. */
  #settle(nowMs: number): void {
    let dueMs = Number.POSITIVE_INFINITY;
    let ejected = 0;
    for (const seat of this.#seats) {
      const before = seat.health;
      seat.health = afterTime(before, nowMs);
      if (seat.health !== before) seat.inUseSinceMs = untilMsOf(before);
      if (seat.health.kind === "ejected") {
        ejected++;
        dueMs = Math.min(dueMs, seat.health.untilMs);
      }
      const warmMs = warmUntilMs(seat, this.#balancer.warmup);
      if (warmMs > nowMs) dueMs = Math.min(dueMs, warmMs);
    }
    this.#ejectedCount = ejected;
    this.#dueMs = dueMs;
    this.#spread.arrange(this.#policy.outlierDetection?.minHealthRatio ?? 0, nowMs);
  }
}

function untilMsOf(health: EndpointHealth): number {
  return health.kind === "ejected" ? health.untilMs : Number.NEGATIVE_INFINITY;
}
