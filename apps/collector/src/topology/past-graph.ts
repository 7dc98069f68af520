import type { GraphSnapshot } from "@heddle/contracts";
import {
  type EdgeTraffic,
  HEALTH_WINDOW_MS,
  NONE_OPEN,
  TrafficTally,
  toServiceEdges,
} from "@heddle/mesh";
import { EDGE_TIER_MS, type EdgeTier, type TelemetryDb } from "@heddle/store";
import { type KnownEdge, knownEdges } from "../api/known-edges.ts";
import { findOlderBuckets } from "../api/older-buckets.ts";
import type { TrafficMemory } from "../ingest/traffic-memory.ts";
import { buildGraph, type GraphView, registeredNode } from "./graph.ts";
import { HealthBoard } from "./health-board.ts";
import type { Registry } from "./registry-watch.ts";

const BUCKET_MS = EDGE_TIER_MS.edge_10s;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Health remembers what it said before; a moment of the past is judged from this long before it. */
const JUDGED_FROM_MS = 300_000;

export type PastQuery = {
  readonly atMs: number;
  readonly windowMs: number;
  readonly view: GraphView;
};

/** The traffic of one edge by the step it fell into. */
type EdgeSteps = { readonly edge: KnownEdge; readonly steps: Map<number, TrafficTally> };

/**
 * The graph as it stood at a moment, made of whole steps before it: 10 s as long as those are kept, then minutes, then
 * hours. It shows who had traffic then; connections that stood open without a byte are known of the present alone.
 */
export async function readPastGraph(
  parts: {
    readonly memory: TrafficMemory;
    readonly db: TelemetryDb;
    readonly registry: Registry;
  },
  query: PastQuery,
  nowMs: number,
): Promise<GraphSnapshot> {
  const tier = tierAt(query.atMs, nowMs);
  const stepMs = EDGE_TIER_MS[tier];
  const asOfMs = floorTo(query.atMs, stepMs);
  const windowFromMs = floorTo(asOfMs - query.windowMs, stepMs);
  const judgedFromMs = tier === "edge_10s" ? asOfMs - JUDGED_FROM_MS : windowFromMs;
  const fromMs = Math.min(windowFromMs, judgedFromMs - HEALTH_WINDOW_MS);
  const traffic = await stepsOf(parts, tier, fromMs, asOfMs);
  const within = (startMs: number, endMs: number): EdgeTraffic[] => {
    const edges = traffic.map(({ edge, steps }) => sumOf(edge, steps, startMs, endMs));
    return query.view === "service" ? toServiceEdges(edges) : edges;
  };
  const health = new HealthBoard();
  const healthMs = Math.max(HEALTH_WINDOW_MS, stepMs);
  for (let endMs = judgedFromMs + stepMs; endMs <= asOfMs; endMs += stepMs) {
    const edges = within(endMs - healthMs, endMs);
    health.judge(edges, new Set(edges.flatMap((edge) => [edge.source, edge.destination])), endMs);
  }
  const edges = within(windowFromMs, asOfMs);
  return buildGraph({
    view: query.view,
    windowMs: query.windowMs,
    coveredMs: asOfMs - windowFromMs,
    asOfMs,
    edges,
    registry: ofThen(parts.registry, edges, query.view),
    health,
  });
}

/** What the steps of a moment's age are kept in; an hour before a tier ends its rows may be gone already. */
function tierAt(atMs: number, nowMs: number): EdgeTier {
  const ageMs = nowMs - atMs + HOUR_MS;
  if (ageMs > 14 * DAY_MS) return "edge_1h";
  return ageMs > DAY_MS ? "edge_1m" : "edge_10s";
}

async function stepsOf(
  { memory, db }: { readonly memory: TrafficMemory; readonly db: TelemetryDb },
  tier: EdgeTier,
  fromMs: number,
  toMs: number,
): Promise<EdgeSteps[]> {
  const heldFromMs = Math.min(memory.firstBucketMs(), toMs);
  const byEdge = new Map<KnownEdge, EdgeSteps>();
  const add = (edge: KnownEdge, startMs: number, tally: TrafficTally) => {
    const found = byEdge.get(edge) ?? { edge, steps: new Map<number, TrafficTally>() };
    byEdge.set(edge, found);
    const at = floorTo(startMs, EDGE_TIER_MS[tier]);
    const sum = found.steps.get(at) ?? new TrafficTally();
    sum.merge(tally);
    found.steps.set(at, sum);
  };
  const edges = await knownEdges(memory, db, fromMs);
  const byStoredId = new Map(
    edges.flatMap((edge) => (edge.storedId === undefined ? [] : [[edge.storedId, edge] as const])),
  );
  for (const edge of edges) {
    const held = memory.findEdge(edge.id);
    if (held === undefined) continue;
    const steps = memory.stepsOf(held, "bucket", Math.max(fromMs, heldFromMs), toMs);
    for (const { startMs, tally } of steps) add(edge, startMs, tally);
  }
  const older = await findOlderBuckets(db, [...byStoredId.keys()], tier, fromMs, heldFromMs);
  for (const { edgeId, startMs, tally } of older) {
    const edge = byStoredId.get(edgeId);
    if (edge !== undefined) add(edge, startMs, tally);
  }
  return [...byEdge.values()];
}

function sumOf(
  edge: KnownEdge,
  steps: ReadonlyMap<number, TrafficTally>,
  fromMs: number,
  toMs: number,
): EdgeTraffic {
  const tally = new TrafficTally();
  let lastRequestMs = 0;
  for (const [startMs, part] of steps) {
    if (startMs < toMs && !part.isQuiet)
      lastRequestMs = Math.max(lastRequestMs, startMs + BUCKET_MS);
    if (startMs >= fromMs && startMs < toMs) tally.merge(part);
  }
  const { id, source, destination, sourcePrincipal } = edge;
  return { id, source, destination, tally, open: NONE_OPEN, lastRequestMs, sourcePrincipal };
}

/** Of who is registered now, those that had traffic then: when the others came is not known here. */
function ofThen(registry: Registry, edges: readonly EdgeTraffic[], view: GraphView): Registry {
  const seen = new Set(edges.flatMap(({ source, destination }) => [source.id, destination.id]));
  return {
    ...registry,
    workloads: registry.workloads.filter((one) => seen.has(registeredNode(one, view).id)),
  };
}

function floorTo(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs;
}
