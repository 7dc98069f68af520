import {
  AccessDirectory,
  createLogger,
  type HttpService,
  type Logger,
  serveHttp,
} from "@heddle/runtime";
import { accessFromTelemetry, openTelemetryDb } from "@heddle/store";
import { createCollectorApi } from "./api/collector-api.ts";
import { CollectorMetrics } from "./collector-metrics.ts";
import type { CollectorConfig } from "./config.ts";
import { DatabaseWriter } from "./ingest/database-writer.ts";
import { foldMetrics } from "./ingest/fold-metrics.ts";
import { foldSpans } from "./ingest/fold-spans.ts";
import { Housekeeping } from "./ingest/housekeeping.ts";
import { SpanQueue, type SpanQueueLimits } from "./ingest/span-queue.ts";
import { type MemoryLimits, TrafficMemory } from "./ingest/traffic-memory.ts";
import { WindowLog } from "./ingest/window-log.ts";
import { DEFAULT_INGEST_LIMITS, type IngestLimits } from "./receive/ingest-gate.ts";
import { startOtlpReceiver } from "./receive/otlp-receiver.ts";
import { TapBoard } from "./taps/tap-board.ts";
import { LiveGraph } from "./topology/live-graph.ts";
import { RegistryWatch } from "./topology/registry-watch.ts";

export type CollectorLimits = {
  readonly ingest: IngestLimits;
  readonly spans: SpanQueueLimits;
  readonly memory: MemoryLimits;
};

/** About 600 MB at the very worst; a mesh of 300 edges needs some 60. */
export const DEFAULT_LIMITS: CollectorLimits = {
  ingest: DEFAULT_INGEST_LIMITS,
  spans: { maxSpans: 100_000, maxBytes: 128 * 1024 * 1024 },
  memory: { maxEdges: 20_000, maxCells: 400_000 },
};

export type RunningCollector = {
  readonly otlpPort: number;
  readonly adminPort: number;
  /** Takes no more, writes what is left, ends. */
  stop(): Promise<void>;
};

const WRITE_INTERVAL_MS = 1000;
const REGISTRY_INTERVAL_MS = 2000;
const HOUSEKEEPING_INTERVAL_MS = 60_000;
const MAX_CONNECTIONS = 6;

/** Starts a collector. It serves at once, from memory, also when the database is away. */
export async function startCollector(
  config: CollectorConfig,
  limits: CollectorLimits = DEFAULT_LIMITS,
): Promise<RunningCollector> {
  const logger = createLogger("collector", config.logLevel);
  const metrics = new CollectorMetrics();
  const db = openTelemetryDb(config.databaseUrl, {
    maxConnections: MAX_CONNECTIONS,
    onIdleError: (error) => logger.debug({ err: error }, "an idle database connection broke"),
  });
  const memory = new TrafficMemory(limits.memory);
  const windows = new WindowLog();
  const spans = new SpanQueue(limits.spans);
  const writer = new DatabaseWriter({
    db,
    memory,
    spans,
    windows,
    logger,
    intervalMs: WRITE_INTERVAL_MS,
  });
  const registry = new RegistryWatch(db, logger, REGISTRY_INTERVAL_MS);
  const access = new AccessDirectory(config.authSecret, accessFromTelemetry(db), logger);
  const graph = new LiveGraph(memory, windows, registry);
  const housekeeping = new Housekeeping(db, logger, HOUSEKEEPING_INTERVAL_MS);
  const taps = new TapBoard();
  metrics.watch({ memory, spans, writer, graph, taps });

  // First what an earlier run has left: its windows must be known before the first push is taken.
  await Promise.all([writer.start(), registry.start(), access.start()]);
  graph.start();
  housekeeping.start();
  const api = createCollectorApi({
    access,
    db,
    memory,
    graph,
    registry,
    writer,
    metrics,
    logger,
    taps,
  });
  const admin = await serveHttp(api, {
    host: config.bindAddress,
    port: config.adminPort,
    purpose: "collector API",
    variable: "HEDDLE_COLLECTOR_ADMIN_PORT",
  });
  const receiver = await startOtlpReceiver({
    host: config.proxyBindAddress,
    port: config.otlpPort,
    limits: limits.ingest,
    sink: sinkInto({ memory, windows, spans, graph, metrics, taps }),
    metrics,
    logger,
  });
  announce(logger, admin, receiver.port);
  return {
    otlpPort: receiver.port,
    adminPort: admin.port,
    stop: async () => {
      await receiver.close();
      graph.stop();
      await Promise.all([admin.close(), registry.stop(), access.stop(), housekeeping.stop()]);
      await writer.stop();
      await db.close();
    },
  };
}

function sinkInto(parts: {
  memory: TrafficMemory;
  windows: WindowLog;
  spans: SpanQueue;
  graph: LiveGraph;
  metrics: CollectorMetrics;
  taps: TapBoard;
}): Parameters<typeof startOtlpReceiver>[0]["sink"] {
  const { memory, windows, spans, graph, metrics, taps } = parts;
  return {
    metrics: (resources) => {
      const { folded, repeated, newEdges, partial } = foldMetrics(
        resources,
        memory,
        windows,
        Date.now(),
      );
      metrics.items.inc({ signal: "metrics", outcome: "taken" }, folded);
      metrics.items.inc({ signal: "metrics", outcome: "repeated" }, repeated);
      metrics.items.inc({ signal: "metrics", outcome: "rejected" }, partial.rejected);
      if (newEdges > 0) graph.edgeAppeared();
      return partial;
    },
    spans: (resources) => {
      const partial = foldSpans(resources, memory, spans, Date.now());
      const sent = resources.reduce((sum, one) => sum + one.spans.length + one.malformed, 0);
      metrics.items.inc({ signal: "spans", outcome: "taken" }, sent - partial.rejected);
      metrics.items.inc({ signal: "spans", outcome: "rejected" }, partial.rejected);
      return partial;
    },
    logs: (resources) => {
      const partial = taps.take(resources);
      const sent = resources.reduce((sum, { records }) => sum + records.length, 0);
      metrics.items.inc({ signal: "logs", outcome: "taken" }, sent - partial.rejected);
      metrics.items.inc({ signal: "logs", outcome: "rejected" }, partial.rejected);
      return partial;
    },
  };
}

function announce(logger: Logger, admin: HttpService, otlpPort: number): void {
  logger.info({ otlpPort, adminPort: admin.port }, "collecting");
  process.send?.({ type: "ready", otlpPort, adminPort: admin.port });
}
