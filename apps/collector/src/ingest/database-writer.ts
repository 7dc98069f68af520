import type { Logger } from "@heddle/runtime";
import {
  copySpans,
  ensurePartitions,
  findEdgeBuckets,
  loadEdges,
  loadMetricWindows,
  noteCollectorAlive,
  registerCollector,
  saveEdgeBuckets,
  saveEdges,
  type TelemetryDb,
  type TelemetryTable,
} from "@heddle/store";
import type { QueuedSpan, SpanQueue } from "./span-queue.ts";
import type { EdgeRecord, TrafficMemory } from "./traffic-memory.ts";
import type { WindowLog } from "./window-log.ts";

const LOAD_BACK_MS = 3_600_000;
const MAX_CELLS_PER_WRITE = 5000;
const SPANS_PER_COPY = 2000;
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5000;
/**
 * Spans are committed without waiting for the database's disk, which loses what the last moments before
 * its death have committed. The newest that were written are kept, to be written again after one.
 */
const RECENT_SPANS_KEPT = 20_000;
const RECENT_KEPT_MS = 5000;
/** An edge's last request is worth a write only now and then; a caller's that STRICT would refuse, sooner. */
const RESAVE_EDGE_MS = 60_000;
const RESAVE_OUTSIDE_MS = 4000;
const ALIVE_EVERY_MS = 2000;

export type WriterStats = {
  cellsWritten: number;
  spansWritten: number;
  spansLost: number; // refused by the database for what they hold, not for its absence
  failures: number;
  isConnected: boolean;
};

/**
 * Takes what memory and queue hold to the database, over and over. While the database is away nothing
 * here fails: memory keeps its hour, the queue its bound, and the next attempt finds both.
 */
export class DatabaseWriter {
  readonly stats: WriterStats = {
    cellsWritten: 0,
    spansWritten: 0,
    spansLost: 0,
    failures: 0,
    isConnected: false,
  };
  readonly #db: TelemetryDb;
  readonly #memory: TrafficMemory;
  readonly #spans: SpanQueue;
  readonly #windows: WindowLog;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #partitions = new Set<string>();
  readonly #savedRequestMs = new WeakMap<EdgeRecord, number>();
  #recent: { readonly writtenMs: number; readonly spans: readonly QueuedSpan[] }[] = [];
  #collectorId: number | undefined;
  #aliveNotedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #retryMs = RETRY_MIN_MS;
  #isStopped = false;

  constructor(parts: {
    db: TelemetryDb;
    memory: TrafficMemory;
    spans: SpanQueue;
    windows: WindowLog;
    logger: Logger;
    intervalMs: number;
  }) {
    this.#db = parts.db;
    this.#memory = parts.memory;
    this.#spans = parts.spans;
    this.#windows = parts.windows;
    this.#logger = parts.logger;
    this.#intervalMs = parts.intervalMs;
  }

  /** Loads what earlier runs have left, once; resolves also when the database is away (it goes on trying). */
  async start(): Promise<void> {
    await this.#cycle();
    this.#schedule();
  }

  /** Writes what is left and ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
    await this.#cycle();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const isBehind = this.#spans.size >= SPANS_PER_COPY;
    const delayMs = !this.stats.isConnected ? this.#retryMs : isBehind ? 0 : this.#intervalMs;
    this.#timer = setTimeout(() => {
      this.#running = this.#cycle().finally(() => this.#schedule());
    }, delayMs);
  }

  async #cycle(): Promise<void> {
    try {
      this.#collectorId ??= await this.#begin();
      await this.#writeCells(this.#collectorId);
      await this.#noteAlive(this.#collectorId);
      await this.#writeSpans();
      this.#succeeded();
    } catch (error) {
      this.#failed(error);
    }
  }

  async #noteAlive(collectorId: number): Promise<void> {
    const nowMs = Date.now();
    if (nowMs - this.#aliveNotedMs < ALIVE_EVERY_MS) return;
    await noteCollectorAlive(this.#db, collectorId);
    this.#aliveNotedMs = nowMs;
  }

  #succeeded(): void {
    if (!this.stats.isConnected) this.#logger.info("writing to the database");
    this.stats.isConnected = true;
    this.#retryMs = RETRY_MIN_MS;
  }

  #failed(error: unknown): void {
    this.stats.failures += 1;
    if (this.stats.isConnected) this.#writeRecentAgain();
    const waiting = { spans: this.#spans.size, buckets: this.#memory.unsavedCount };
    // One line when it goes, not one an attempt.
    if (this.stats.isConnected || this.stats.failures === 1) {
      this.#logger.warn({ err: error, ...waiting }, "cannot write; kept in memory, trying again");
    }
    this.stats.isConnected = false;
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
  }

  async #begin(): Promise<number> {
    const nowMs = Date.now();
    const edges = await loadEdges(this.#db, nowMs - LOAD_BACK_MS);
    const buckets = await findEdgeBuckets(this.#db, {
      tier: "edge_10s",
      fromMs: nowMs - LOAD_BACK_MS,
      toMs: nowMs + LOAD_BACK_MS,
    });
    const windows = await loadMetricWindows(this.#db);
    const id = await registerCollector(this.#db);
    const byStoredId = new Map<number, EdgeRecord>();
    for (const stored of edges) {
      const edge = this.#memory.edgeBetween(stored.source, stored.destination, nowMs);
      if (edge === undefined) continue;
      edge.storedId = stored.id;
      edge.isSourceReported ||= stored.isSourceReported;
      edge.sourcePrincipal ??= stored.sourcePrincipal;
      edge.isUnsaved = edge.lastRequestMs > 0; // counted before the database answered
      edge.lastRequestMs = Math.max(edge.lastRequestMs, stored.lastRequestMs);
      byStoredId.set(stored.id, edge);
    }
    for (const { edgeId, startMs, tally } of buckets) {
      const edge = byStoredId.get(edgeId);
      if (!edge) continue;
      this.#memory.addLoaded(edge, startMs, tally);
      const lastMs = Math.min(startMs + 10_000, nowMs);
      if (!tally.isQuiet && edge.lastRequestMs < startMs) edge.lastRequestMs = lastMs;
    }
    this.#windows.restore(windows);
    this.#logger.info({ run: id, edges: edges.length, buckets: buckets.length }, "window loaded");
    return id;
  }

  async #writeCells(collectorId: number): Promise<void> {
    for (;;) {
      const cells = this.#memory.takeUnsaved(MAX_CELLS_PER_WRITE);
      const isLast = cells.length < MAX_CELLS_PER_WRITE;
      // A window counts as seen only together with the last of its counts.
      const windows = isLast ? this.#windows.takeChanged() : new Map<string, bigint>();
      if (cells.length === 0 && windows.size === 0) return;
      try {
        await this.#saveEdges(cells.map((cell) => cell.edge));
        await this.#ensurePartitions(
          "edge_10s",
          cells.map((cell) => cell.startMs),
        );
        const buckets = cells.flatMap(({ edge, startMs, tally }) =>
          edge.storedId === undefined ? [] : [{ edgeId: edge.storedId, startMs, tally }],
        );
        await saveEdgeBuckets(this.#db, collectorId, buckets, windows);
      } catch (error) {
        this.#memory.markUnsaved(cells);
        this.#windows.markChanged(windows.keys());
        throw error;
      }
      this.stats.cellsWritten += cells.length;
      if (isLast) return;
    }
  }

  async #writeSpans(): Promise<void> {
    while (this.#spans.size > 0) {
      const spans = this.#spans.take(SPANS_PER_COPY);
      try {
        await this.#saveEdges(spans.flatMap((span) => span.edge ?? []));
        await this.#ensurePartitions(
          "span",
          spans.map((span) => Number(span.startUnixNano / 1_000_000n)),
        );
        await copySpans(
          this.#db,
          spans.map((span) => ({ ...span, edgeId: span.edge?.storedId ?? 0 })),
        );
      } catch (error) {
        if (isDataFault(error)) {
          this.stats.spansLost += spans.length;
          this.#logger.error({ err: error, spans: spans.length }, "the database refuses spans");
          continue;
        }
        this.#spans.putBack(spans);
        throw error;
      }
      this.stats.spansWritten += spans.length;
      this.#keepRecent(spans);
      if (this.#memory.unsavedCount >= MAX_CELLS_PER_WRITE) return; // counts go first
    }
  }

  #keepRecent(spans: readonly QueuedSpan[]): void {
    const nowMs = Date.now();
    this.#recent.push({ writtenMs: nowMs, spans });
    const mostBatches = RECENT_SPANS_KEPT / SPANS_PER_COPY;
    this.#recent = this.#recent
      .filter(({ writtenMs }) => writtenMs > nowMs - RECENT_KEPT_MS)
      .slice(-mostBatches);
  }

  /** Those that did reach the disk come twice; readers tell them apart by their ids. */
  #writeRecentAgain(): void {
    const again = this.#recent.flatMap(({ spans }) => spans);
    this.#recent = [];
    this.#spans.putBack(again);
    this.stats.spansWritten -= again.length;
  }

  async #saveEdges(edges: readonly EdgeRecord[]): Promise<void> {
    const due = [...new Set(edges)].filter(
      (edge) =>
        edge.isUnsaved ||
        edge.storedId === undefined ||
        edge.lastRequestMs - (this.#savedRequestMs.get(edge) ?? 0) >
          (edge.source.kind === "outside" ? RESAVE_OUTSIDE_MS : RESAVE_EDGE_MS),
    );
    if (due.length === 0) return;
    const rows = due.map((edge) => ({ ...edge }));
    for (const edge of due) edge.isUnsaved = false;
    try {
      const ids = await saveEdges(this.#db, rows);
      due.forEach((edge, i) => {
        edge.storedId = ids[i];
        this.#savedRequestMs.set(edge, rows[i]?.lastRequestMs ?? 0);
      });
    } catch (error) {
      for (const edge of due) edge.isUnsaved = true;
      throw error;
    }
  }

  async #ensurePartitions(table: TelemetryTable, timesMs: readonly number[]): Promise<void> {
    const hours = new Set(timesMs.map((ms) => Math.floor(ms / 3_600_000)));
    const missing = [...hours].filter((hour) => !this.#partitions.has(`${table} ${hour}`));
    await ensurePartitions(
      this.#db,
      table,
      missing.map((hour) => hour * 3_600_000),
    );
    for (const hour of missing) this.#partitions.add(`${table} ${hour}`);
    if (this.#partitions.size > 1000) this.#partitions.clear(); // they are found again
  }
}

/** PostgreSQL's class 22: the data itself is at fault, so trying again cannot help. */
function isDataFault(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : "";
  return typeof code === "string" && /^22/.test(code);
}
