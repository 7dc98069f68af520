import { buildMaglev, buildRing, type HashTable } from "./hash-table.ts";
import { HashedPicker, isCheaper, makePicker, type Picker } from "./pickers.ts";
import { type Candidate, type Seat, warmUntilMs } from "./seat.ts";
import type { BalancingAlgorithm, LoadBalancer } from "./traffic-policy.ts";

/**
 * The seats that are alike in locality. Its table (for consistent hashing) is built with it and lives as
 * long as its members; which of them may be used changes by `arrange`.
 */
export class EndpointGroup<T extends Candidate> {
  readonly name: string;
  readonly seats: readonly Seat<T>[];
  readonly #balancer: LoadBalancer;
  readonly #table: HashTable | undefined;
  readonly #isOut: Uint8Array;
  #available: readonly Seat<T>[] = [];
  #picker: Picker<T> | undefined;
  #ignoresEjection = false;

  constructor(name: string, seats: readonly Seat<T>[], balancer: LoadBalancer, tables: TableStore) {
    this.name = name;
    // Proxies may learn of endpoints in different orders, but must build equal tables.
    this.seats = "key" in balancer.algorithm ? seats.toSorted(byId) : seats;
    this.#balancer = balancer;
    this.#table = tables.get(balancer.algorithm, this.seats);
    this.#isOut = new Uint8Array(seats.length);
  }

  /** The seats that may be used. */
  get usable(): readonly Seat<T>[] {
    return this.#available;
  }

  /** `undefined`: no seat may be used. */
  get picker(): Picker<T> | undefined {
    return this.#picker;
  }

  /** Whether ejected seats are used all the same, as too few are left. */
  get ignoresEjection(): boolean {
    return this.#ignoresEjection;
  }

  /** How many seats are not ejected. */
  countHealthy(): number {
    return this.seats.reduce((sum, { health }) => sum + (health.kind === "ejected" ? 0 : 1), 0);
  }

  /** Works out anew which seats may be used and how to choose among them; `draw` is a random start. */
  arrange(ignoresEjection: boolean, draw: number, nowMs: number): void {
    const { seats } = this;
    const { algorithm, warmup } = this.#balancer;
    this.#ignoresEjection = ignoresEjection;
    for (const [i, { health }] of seats.entries()) {
      this.#isOut[i] = health.kind === "ejected" && !ignoresEjection ? 1 : 0;
    }
    const available = seats.filter((_, i) => this.#isOut[i] === 0);
    this.#available = available;
    if (available.length === 0) this.#picker = undefined;
    else if (this.#table !== undefined) {
      this.#picker = new HashedPicker(seats, this.#table, this.#isOut);
    } else {
      const isWarming = available.some((seat) => warmUntilMs(seat, warmup) > nowMs);
      this.#picker = makePicker(available, algorithm, warmup, isWarming, draw, nowMs);
    }
  }

  /**
   * A seat for a further try: two draws by weight among those not tried yet, the one with less to do.
   * `undefined`: all have been tried. It scans, as retries are few and their number is bounded.
   */
  pickUntried(
    avoid: readonly T[],
    firstDraw: number,
    secondDraw: number,
    nowMs: number,
    hash: number | undefined,
  ): T | undefined {
    if (this.#table !== undefined && hash !== undefined) {
      const isOut = this.#isOut.map((out, i) =>
        avoid.includes(this.seats[i]?.target as T) ? 1 : out,
      );
      return this.seats[this.#table.find(hash, isOut)]?.target;
    }
    const first = this.#drawUntried(avoid, undefined, firstDraw);
    if (first === undefined) return undefined;
    const second = this.#drawUntried(avoid, first, secondDraw);
    if (second === undefined) return first.target;
    return this.#isBetter(second, first, nowMs) ? second.target : first.target;
  }

  #isBetter(second: Seat<T>, first: Seat<T>, nowMs: number): boolean {
    const { algorithm } = this.#balancer;
    if (algorithm.kind === "peak-ewma") return isCheaper(second, first, nowMs, algorithm.decayMs);
    if (algorithm.kind !== "least-request") return false;
    return (
      second.target.activeRequests / second.weight < first.target.activeRequests / first.weight
    );
  }

  #drawUntried(avoid: readonly T[], other: Seat<T> | undefined, draw: number): Seat<T> | undefined {
    const isOpen = (seat: Seat<T>): boolean => seat !== other && !avoid.includes(seat.target);
    let total = 0;
    for (const seat of this.#available) if (isOpen(seat)) total += seat.weight;
    let at = draw * total;
    let found: Seat<T> | undefined;
    for (const seat of this.#available) {
      if (!isOpen(seat)) continue;
      found = seat;
      at -= seat.weight;
      if (at < 0) break;
    }
    return found;
  }
}

function byId(a: Seat<Candidate>, b: Seat<Candidate>): number {
  return a.target.endpoint.id < b.target.endpoint.id ? -1 : 1;
}

/** Keeps hash tables over updates that do not change the members they were built for. */
export class TableStore {
  #before = new Map<string, HashTable>();
  #now = new Map<string, HashTable>();

  /** Begins an update; tables that it does not ask for are dropped at the next. */
  turn(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }

  /** The table of these seats; `undefined`: the algorithm needs none. */
  get(algorithm: BalancingAlgorithm, seats: readonly Seat<Candidate>[]): HashTable | undefined {
    if (algorithm.kind !== "ring-hash" && algorithm.kind !== "maglev") return undefined;
    if (seats.length === 0) return undefined;
    const members = seats.map(({ weight, target }) => ({ id: target.endpoint.id, weight }));
    const size = algorithm.kind === "maglev" ? algorithm.tableSize : algorithm.minimumRingSize;
    const key = JSON.stringify([algorithm.kind, size, members]);
    const table =
      this.#before.get(key) ??
      (algorithm.kind === "maglev" ? buildMaglev(members, size) : buildRing(members, size));
    this.#now.set(key, table);
    return table;
  }
}
