import type { ObservedCall, ObservedCallsResponse } from "@heddle/contracts";
import { TrafficTally, templatePath } from "@heddle/mesh";
import { findOperations, type TelemetryDb } from "@heddle/store";
import type { TrafficMemory } from "../ingest/traffic-memory.ts";
import { type KnownEdge, knownEdges } from "./known-edges.ts";
import { findOlderBuckets } from "./older-buckets.ts";

const BUCKET_MS = 10_000;
const MAX_CALLS = 5000;
const MAX_OPERATIONS = 20_000;
/** Spans live a day; counts live longer. */
const SPANS_KEPT_MS = 24 * 3_600_000;

/**
 * Who called which workload in the window and was answered by it, with what of it is known by kept spans.
 * What a least-privilege policy is made of: a caller that was silent all the while is not in it.
 */
export async function readObservedCalls(
  parts: { readonly memory: TrafficMemory; readonly db: TelemetryDb; readonly asOfMs: number },
  query: {
    readonly namespace?: string | undefined;
    readonly workload?: string | undefined;
    readonly windowMs: number;
  },
): Promise<ObservedCallsResponse> {
  const { memory, db, asOfMs } = parts;
  const fromMs = asOfMs - query.windowMs;
  const heldFromMs = Math.min(memory.firstBucketMs(), asOfMs);
  const asked = (await knownEdges(memory, db, fromMs)).filter(
    ({ source, destination }) =>
      (source.kind === "workload" || source.kind === "outside") &&
      destination.kind === "workload" &&
      (query.namespace === undefined || destination.namespace === query.namespace) &&
      (query.workload === undefined || destination.workload === query.workload),
  );
  const edgeIds = asked.flatMap(({ storedId }) => storedId ?? []);
  const older = await findOlderBuckets(db, edgeIds, "edge_1m", fromMs, heldFromMs);
  const olderByEdge = Map.groupBy(older, ({ edgeId }) => edgeId);
  const spansFromMs = Math.max(fromMs, asOfMs - SPANS_KEPT_MS);
  const operations = await findOperations(db, edgeIds, spansFromMs, MAX_OPERATIONS);
  const operationsByEdge = Map.groupBy(operations, ({ edgeId }) => edgeId);
  const calls = asked.slice(0, MAX_CALLS).flatMap((edge): ObservedCall[] => {
    const tally = new TrafficTally();
    const held = memory.findEdge(edge.id);
    if (held !== undefined) {
      const since = Math.max(fromMs, heldFromMs);
      for (const step of memory.stepsOf(held, "bucket", since, asOfMs + BUCKET_MS))
        tally.mergeCounts(step.tally);
    }
    const ids = edge.storedId;
    for (const bucket of (ids !== undefined && olderByEdge.get(ids)) || [])
      tally.mergeCounts(bucket.tally);
    const requests = tally.requests + tally.tcpOpened;
    if (requests === 0) return [];
    return [toCall(edge, requests, (ids !== undefined && operationsByEdge.get(ids)) || [])];
  });
  return { windowMs: query.windowMs, calls };
}

function toCall(
  { source, destination, lastRequestMs }: KnownEdge,
  requests: number,
  seen: readonly { readonly method: string; readonly path: string; readonly requests: number }[],
): ObservedCall {
  const kinds = Map.groupBy(seen, ({ method, path }) => `${method} ${templatePath(path)}`);
  const operations = [...kinds].map(([key, members]) => {
    const space = key.indexOf(" ");
    return {
      method: key.slice(0, space),
      path: key.slice(space + 1),
      requests: members.reduce((sum, one) => sum + one.requests, 0),
    };
  });
  return {
    source:
      source.kind === "workload"
        ? { namespace: source.namespace, workload: source.workload ?? "" }
        : { address: source.address ?? "" },
    destination: { namespace: destination.namespace, workload: destination.workload ?? "" },
    requests,
    lastSeenMs: lastRequestMs,
    sampledRequests: operations.reduce((sum, one) => sum + one.requests, 0),
    operations: operations.toSorted((a, b) => b.requests - a.requests),
  };
}
