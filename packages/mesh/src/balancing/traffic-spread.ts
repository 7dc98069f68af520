import { nextEvenDraw } from "../routing/even-draw.ts";
import { EndpointGroup, TableStore } from "./endpoint-group.ts";
import { type LocalityPlan, type Origin, planLocalities } from "./locality.ts";
import { panickingGroups, priorityShares, weightedShares } from "./locality-shares.ts";
import { pickEndpoint } from "./pick-endpoint.ts";
import type { Picker } from "./pickers.ts";
import { type Candidate, type Seat, warmUntilMs } from "./seat.ts";
import { rehash } from "./stable-hash.ts";
import type { LoadBalancer } from "./traffic-policy.ts";

/** A further try of a request: where it has been, and whether it should rather leave that locality. */
export type Retry<T> = { readonly avoid: readonly T[]; readonly leavesLocality: boolean };

const GROUP_ROUND = 0x10ca; // any round of `rehash` that stepping over in a hash table does not use
const ALMOST_ONE = 1 - Number.EPSILON;

/**
 * How requests spread over the seats of one destination: groups by locality, the share of each, the way
 * to choose within it. All of it is worked out when the seats (`divide`) or their health (`arrange`)
 * change; picking only reads.
 */
export class TrafficSpread<T extends Candidate> {
  #draw: number;
  #balancer: LoadBalancer = { algorithm: { kind: "least-request" } };
  readonly #tables = new TableStore();
  #plan: LocalityPlan = { kind: "one" };
  #groups: readonly EndpointGroup<T>[] = [];
  /** Of the groups that get requests: where their shares end in (0, 1], and how they choose. */
  #serving: readonly EndpointGroup<T>[] = [];
  #upperEnds = new Float64Array(0);
  #pickers: readonly Picker<T>[] = [];
  /** Not `undefined`: these are all, alike, and two choices by load are the whole rule. */
  #plain: readonly T[] | undefined = [];

  constructor(draw: number) {
    this.#draw = draw;
  }

  /** The groups that get requests. */
  get serving(): readonly EndpointGroup<T>[] {
    return this.#serving;
  }

  /** Each seat's group; a seat without one is left out by the distribution. */
  groupsBySeat(): Map<Seat<T>, EndpointGroup<T>> {
    return new Map(
      this.#groups.flatMap((group) => group.seats.map((seat) => [seat, group] as const)),
    );
  }

  /** Puts the seats into groups by locality. `arrange` has to follow. */
  divide(
    seats: readonly Seat<T>[],
    balancer: LoadBalancer,
    origin: Origin,
    hasDetection: boolean,
  ): void {
    const endpoints = seats.map(({ target }) => target.endpoint);
    const plan = planLocalities(endpoints, balancer.locality, origin, hasDetection);
    const all = { name: "all", members: seats.map((_, index) => index) };
    const groups = plan.kind === "one" ? [all] : plan.groups;
    this.#balancer = balancer;
    this.#plan = plan;
    this.#tables.turn();
    this.#groups = groups.map(({ name, members }) => {
      const own = members.map((index) => seats[index] as Seat<T>);
      return new EndpointGroup(name, own, balancer, this.#tables);
    });
  }

  /** Works out which groups get which share, and how each chooses, from everybody's health. */
  arrange(minHealthRatio: number, nowMs: number): void {
    const counts = this.#groups.map((group) => ({
      total: group.seats.length,
      available: group.countHealthy(),
    }));
    const panics = panickingGroups(counts, minHealthRatio);
    for (const [i, group] of this.#groups.entries()) {
      this.#draw = nextEvenDraw(this.#draw);
      group.arrange(panics[i] ?? false, this.#draw, nowMs);
    }
    const usable = counts.map((count, i) =>
      panics[i] ? { ...count, available: count.total } : count,
    );
    const plan = this.#plan;
    const shares =
      plan.kind === "weighted" ? weightedShares(usable, plan.weights) : priorityShares(usable);
    this.#serve(shares, nowMs);
  }

  /** The endpoint for a request, as `Balancer.pick`. */
  pick(
    firstDraw: number,
    secondDraw: number,
    nowMs: number,
    hash: number | undefined,
  ): T | undefined {
    const plain = this.#plain;
    if (plain !== undefined) return pickEndpoint(plain, firstDraw, secondDraw);
    const pickers = this.#pickers;
    if (pickers.length < 2) return pickers[0]?.pick(firstDraw, secondDraw, nowMs, hash);
    const ends = this.#upperEnds;
    const draw = hash === undefined ? firstDraw : rehash(hash, GROUP_ROUND) / 0x1_0000_0000;
    const index = this.#groupAt(draw);
    const start = index === 0 ? 0 : (ends[index - 1] as number);
    // What is left of a draw within its group's share is as even as the draw was.
    const rest = Math.min((draw - start) / ((ends[index] as number) - start), ALMOST_ONE);
    return pickers[index]?.pick(rest, secondDraw, nowMs, hash);
  }

  /** The endpoint for a further try; `undefined`: all that may be used have been tried. */
  pickUntried(
    { avoid, leavesLocality }: Retry<T>,
    firstDraw: number,
    secondDraw: number,
    nowMs: number,
    hash: number | undefined,
  ): T | undefined {
    // Whose turn it is comes first, then the others that get requests, then those that stand by.
    const turn = this.#serving[this.#groupAt(firstDraw)];
    const draw = this.#serving.length > 1 ? (firstDraw * 4096) % 1 : firstDraw; // the rest is spent
    const order = new Set([...(turn ? [turn] : []), ...this.#serving, ...this.#groups]);
    const wasTried = ({ seats }: EndpointGroup<T>): boolean =>
      leavesLocality && seats.some(({ target }) => avoid.includes(target));
    for (const group of [...order].sort((a, b) => Number(wasTried(a)) - Number(wasTried(b)))) {
      const found = group.pickUntried(avoid, draw, secondDraw, nowMs, hash);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #serve(shares: readonly number[], nowMs: number): void {
    const serving = this.#groups.filter((_, i) => (shares[i] ?? 0) > 0);
    this.#serving = serving;
    this.#pickers = serving.flatMap(({ picker }) => picker ?? []);
    let sum = 0;
    const held = shares.filter((share) => share > 0);
    this.#upperEnds = Float64Array.from(held, (share) => {
      sum += share;
      return sum;
    });
    this.#plain = undefined;
    const [only] = serving;
    if (serving.length === 1 && only !== undefined && this.#isPlain(only, nowMs)) {
      this.#plain = only.usable.map(({ target }) => target);
    }
  }

  #isPlain({ usable }: EndpointGroup<T>, nowMs: number): boolean {
    const { algorithm, warmup } = this.#balancer;
    if (algorithm.kind !== "least-request") return false;
    const weight = usable[0]?.weight;
    return usable.every((seat) => seat.weight === weight && warmUntilMs(seat, warmup) <= nowMs);
  }

  #groupAt(draw: number): number {
    const ends = this.#upperEnds;
    let index = 0;
    while (index < ends.length - 1 && draw >= (ends[index] as number)) index++;
    return index;
  }
}
