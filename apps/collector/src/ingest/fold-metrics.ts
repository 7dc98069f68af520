import type {
  Attributes,
  Metric,
  NumberPoint,
  PartialSuccess,
  ResourceMetrics,
} from "@heddle/contracts";
import {
  edgeId,
  readEventPoint,
  readRefusedPoint,
  readTrafficPoint,
  type TrafficNode,
  type TrafficPoint,
  type TrafficTally,
} from "@heddle/mesh";
import { type AddRefused, EVENTS, REFUSALS, SUMS, TRAFFIC } from "./counted-metrics.ts";
import type { EdgeRecord, ReportedOpen, Reporter, TrafficMemory } from "./traffic-memory.ts";
import type { WindowLog } from "./window-log.ts";

/** What became of a request's data points. */
export type FoldResult = {
  readonly folded: number;
  readonly repeated: number; // of a window that was folded before
  readonly newEdges: number;
  readonly partial: PartialSuccess;
};

/** Clocks of hosts differ; what is further ahead would sit in the graph as if it were yet to come. */
const MAX_AHEAD_MS = 10_000;
/** A proxy keeps 60 s; what is older is somebody's replay. */
const MAX_AGE_MS = 600_000;
const NANOS_PER_MS = 1_000_000n;
const MAX_REASONS = 5;
/** Proxies that tell of one edge's open connections. */
const MAX_OPEN_REPORTERS = 1_000;

/**
 * Folds delta windows into memory, each window once. Never throws on what a sender got wrong: such
 * points are rejected with a reason (OTLP's partial success).
 */
export function foldMetrics(
  resources: readonly ResourceMetrics[],
  memory: TrafficMemory,
  windows: WindowLog,
  nowMs: number,
): FoldResult {
  const fold = new Fold(memory, nowMs);
  // All of a request's points are held against the state before it: its metrics share their windows.
  const ends = new Map<string, bigint>();
  for (const { resource, metrics } of resources) {
    const instanceId = resource["service.instance.id"];
    if (typeof instanceId !== "string" || instanceId === "") {
      fold.reject(countPoints(metrics), "resource attribute service.instance.id is missing");
      continue;
    }
    if (countPoints(metrics) === 0) windows.markQuiet(instanceId);
    const lastEnd = windows.lastEnd(instanceId) ?? 0n;
    for (const metric of metrics) {
      const end = fold.metric(metric, lastEnd, instanceId);
      if (end > (ends.get(instanceId) ?? 0n)) ends.set(instanceId, end);
    }
  }
  for (const [instanceId, end] of ends) windows.advance(instanceId, end, nowMs);
  return fold.result();
}

function countPoints(metrics: readonly Metric[]): number {
  return metrics.reduce(
    (sum, metric) => sum + (metric.kind === "ignored" ? metric.pointCount : metric.points.length),
    0,
  );
}

type Point = { readonly attributes: Attributes; readonly timeUnixNano: bigint };
type FoldPoint<P> = (point: P, endMs: number) => string | undefined; // the reason it is rejected

class Fold {
  readonly #memory: TrafficMemory;
  readonly #nowMs: number;
  readonly #edgesBefore: number;
  readonly #reasons = new Map<string, number>();
  #folded = 0;
  #repeated = 0;
  #rejected = 0;

  constructor(memory: TrafficMemory, nowMs: number) {
    this.#memory = memory;
    this.#nowMs = nowMs;
    this.#edgesBefore = memory.edgeCount;
  }

  reject(count: number, reason: string): void {
    if (count === 0) return;
    this.#rejected += count;
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + count);
  }

  result(): FoldResult {
    const reasons = [...this.#reasons].slice(0, MAX_REASONS);
    return {
      folded: this.#folded,
      repeated: this.#repeated,
      newEdges: this.#memory.edgeCount - this.#edgesBefore,
      partial: {
        rejected: this.#rejected,
        message: reasons.map(([reason, count]) => `${count} data points: ${reason}`).join("; "),
      },
    };
  }

  /** Returns the latest window end among the metric's points that were taken or repeated. */
  metric(metric: Metric, lastEnd: bigint, instanceId: string): bigint {
    if (metric.kind === "ignored") {
      this.reject(metric.pointCount, `${metric.name}: summaries are not used`);
      return 0n;
    }
    if (metric.kind === "gauge") return this.#gauge(metric.name, metric.points, instanceId);
    if (metric.temporality !== "delta") {
      const reason = `${metric.name}: temporality is ${metric.temporality}, expected delta`;
      this.reject(metric.points.length, reason);
      return 0n;
    }
    const { name } = metric;
    if (metric.kind === "sum") {
      const add = SUMS[name];
      const addEvent = EVENTS[name];
      if (addEvent) {
        return this.#points(metric.points, lastEnd, (point, endMs) =>
          isCount(point.value)
            ? this.#event(point.attributes, endMs, (tally, outcome) =>
                addEvent(tally, outcome, point.value),
              )
            : notACount(name, point.value),
        );
      }
      const addRefused = REFUSALS[name];
      if (addRefused) {
        return this.#points(metric.points, lastEnd, (point, endMs) =>
          isCount(point.value)
            ? this.#refused(point.attributes, endMs, point.value, addRefused)
            : notACount(name, point.value),
        );
      }
      if (name.startsWith("heddle_")) {
        return this.#points(metric.points, lastEnd, () => undefined); // no part of the graph
      }
      if (add) {
        return this.#points(metric.points, lastEnd, (point, endMs) =>
          isCount(point.value)
            ? this.#traffic(
                point.attributes,
                endMs,
                TRAFFIC.has(name) && point.value > 0,
                (tally, read) => add(tally, read, point.value),
              )
            : notACount(name, point.value),
        );
      }
    } else if (name === "istio_request_duration_milliseconds") {
      if (metric.kind === "exponential-histogram") {
        return this.#points(metric.points, lastEnd, (point, endMs) =>
          this.#traffic(point.attributes, endMs, false, (tally, { isUpgraded }) => {
            if (isUpgraded) return;
            tally.latency.addExponential(point.scale, point.offset, point.counts, point.zeroCount);
            tally.latencySumMs += finiteOrZero(point.sum);
          }),
        );
      }
      return this.#points(metric.points, lastEnd, (point, endMs) =>
        this.#traffic(point.attributes, endMs, false, (tally, { isUpgraded }) => {
          if (isUpgraded) return;
          tally.latency.addExplicit(point.bounds, point.counts);
          tally.latencySumMs += finiteOrZero(point.sum);
        }),
      );
    }
    this.reject(metric.points.length, `${name}: not a metric the graph is made of`);
    return 0n;
  }

  #points<P extends Point>(points: readonly P[], lastEnd: bigint, fold: FoldPoint<P>): bigint {
    let latest = 0n;
    for (const point of points) {
      const endMs = Number(point.timeUnixNano / NANOS_PER_MS);
      if (endMs > this.#nowMs + MAX_AHEAD_MS) {
        this.reject(1, `timeUnixNano is more than ${MAX_AHEAD_MS / 1000} s ahead of the collector`);
        continue;
      }
      if (point.timeUnixNano > latest) latest = point.timeUnixNano;
      if (point.timeUnixNano <= lastEnd) {
        this.#repeated += 1;
        continue;
      }
      if (endMs < this.#nowMs - MAX_AGE_MS) {
        this.reject(1, `timeUnixNano is more than ${MAX_AGE_MS / 1000} s old`);
        continue;
      }
      const reason = fold(point, endMs);
      if (reason === undefined) this.#folded += 1;
      else this.reject(1, reason);
    }
    return latest;
  }

  #traffic(
    attributes: Attributes,
    endMs: number,
    isRequest: boolean,
    count: (tally: TrafficTally, read: TrafficPoint) => void,
  ): string | undefined {
    const read = readTrafficPoint(attributes);
    if (read === undefined) return "labels reporter or destination are missing or no names";
    const edge = this.#edge(read.source, read.destination);
    if (edge === undefined) return "the collector holds no more edges";
    if (read.reporter === "source" && !edge.isSourceReported) {
      edge.isSourceReported = true;
      edge.isUnsaved = true;
    }
    if (read.sourcePrincipal !== undefined && read.sourcePrincipal !== edge.sourcePrincipal) {
      edge.sourcePrincipal = read.sourcePrincipal;
      edge.isUnsaved = true;
    }
    if (isRequest && endMs > edge.lastRequestMs) edge.lastRequestMs = endMs;
    this.#memory.add(edge, read.reporter, endMs, (tally) => count(tally, read));
    return undefined;
  }

  #refused(
    attributes: Attributes,
    endMs: number,
    value: number,
    add: AddRefused,
  ): string | undefined {
    const read = readRefusedPoint(attributes);
    if (read === undefined) return "labels destination_workload or its namespace are missing";
    // Its service is not told: traffic on the edge knows that better.
    const edge = this.#memory.edgeBetween(read.source, read.destination, this.#nowMs);
    if (edge === undefined) return "the collector holds no more edges";
    const reporter: Reporter = "destination";
    if (value > 0 && endMs > edge.lastRequestMs) edge.lastRequestMs = endMs;
    this.#memory.add(edge, reporter, endMs, (tally) => add(tally, value));
    return undefined;
  }

  /** Counted at an edge that traffic has made, or makes: events alone know less of its ends. */
  #event(
    attributes: Attributes,
    endMs: number,
    count: (tally: TrafficTally, outcome: string) => void,
  ): string | undefined {
    const read = readEventPoint(attributes);
    if (read === undefined) return undefined; // no endpoint was chosen: it belongs to no edge
    // A ServiceEntry's endpoints are called like the document; its edge leads to the host.
    const host = `external/${String(attributes["destination_service_name"] ?? "")}`;
    const edge =
      this.#memory.findEdge(edgeId(read.source.id, host)) ??
      this.#memory.edgeBetween(read.source, read.destination, this.#nowMs);
    if (edge === undefined) return "the collector holds no more edges";
    const outcome = String(attributes["outcome"] ?? "");
    this.#memory.add(edge, "source", endMs, (tally) => count(tally, outcome));
    return undefined;
  }

  /**
   * Open connections: what the proxy says now takes the place of what it said before. Returns the end of
   * its window: a proxy whose connections only stand open has reported that second, too.
   */
  #gauge(name: string, points: readonly NumberPoint[], instanceId: string): bigint {
    if (name !== "heddle_tcp_connections_open") {
      this.reject(points.length, `${name}: not a gauge the graph is made of`);
      return 0n;
    }
    const said = new Map<
      EdgeRecord,
      { -readonly [Key in keyof ReportedOpen]: ReportedOpen[Key] }
    >();
    let latest = 0n;
    for (const { attributes, timeUnixNano, value } of points) {
      const endMs = Number(timeUnixNano / NANOS_PER_MS);
      const read = readTrafficPoint(attributes);
      const edge = read && this.#edge(read.source, read.destination);
      if (!read || !edge || !isCount(value) || endMs > this.#nowMs + MAX_AHEAD_MS) {
        this.reject(1, `${name}: labels, value or time are none`);
        continue;
      }
      if (timeUnixNano > latest) latest = timeUnixNano;
      const { reporter, transport } = read;
      const sum = said.get(edge) ?? { reporter, count: 0, mtls: 0, plaintext: 0, endMs };
      sum.count += value;
      if (transport === "mtls") sum.mtls += value;
      else if (transport === "plaintext") sum.plaintext += value;
      said.set(edge, sum);
      this.#folded += 1;
    }
    for (const [edge, open] of said) {
      const key = `${open.reporter} ${instanceId}`;
      const before = edge.openByProxy?.get(key);
      if (before !== undefined && before.endMs > open.endMs) continue; // a window sent again
      edge.openByProxy ??= new Map();
      if (edge.openByProxy.size < MAX_OPEN_REPORTERS) edge.openByProxy.set(key, open);
      if (open.count > 0 && open.endMs > edge.lastRequestMs) edge.lastRequestMs = open.endMs;
    }
    return latest;
  }

  /** Labels of metrics know a node better than a span that came first. */
  #edge(source: TrafficNode, destination: TrafficNode): EdgeRecord | undefined {
    const edge = this.#memory.edgeBetween(source, destination, this.#nowMs);
    if (edge === undefined) return undefined;
    if (isOther(edge.source, source)) {
      edge.source = source;
      edge.isUnsaved = true;
    }
    if (isOther(edge.destination, destination)) {
      edge.destination = destination;
      edge.isUnsaved = true;
    }
    return edge;
  }
}

function isOther(known: TrafficNode, node: TrafficNode): boolean {
  return known !== node && (known.service !== node.service || known.version !== node.version);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function notACount(name: string, value: number): string {
  return `${name}: value ${value} is no count from 0 to 2^53`;
}

function finiteOrZero(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) && value > 0 ? value : 0;
}
