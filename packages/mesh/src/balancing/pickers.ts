import { DeadlineSchedule } from "./deadline-schedule.ts";
import type { HashTable } from "./hash-table.ts";
import { expectedCost } from "./peak-ewma.ts";
import { pickEndpoint } from "./pick-endpoint.ts";
import { type Candidate, type Seat, weightNow } from "./seat.ts";
import type { BalancingAlgorithm, Warmup } from "./traffic-policy.ts";

/**
 * One way to choose among a fixed, non-empty set of seats, all of which may be used. Made when the set
 * changes; picking allocates nothing. Draws lie in [0, 1), `hash` in [0, 2^32).
 */
export interface Picker<T extends Candidate> {
  pick(firstDraw: number, secondDraw: number, nowMs: number, hash: number | undefined): T;
}

/** The picker of an algorithm; consistent hashing has its own (`HashedPicker`). */
export function makePicker<T extends Candidate>(
  seats: readonly Seat<T>[],
  algorithm: BalancingAlgorithm,
  warmup: Warmup | undefined,
  isWarming: boolean,
  draw: number,
  nowMs: number,
): Picker<T> {
  const isEven = seats.every(({ weight }) => weight === seats[0]?.weight);
  switch (algorithm.kind) {
    case "least-request":
    case "round-robin": {
      const countsLoad = algorithm.kind === "least-request";
      if (isWarming || !isEven) return new WeightedTurns(seats, warmup, countsLoad, draw, nowMs);
      return countsLoad ? new TwoChoices(seats) : new Turns(seats, draw);
    }
    case "peak-ewma":
      return new LeastLatency(seats, algorithm.decayMs);
    default: // "random", and "passthrough" where there is no address to pass through to
      return isEven ? new EvenDraws(seats) : new WeightedDraws(seats);
  }
}

/** LEAST_REQUEST among equals. */
class TwoChoices<T extends Candidate> implements Picker<T> {
  readonly #targets: readonly T[];
  constructor(seats: readonly Seat<T>[]) {
    this.#targets = seats.map(({ target }) => target);
  }
  pick(firstDraw: number, secondDraw: number): T {
    return pickEndpoint(this.#targets, firstDraw, secondDraw) as T;
  }
}

/** ROUND_ROBIN among equals, from a random start. */
class Turns<T extends Candidate> implements Picker<T> {
  readonly #targets: readonly T[];
  #next: number;
  constructor(seats: readonly Seat<T>[], draw: number) {
    this.#targets = seats.map(({ target }) => target);
    this.#next = Math.floor(draw * seats.length);
  }
  pick(): T {
    const turn = this.#next;
    this.#next = turn + 1 === this.#targets.length ? 0 : turn + 1;
    return this.#targets[turn] as T;
  }
}

/**
 * Turns by weight; LEAST_REQUEST divides the weight by the requests under way + 1, as Envoy does when
 * weights differ or an endpoint warms up (`active_request_bias` 1).
 */
class WeightedTurns<T extends Candidate> implements Picker<T> {
  readonly #seats: readonly Seat<T>[];
  readonly #warmup: Warmup | undefined;
  readonly #countsLoad: boolean;
  readonly #schedule: DeadlineSchedule;
  constructor(
    seats: readonly Seat<T>[],
    warmup: Warmup | undefined,
    countsLoad: boolean,
    draw: number,
    nowMs: number,
  ) {
    this.#seats = seats;
    this.#warmup = warmup;
    this.#countsLoad = countsLoad;
    const weights = seats.map((seat) => weightNow(seat, warmup, nowMs));
    this.#schedule = new DeadlineSchedule(weights, draw);
  }
  pick(_firstDraw: number, _secondDraw: number, nowMs: number): T {
    const seat = this.#seats[this.#schedule.first] as Seat<T>;
    const weight = weightNow(seat, this.#warmup, nowMs);
    this.#schedule.reschedule(
      this.#countsLoad ? weight / (seat.target.activeRequests + 1) : weight,
    );
    return seat.target;
  }
}

/** RANDOM among equals. */
class EvenDraws<T extends Candidate> implements Picker<T> {
  readonly #targets: readonly T[];
  constructor(seats: readonly Seat<T>[]) {
    this.#targets = seats.map(({ target }) => target);
  }
  pick(firstDraw: number): T {
    return this.#targets[Math.floor(firstDraw * this.#targets.length)] as T;
  }
}

/** RANDOM by weight. */
class WeightedDraws<T extends Candidate> implements Picker<T> {
  readonly #targets: readonly T[];
  readonly #upperEnds: Float64Array;
  constructor(seats: readonly Seat<T>[]) {
    this.#targets = seats.map(({ target }) => target);
    let sum = 0;
    this.#upperEnds = Float64Array.from(seats, ({ weight }) => (sum += weight));
  }
  pick(firstDraw: number): T {
    const ends = this.#upperEnds;
    const last = ends.length - 1;
    const at = firstDraw * (ends[last] as number);
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle] as number) <= at) low = middle + 1;
      else high = middle;
    }
    return this.#targets[low] as T;
  }
}

/** Whether a request costs less at `second` than at `first`, by peak EWMA and weight. */
export function isCheaper(
  second: Seat<Candidate>,
  first: Seat<Candidate>,
  nowMs: number,
  decayMs: number,
): boolean {
  const atFirst = first.target.activeRequests;
  const atSecond = second.target.activeRequests;
  const costOfFirst = expectedCost(first.latency, atFirst, atSecond, nowMs, decayMs);
  const costOfSecond = expectedCost(second.latency, atSecond, atFirst, nowMs, decayMs);
  return costOfSecond / second.weight < costOfFirst / first.weight;
}

/** Two choices by peak EWMA (Finagle's and Linkerd's balancer): the cheaper of two different seats. */
class LeastLatency<T extends Candidate> implements Picker<T> {
  readonly #seats: readonly Seat<T>[];
  readonly #decayMs: number;
  constructor(seats: readonly Seat<T>[], decayMs: number) {
    this.#seats = seats;
    this.#decayMs = decayMs;
  }
  pick(firstDraw: number, secondDraw: number, nowMs: number): T {
    const seats = this.#seats;
    const count = seats.length;
    const firstIndex = Math.floor(firstDraw * count);
    const first = seats[firstIndex] as Seat<T>;
    if (count === 1) return first.target;
    const offset = 1 + Math.floor(secondDraw * (count - 1));
    const second = seats[(firstIndex + offset) % count] as Seat<T>;
    return isCheaper(second, first, nowMs, this.#decayMs) ? second.target : first.target;
  }
}

/**
 * Consistent hashing over a table of all seats; `isOut` marks those that may not be used. A request
 * without a key goes anywhere, by the first draw.
 */
export class HashedPicker<T extends Candidate> implements Picker<T> {
  readonly #targets: readonly T[];
  readonly #table: HashTable;
  readonly #isOut: Uint8Array;
  constructor(seats: readonly Seat<T>[], table: HashTable, isOut: Uint8Array) {
    this.#targets = seats.map(({ target }) => target);
    this.#table = table;
    this.#isOut = isOut;
  }
  pick(firstDraw: number, _secondDraw: number, _nowMs: number, hash: number | undefined): T {
    const place = hash ?? Math.floor(firstDraw * 0x1_0000_0000);
    return this.#targets[this.#table.find(place, this.#isOut)] as T;
  }
}
