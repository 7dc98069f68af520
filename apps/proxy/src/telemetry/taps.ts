import type { TapOrder } from "@heddle/contracts/control-stream";
import {
  compileTapFilter,
  formatId,
  isCredentialHeader,
  type TapFacts,
  type TapParty,
  type TapTest,
} from "@heddle/mesh";
import type {
  ConnectionRecord,
  PairLabels,
  PeerLabels,
  ReadHeader,
  ReportingWorkload,
  SpanRecord,
} from "../core/traffic-recorder.ts";
import { isFailure } from "./is-failure.ts";

/** What somebody who taps is told of beside a request: harmless, and of use. All other headers stay untold. */
const TOLD_HEADERS: readonly string[] = [
  "accept",
  "content-encoding",
  "content-type",
  "origin",
  "upgrade",
  "user-agent",
];
const MAX_TAPS = 16;
const MAX_WAITING = 2_000;
const MAX_HEADER_LENGTH = 256;
const NO_TAPS: readonly LiveTap[] = [];

/** Something tapped, for those taps it met. */
export type Tapped = {
  readonly tapIds: readonly string[];
  readonly workload: ReportingWorkload;
} & (
  | {
      readonly exchange: SpanRecord;
      readonly isTraced: boolean;
      readonly headers: readonly (readonly [name: string, value: string])[];
    }
  | { readonly connection: ConnectionRecord; readonly atEpochMs: number }
);

/** What waits to be sent, taken out at once. */
export type TappedBatch = {
  readonly tapped: readonly Tapped[];
  /** How many each tap has met that are not among them, since the last batch. */
  readonly notShown: ReadonlyMap<string, number>;
};

/** One tap while it lasts: whom it means, and how many it has told this second. */
type LiveTap = {
  readonly id: string;
  readonly isMet: TapTest;
  readonly workloads: ReadonlySet<string>;
  readonly headers: readonly string[];
  readonly maxPerSecond: number;
  readonly endsAtMs: number;
  secondStartMs: number;
  toldThisSecond: number;
};

/**
 * The taps on this proxy's workloads, and what they have caught: nothing here waits, and what nobody fetches in time
 * is counted instead of kept. Clocks are of `performance.now()`, so that nobody's calendar matters.
 */
export class Taps {
  /** The data path asks this alone while nobody taps. */
  isOn = false;
  /** Called when the first tap begins. */
  onBegin: () => void = () => {};
  readonly #now: () => number;
  #taps: readonly LiveTap[] = NO_TAPS;
  #byWorkload = new Map<string, readonly LiveTap[]>();
  #waiting: Tapped[] = [];
  #notShown = new Map<string, number>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get count(): number {
    return this.#taps.length;
  }

  /** All taps from now on; one that goes on keeps its count of the present second. Beyond 16 they are left out. */
  set(orders: readonly TapOrder[]): void {
    const nowMs = this.#now();
    const known = new Map(this.#taps.map((tap) => [tap.id, tap]));
    this.#keep(
      orders.slice(0, MAX_TAPS).map((order) => {
        const { id, filter, workloads, maxPerSecond, remainingMs } = order;
        const { secondStartMs = nowMs, toldThisSecond = 0 } = known.get(id) ?? {};
        return {
          id,
          isMet: compileTapFilter(filter),
          workloads: new Set(workloads.map(formatId)),
          headers: [
            ...TOLD_HEADERS,
            ...(filter.headers ?? []).flatMap(({ name }) => (isCredentialHeader(name) ? [] : name)),
          ],
          ...{ maxPerSecond, endsAtMs: nowMs + remainingMs, secondStartMs, toldThisSecond },
        };
      }),
    );
  }

  /** Ends those whose time is over. */
  expire(): void {
    const nowMs = this.#now();
    if (this.#taps.some(({ endsAtMs }) => endsAtMs <= nowMs)) {
      this.#keep(this.#taps.filter(({ endsAtMs }) => endsAtMs > nowMs));
    }
  }

  hears(workload: string): boolean {
    return this.isOn && this.#byWorkload.has(workload);
  }

  /** `workload`: its id as text, which the caller keeps. */
  catchExchange(
    workload: string,
    exchange: SpanRecord,
    isTraced: boolean,
    header: ReadHeader,
  ): void {
    const { method, path, status, grpcStatus, pair } = exchange;
    const request = { method, path, status, isFailure: isFailure(status, grpcStatus), header };
    const met = this.#meet(workload, { ...endsOf(pair), request });
    if (met.length === 0) return;
    const names = new Set(met.flatMap(({ headers }) => headers));
    const headers = [...names].flatMap((name) => {
      const value = header(name);
      return value === undefined ? [] : [[name, value.slice(0, MAX_HEADER_LENGTH)] as const];
    });
    const tapIds = met.map(({ id }) => id);
    this.#waiting.push({ tapIds, workload: exchange.workload, exchange, isTraced, headers });
  }

  catchConnection(workload: ReportingWorkload, name: string, connection: ConnectionRecord): void {
    const met = this.#meet(name, { ...endsOf(connection.pair), request: undefined });
    if (met.length === 0) return;
    const tapIds = met.map(({ id }) => id);
    const atEpochMs = performance.timeOrigin + performance.now();
    this.#waiting.push({ tapIds, workload, connection, atEpochMs });
  }

  /** `undefined`: nothing has happened. */
  take(): TappedBatch | undefined {
    if (this.#waiting.length === 0 && this.#notShown.size === 0) return undefined;
    const batch = { tapped: this.#waiting, notShown: this.#notShown };
    this.#waiting = [];
    this.#notShown = new Map();
    return batch;
  }

  /** A batch did not arrive. Told again are only its numbers: whoever looks wants what happens now. */
  lose({ tapped, notShown }: TappedBatch): void {
    for (const [id, count] of notShown) this.#miss(id, count);
    for (const { tapIds } of tapped) for (const id of tapIds) this.#miss(id, 1);
  }

  #meet(workload: string, facts: TapFacts): readonly LiveTap[] {
    const met: LiveTap[] = [];
    const nowMs = this.#now();
    for (const tap of this.#byWorkload.get(workload) ?? NO_TAPS) {
      if (nowMs >= tap.endsAtMs || !tap.isMet(facts)) continue;
      if (this.#waiting.length < MAX_WAITING && mayTell(tap, nowMs)) met.push(tap);
      else this.#miss(tap.id, 1);
    }
    return met;
  }

  #miss(tapId: string, count: number): void {
    // An order of taps that are over is bounded as those under way are.
    if (!this.#notShown.has(tapId) && this.#notShown.size >= MAX_TAPS * 2) return;
    this.#notShown.set(tapId, (this.#notShown.get(tapId) ?? 0) + count);
  }

  #keep(taps: readonly LiveTap[]): void {
    const wasOn = this.isOn;
    this.#taps = taps;
    this.isOn = taps.length > 0;
    const names = new Set(taps.flatMap(({ workloads }) => [...workloads]));
    this.#byWorkload = new Map(
      [...names].map((name) => [name, taps.filter(({ workloads }) => workloads.has(name))]),
    );
    if (this.isOn && !wasOn) this.onBegin();
  }
}

function mayTell(tap: LiveTap, nowMs: number): boolean {
  if (nowMs - tap.secondStartMs >= 1_000) {
    tap.secondStartMs = nowMs;
    tap.toldThisSecond = 0;
  }
  if (tap.toldThisSecond >= tap.maxPerSecond) return false;
  tap.toldThisSecond += 1;
  return true;
}

function endsOf(pair: PairLabels): Omit<TapFacts, "request"> {
  return {
    direction: pair.reporter === "source" ? "outbound" : "inbound",
    source: partyOf(pair.source),
    destination: destinationOf(pair),
  };
}

function partyOf({ namespace, workload, service }: PeerLabels): TapParty {
  return { namespace, workload, service };
}

/** Where no workload was reached, the service or host that was asked for. */
function destinationOf(pair: PairLabels): TapParty {
  const { destination, destinationService, destinationServiceName } = pair;
  if (destination.workload !== "unknown") return partyOf(destination);
  const isOutside = destinationServiceName === "PassthroughCluster";
  return {
    namespace: pair.destinationServiceNamespace,
    workload: "unknown",
    service: isOutside ? destinationService : destinationServiceName,
  };
}
