import type { Endpoint } from "../routing/route.ts";
import { Balancer } from "./balancer.ts";
import type { Outcome } from "./outcome.ts";
import type { Candidate } from "./seat.ts";
import type { TrafficPolicy } from "./traffic-policy.ts";

// Buoyant's experiment of 2016 (Linkerd: "Beyond round robin"), as a discrete simulation: 11 endpoints,
// 1000 requests per second for 60 s, log-normal latency with a median of 167 ms, and from second 10 to 40
// the first endpoint misbehaves. It is used by the tests beside and by bench/balancing.ts.

const ENDPOINTS = 11;
const REQUESTS_PER_SECOND = 1000;
const DURATION_MS = 60_000;
const MEDIAN_LATENCY_MS = 167;
const LATENCY_SIGMA = 0.25;
const TIMEOUT_MS = 1000;
const BAD_FROM_MS = 10_000;
const BAD_UNTIL_MS = 40_000;

/** "stalls": it takes 2 s; "fails-fast": it answers 503 within 1 ms. */
export type Misbehaviour = "stalls" | "fails-fast";
export type SimulationResult = {
  /** Of all requests, those answered well within the timeout of 1 s. */
  readonly successRatio: number;
  /** Of the requests sent while it misbehaves, those that went to the bad endpoint. */
  readonly badShare: number;
};

type Server = Candidate & { activeRequests: number };
type Ending = { atMs: number; server: Server; outcome: Outcome; latencyMs: number };

/** Runs the experiment; equal seeds give equal results. Outcomes are learned when requests end. */
export function simulateBalancing(
  policy: TrafficPolicy,
  misbehaviour: Misbehaviour,
  seed: number,
): SimulationResult {
  const draw = seededDraws(seed);
  const servers = Array.from({ length: ENDPOINTS }, (_, index) => makeServer(index));
  const [bad] = servers;
  const balancer = new Balancer<Server>(draw());
  balancer.update(servers, policy, { locality: undefined, labels: {} }, 0);
  const endings = new EndingQueue();
  let sent = 0;
  let good = 0;
  let sentWhileBad = 0;
  let sentToBad = 0;
  for (
    let nowMs = 0;
    nowMs < DURATION_MS;
    nowMs += exponential(draw(), 1000 / REQUESTS_PER_SECOND)
  ) {
    for (let one = endings.takeUntil(nowMs); one !== undefined; one = endings.takeUntil(nowMs)) {
      one.server.activeRequests--;
      balancer.onOutcome(one.server, one.outcome, one.latencyMs, one.atMs);
    }
    const server = balancer.pick(draw(), draw(), nowMs);
    if (server === undefined) throw new Error("the balancer found no endpoint");
    const isBad = server === bad && nowMs >= BAD_FROM_MS && nowMs < BAD_UNTIL_MS;
    const normal = MEDIAN_LATENCY_MS * Math.exp(LATENCY_SIGMA * gaussian(draw(), draw()));
    const serviceMs = !isBad ? normal : misbehaviour === "stalls" ? 2000 : 1;
    const latencyMs = Math.min(serviceMs, TIMEOUT_MS);
    const outcome: Outcome =
      serviceMs > TIMEOUT_MS ? "timeout" : isBad && misbehaviour === "fails-fast" ? 503 : 200;
    sent++;
    if (outcome === 200) good++;
    if (nowMs >= BAD_FROM_MS && nowMs < BAD_UNTIL_MS) {
      sentWhileBad++;
      if (isBad) sentToBad++;
    }
    server.activeRequests++;
    endings.add({ atMs: nowMs + latencyMs, server, outcome, latencyMs });
  }
  return { successRatio: good / sent, badShare: sentToBad / sentWhileBad };
}

function makeServer(index: number): Server {
  const endpoint: Endpoint = {
    id: `endpoint-${index}`,
    workload: "web",
    namespace: "shop",
    labels: {},
    address: "10.0.0.1",
    port: 8000 + index,
    identity: undefined,
  };
  return { endpoint, activeRequests: 0 };
}

/** Requests under way, the next to end first (a binary heap). */
class EndingQueue {
  readonly #heap: Ending[] = [];

  add(ending: Ending): void {
    const heap = this.#heap;
    let hole = heap.push(ending) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent] as Ending;
      if (above.atMs <= ending.atMs) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = ending;
  }

  takeUntil(nowMs: number): Ending | undefined {
    const heap = this.#heap;
    const [first] = heap;
    if (first === undefined || first.atMs > nowMs) return undefined;
    const last = heap.pop() as Ending;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(ending: Ending): void {
    const heap = this.#heap;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= heap.length) break;
      if (
        child + 1 < heap.length &&
        (heap[child + 1] as Ending).atMs < (heap[child] as Ending).atMs
      ) {
        child++;
      }
      if ((heap[child] as Ending).atMs >= ending.atMs) break;
      heap[hole] = heap[child] as Ending;
      hole = child;
    }
    heap[hole] = ending;
  }
}

/** Draws in [0, 1) that a seed repeats (mulberry32). */
export function seededDraws(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

function exponential(draw: number, mean: number): number {
  return -Math.log(1 - draw) * mean;
}

function gaussian(firstDraw: number, secondDraw: number): number {
  return Math.sqrt(-2 * Math.log(1 - firstDraw)) * Math.cos(2 * Math.PI * secondDraw);
}
