import type { SeriesPoint, SeriesResponse } from "@heddle/contracts";
import {
  edgeId,
  entryEdges,
  goldenSignals,
  inServiceView,
  TrafficTally,
  tcpSignals,
} from "@heddle/mesh";
import { EDGE_TIER_MS, type EdgeTier, type TelemetryDb } from "@heddle/store";
import type { EdgeRecord, TrafficMemory } from "../ingest/traffic-memory.ts";
import { findOlderBuckets } from "./older-buckets.ts";
import { ApiError } from "./problem.ts";
import { toSignalsWire, toTcpWire } from "./signals-wire.ts";

const SECOND_MS = 1000;
const BUCKET_MS = 10_000;
const DAY_MS = 86_400_000;
const DEFAULT_RANGE_MS = 900_000;
const DEFAULT_POINTS = 90;
const MAX_POINTS = 2000;
const MAX_RANGE_MS = 400 * DAY_MS;

/** Which edges a series is over, and whose traffic. */
export type SeriesSubject =
  | { readonly kind: "edge"; readonly id: string }
  | { readonly kind: "node"; readonly id: string }
  | { readonly kind: "entry" };

type SeriesRange = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  /** From when on memory can answer in seconds. */
  readonly secondsFromMs: number;
};

/**
 * Golden signals in steps. Recent steps come from memory, older ones from the finest tier that the step
 * allows; `stepMs` of the answer is the step used, which is coarser than asked for where it must be.
 * The last step may not be over: its rates are over the part that is.
 */
export async function readSeries(
  parts: {
    readonly memory: TrafficMemory;
    readonly db: TelemetryDb;
    readonly asOfMs: number;
    /** A node nobody calls is no unknown one: its series is empty. */
    readonly isRegistered: (nodeId: string) => boolean;
  },
  subject: SeriesSubject,
  query: {
    readonly fromMs?: number | undefined;
    readonly toMs?: number | undefined;
    readonly stepMs?: number | undefined;
  },
): Promise<SeriesResponse> {
  const { memory, db, asOfMs } = parts;
  const isQuiet = subject.kind === "node" && parts.isRegistered(subject.id);
  const edges = edgesOf(memory, subject, isQuiet);
  const range = rangeOf(query, asOfMs, memory.secondsFromMs(Date.now()));
  const steps = new Map<number, TrafficTally>();
  const add = (startMs: number, tally: TrafficTally) => {
    const at = Math.floor(startMs / range.stepMs) * range.stepMs;
    const sum = steps.get(at) ?? new TrafficTally();
    sum.merge(tally);
    steps.set(at, sum);
  };
  const unit = range.stepMs % BUCKET_MS === 0 ? "bucket" : "second";
  const heldFromMs = Math.min(memory.firstBucketMs(), asOfMs);
  const memoryFromMs = unit === "second" ? range.fromMs : Math.max(range.fromMs, heldFromMs);
  // The bucket that is not over also holds what came after `toMs`; of it only whole seconds until then count.
  const openBucketMs = Math.floor(range.toMs / BUCKET_MS) * BUCKET_MS;
  const hasOpenBucket = unit === "bucket" && openBucketMs >= range.secondsFromMs;
  const wholeUntilMs = hasOpenBucket ? openBucketMs : range.toMs;
  for (const edge of edges) {
    const parts = memory.stepsOf(edge, unit, memoryFromMs, wholeUntilMs);
    if (hasOpenBucket) parts.push(...memory.stepsOf(edge, "second", wholeUntilMs, range.toMs));
    for (const { startMs, tally } of parts) add(startMs, tally);
  }
  const edgeIds = edges.flatMap((edge) => edge.storedId ?? []);
  const olderUntilMs = Math.min(memoryFromMs, range.toMs);
  const tier = tierOf(range, asOfMs);
  for (const bucket of await findOlderBuckets(db, edgeIds, tier, range.fromMs, olderUntilMs)) {
    add(bucket.startMs, bucket.tally);
  }
  const points = [...steps]
    .filter(([startMs, tally]) => startMs < asOfMs && !tally.isQuiet)
    .sort(([a], [b]) => a - b)
    .map(([startMs, tally]): SeriesPoint => {
      const coveredMs = Math.max(SECOND_MS, Math.min(range.stepMs, range.toMs - startMs));
      const tcp = tcpSignals(tally, coveredMs);
      return {
        startMs,
        ...toSignalsWire(goldenSignals(tally, coveredMs)),
        ...(tcp !== undefined && { tcp: toTcpWire(tcp) }),
      };
    });
  return { stepMs: range.stepMs, points };
}

/** The records of an edge or of all edges into a node; in the service view's ids, of all versions. */
export function edgesOf(
  memory: TrafficMemory,
  subject: SeriesSubject,
  mayBeNone = false,
): EdgeRecord[] {
  const all = [...memory.edges()];
  if (subject.kind === "entry") return entryEdges(all);
  if (subject.kind === "edge") {
    const found = all.filter(
      (edge) => edge.id === subject.id || serviceEdgeId(edge) === subject.id,
    );
    if (found.length === 0) throw notFound("edge", subject.id);
    return found;
  }
  const isNode = (node: EdgeRecord["source"]) =>
    node.id === subject.id || inServiceView(node).id === subject.id;
  const received = all.filter((edge) => isNode(edge.destination));
  if (received.length > 0) return received;
  const sent = all.filter((edge) => isNode(edge.source));
  if (sent.length === 0 && !mayBeNone) throw notFound("node", subject.id);
  return sent;
}

function notFound(what: string, id: string): ApiError {
  return new ApiError("HEDDLE_NOT_FOUND", `no ${what} "${id}" has had traffic in the last hour`);
}

function serviceEdgeId(edge: EdgeRecord): string {
  return edgeId(inServiceView(edge.source).id, inServiceView(edge.destination).id);
}

function rangeOf(
  query: {
    readonly fromMs?: number | undefined;
    readonly toMs?: number | undefined;
    readonly stepMs?: number | undefined;
  },
  asOfMs: number,
  secondsFromMs: number,
): SeriesRange {
  const toMs = Math.min(query.toMs ?? asOfMs, asOfMs);
  const fromMs = query.fromMs ?? toMs - DEFAULT_RANGE_MS;
  if (fromMs >= toMs || toMs - fromMs > MAX_RANGE_MS) {
    const message = `expected fromMs before toMs and now, by at most 400 days (is ${fromMs} to ${toMs})`;
    throw new ApiError("HEDDLE_INVALID_QUERY", message, [{ field: "fromMs", message }]);
  }
  const wanted = query.stepMs ?? Math.ceil((toMs - fromMs) / DEFAULT_POINTS);
  const least = Math.max(wanted, Math.ceil((toMs - fromMs) / MAX_POINTS));
  const isRecent = fromMs >= secondsFromMs;
  const unitMs = isRecent && least < BUCKET_MS ? SECOND_MS : unitOf(fromMs, least, asOfMs);
  const stepMs = Math.ceil(least / unitMs) * unitMs;
  return { fromMs: Math.floor(fromMs / stepMs) * stepMs, toMs, stepMs, secondsFromMs };
}

/** The tiers' retention decides what a step can be made of. */
function unitOf(fromMs: number, stepMs: number, asOfMs: number): number {
  const ageMs = asOfMs - fromMs;
  if (ageMs > 14 * DAY_MS - 3_600_000 || stepMs >= 3_600_000) return EDGE_TIER_MS.edge_1h;
  if (ageMs > DAY_MS - 3_600_000 || stepMs >= 60_000) return EDGE_TIER_MS.edge_1m;
  return BUCKET_MS;
}

function tierOf(range: SeriesRange, asOfMs: number): EdgeTier {
  const unitMs = unitOf(range.fromMs, range.stepMs, asOfMs);
  if (unitMs === EDGE_TIER_MS.edge_1h) return "edge_1h";
  return unitMs === EDGE_TIER_MS.edge_1m ? "edge_1m" : "edge_10s";
}
