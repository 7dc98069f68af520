import type { PlaintextCaller, PlaintextCallersResponse } from "@heddle/contracts";
import { TrafficTally } from "@heddle/mesh";
import { loadEdges, type TelemetryDb } from "@heddle/store";
import type { EdgeRecord, TrafficMemory } from "../ingest/traffic-memory.ts";
import type { Registry } from "../topology/registry-watch.ts";
import { findOlderBuckets } from "./older-buckets.ts";

const RATE_WINDOW_MS = 30_000;
const BUCKET_MS = 10_000;

type CallerEdge = Pick<EdgeRecord, "source" | "destination" | "lastRequestMs" | "storedId"> & {
  readonly held: EdgeRecord | undefined;
};

/**
 * Who still sends plaintext to which workload: accepted requests and refused connections in the window,
 * the rate over the last 30 s, the last time either was seen.
 */
export async function readPlaintextCallers(
  parts: {
    readonly memory: TrafficMemory;
    readonly db: TelemetryDb;
    readonly registry: Registry;
    readonly asOfMs: number;
  },
  query: {
    readonly namespace?: string | undefined;
    readonly workload?: string | undefined;
    readonly windowMs: number;
  },
): Promise<PlaintextCallersResponse> {
  const { memory, db, registry, asOfMs } = parts;
  const fromMs = asOfMs - query.windowMs;
  const heldFromMs = Math.min(memory.firstBucketMs(), asOfMs);
  const needsDatabase = fromMs < heldFromMs;
  const edges = needsDatabase ? await allEdges(memory, db, fromMs) : heldEdges(memory);
  const asked = edges.filter(
    ({ source, destination }) =>
      source.kind === "outside" &&
      destination.kind === "workload" &&
      (query.namespace === undefined || destination.namespace === query.namespace) &&
      (query.workload === undefined || destination.workload === query.workload),
  );
  const older = await olderTallies(db, asked, fromMs, heldFromMs);
  const callers = asked.flatMap((edge) => {
    const tally = new TrafficTally();
    const rate = new TrafficTally();
    if (edge.held) {
      const memoryFromMs = Math.max(fromMs, heldFromMs);
      for (const step of memory.stepsOf(edge.held, "bucket", memoryFromMs, asOfMs + BUCKET_MS)) {
        tally.mergeCounts(step.tally);
      }
      const rateFromMs = asOfMs - RATE_WINDOW_MS;
      for (const step of memory.stepsOf(edge.held, "second", rateFromMs, asOfMs)) {
        rate.mergeCounts(step.tally);
      }
    }
    const before = edge.storedId === undefined ? undefined : older.get(edge.storedId);
    if (before) tally.mergeCounts(before);
    const isOpen = [...(edge.held?.openByProxy?.values() ?? [])].some(({ count }) => count > 0);
    const isSeen = acceptedOf(tally) + tally.refused > 0 || isOpen;
    return isSeen ? [toCaller(edge, tally, rate, registry)] : [];
  });
  return { windowMs: query.windowMs, callers: callers.sort((a, b) => b.lastSeenMs - a.lastSeenMs) };
}

function heldEdges(memory: TrafficMemory): CallerEdge[] {
  return [...memory.edges()].map((edge) => ({ ...edge, held: edge }));
}

async function allEdges(
  memory: TrafficMemory,
  db: TelemetryDb,
  sinceMs: number,
): Promise<CallerEdge[]> {
  const edges = new Map<string, CallerEdge>(heldEdges(memory).map((edge) => [keyOf(edge), edge]));
  for (const stored of await loadEdges(db, sinceMs)) {
    const { source, destination, lastRequestMs, id } = stored;
    const edge = { source, destination, lastRequestMs, storedId: id, held: undefined };
    if (!edges.has(keyOf(edge))) edges.set(keyOf(edge), edge);
  }
  return [...edges.values()];
}

async function olderTallies(
  db: TelemetryDb,
  edges: readonly CallerEdge[],
  fromMs: number,
  toMs: number,
): Promise<Map<number, TrafficTally>> {
  const edgeIds = edges.flatMap((edge) => edge.storedId ?? []);
  const tallies = new Map<number, TrafficTally>();
  for (const { edgeId, tally } of await findOlderBuckets(db, edgeIds, "edge_1m", fromMs, toMs)) {
    const sum = tallies.get(edgeId) ?? new TrafficTally();
    sum.mergeCounts(tally);
    tallies.set(edgeId, sum);
  }
  return tallies;
}

function toCaller(
  edge: CallerEdge,
  tally: TrafficTally,
  rate: TrafficTally,
  registry: Registry,
): PlaintextCaller {
  const { source, destination } = edge;
  const sourceAddress = source.address ?? "unknown";
  const sourceName = registry.namesByAddress.get(sourceAddress);
  return {
    namespace: destination.namespace,
    workload: destination.workload ?? "unknown",
    sourceAddress,
    ...(sourceName !== undefined && { sourceName }),
    requests: acceptedOf(tally),
    requestsPerSecond: acceptedOf(rate) / (RATE_WINDOW_MS / 1000),
    refused: tally.refused,
    lastSeenMs: edge.lastRequestMs,
  };
}

/** Requests, and opaque connections, which would be refused as well. */
function acceptedOf({ requests, tcpOpened }: TrafficTally): number {
  return requests + tcpOpened;
}

function keyOf(edge: CallerEdge): string {
  return `${edge.source.id}->${edge.destination.id}`;
}
