import type { GraphSnapshot } from "@heddle/contracts";
import {
  type EdgeTraffic,
  HEALTH_WINDOW_MS,
  inServiceView,
  type TrafficNode,
  TrafficTally,
  toServiceEdges,
} from "@heddle/mesh";
import { type EdgeRecord, type TrafficMemory, toTraffic } from "../ingest/traffic-memory.ts";
import type { WindowLog } from "../ingest/window-log.ts";
import { buildGraph, type GraphView, registeredNode } from "./graph.ts";
import { HealthBoard } from "./health-board.ts";
import type { RegistryWatch } from "./registry-watch.ts";

export type GraphKey = { readonly windowMs: number; readonly view: GraphView };
type Listener = (snapshotJson: string) => void;
type Rendered = { readonly snapshot: GraphSnapshot; readonly json: string };

const TICK_MS = 1000;
/** A new edge is shown at once; many new ones together in one go. */
const NEW_EDGE_DELAY_MS = 50;
/** An edge without requests in the window stays on the graph, idle, for this long. */
const IDLE_SHOWN_MS = 900_000;
const MAX_STREAMS = 256;

/**
 * The graph of now. Judges health each second and computes each (window, view) that somebody looks at
 * once a second, however many look.
 */
export class LiveGraph {
  readonly #memory: TrafficMemory;
  readonly #windows: WindowLog;
  readonly #registry: RegistryWatch;
  readonly #boards = { workload: new HealthBoard(), service: new HealthBoard() };
  readonly #listeners = new Map<string, { key: GraphKey; listeners: Set<Listener> }>();
  readonly #rendered = new Map<string, Rendered>();
  #timer: NodeJS.Timeout | undefined;
  #newEdgeTimer: NodeJS.Timeout | undefined;
  #isJudgeDue = true;
  #streams = 0;

  constructor(memory: TrafficMemory, windows: WindowLog, registry: RegistryWatch) {
    this.#memory = memory;
    this.#windows = windows;
    this.#registry = registry;
  }

  get streams(): number {
    return this.#streams;
  }

  start(): void {
    this.tick();
    this.#timer = setInterval(() => this.tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#newEdgeTimer);
  }

  /** A push has brought an edge that was not there: it need not wait for the next second. */
  edgeAppeared(): void {
    this.#isJudgeDue = true;
    this.#rendered.clear();
    this.#newEdgeTimer ??= setTimeout(() => {
      this.#newEdgeTimer = undefined;
      this.tick();
    }, NEW_EDGE_DELAY_MS);
  }

  /** Judges, and sends a new snapshot to every stream. */
  tick(): void {
    const nowMs = Date.now();
    this.#memory.forget(nowMs);
    this.#rendered.clear();
    this.#judge(this.asOfMs());
    for (const { key, listeners } of this.#listeners.values()) {
      const { json } = this.render(key);
      for (const listener of listeners) listener(json);
    }
  }

  #judge(asOfMs: number): void {
    this.#isJudgeDue = false;
    const { edges } = this.#traffic(HEALTH_WINDOW_MS, asOfMs, false);
    this.#boards.workload.judge(edges, this.#nodesOf(edges, "workload"), asOfMs);
    const merged = toServiceEdges(edges);
    this.#boards.service.judge(merged, this.#nodesOf(merged, "service"), asOfMs);
  }

  /** The last completed telemetry second. */
  asOfMs(): number {
    return this.#windows.completeUntilMs(Date.now());
  }

  /** The snapshot of this second, computed once. */
  render(key: GraphKey): Rendered {
    const name = nameOf(key);
    const known = this.#rendered.get(name);
    if (known) return known;
    const asOfMs = this.asOfMs();
    if (this.#isJudgeDue) this.#judge(asOfMs);
    const { edges, coveredMs } = this.#traffic(key.windowMs, asOfMs, true);
    const snapshot = buildGraph({
      ...key,
      coveredMs,
      asOfMs,
      edges: key.view === "service" ? toServiceEdges(edges) : edges,
      registry: this.#registry.current,
      health: this.#boards[key.view],
    });
    const rendered = { snapshot, json: JSON.stringify(snapshot) };
    this.#rendered.set(name, rendered);
    return rendered;
  }

  /** `undefined`: too many streams. Else the way to end it. The listener hears at once, then each second. */
  subscribe(key: GraphKey, listener: Listener): (() => void) | undefined {
    if (this.#streams >= MAX_STREAMS) return undefined;
    this.#streams += 1;
    const name = nameOf(key);
    const entry = this.#listeners.get(name) ?? { key, listeners: new Set() };
    this.#listeners.set(name, entry);
    entry.listeners.add(listener);
    listener(this.render(key).json);
    return () => {
      if (!entry.listeners.delete(listener)) return;
      this.#streams -= 1;
      if (entry.listeners.size === 0) this.#listeners.delete(name);
    };
  }

  /** Traffic by workload over the window, quiet edges that are still known included. */
  #traffic(windowMs: number, asOfMs: number, withLatency: boolean) {
    const { edges, fromMs } = this.#memory.collect(asOfMs - windowMs, asOfMs, withLatency);
    const active = new Map(edges.map((edge) => [edge.id, edge]));
    const newest = this.#memory.collect(asOfMs, Date.now() + TICK_MS, withLatency);
    const justNow = new Map(newest.edges.map((edge) => [edge.id, edge]));
    const registered = new Set(
      this.#registry.current.workloads.map(
        ({ namespace, workload }) => `workload/${namespace}/${workload}`,
      ),
    );
    const isHere = (node: TrafficNode) => node.kind !== "workload" || registered.has(node.id);
    const shown: EdgeTraffic[] = [];
    for (const edge of this.#memory.edges()) {
      const traffic = active.get(edge.id);
      const isNew = !justNow.get(edge.id)?.tally.isQuiet && justNow.has(edge.id);
      if (traffic && !traffic.tally.isQuiet) shown.push(traffic);
      // Its first second is not over: better its first requests than none.
      else if (isNew) shown.push(justNow.get(edge.id) as EdgeTraffic);
      else {
        const quiet = traffic ?? toTraffic(edge, new TrafficTally(), asOfMs);
        const isThere = isHere(edge.source) && isHere(edge.destination);
        if (quiet.open.count > 0 || (isStillShown(edge, asOfMs) && isThere)) shown.push(quiet);
      }
    }
    return { edges: shown, coveredMs: Math.max(TICK_MS, asOfMs - fromMs) };
  }

  #nodesOf(edges: readonly EdgeTraffic[], view: GraphView): Iterable<TrafficNode> {
    const nodes = new Map<string, TrafficNode>();
    for (const workload of this.#registry.current.workloads) {
      const node = registeredNode(workload, view);
      nodes.set(node.id, node);
    }
    for (const { source, destination } of edges) {
      for (const node of [source, destination]) {
        const shown = view === "service" ? inServiceView(node) : node;
        nodes.set(shown.id, shown);
      }
    }
    return nodes.values();
  }
}

function isStillShown(edge: EdgeRecord, asOfMs: number): boolean {
  return edge.lastRequestMs > asOfMs - IDLE_SHOWN_MS;
}

function nameOf(key: GraphKey): string {
  return `${key.view} ${key.windowMs}`;
}
