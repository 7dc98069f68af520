import { type AccessDirectory, bearerToken, type Logger } from "@heddle/runtime";
import { findRecentSpans, findTrace, type TelemetryDb } from "@heddle/store";
import { Hono } from "hono";
import type { CollectorMetrics } from "../collector-metrics.ts";
import type { DatabaseWriter } from "../ingest/database-writer.ts";
import type { TrafficMemory } from "../ingest/traffic-memory.ts";
import { inNamespace, registeredNode } from "../topology/graph.ts";
import type { LiveGraph } from "../topology/live-graph.ts";
import type { RegistryWatch } from "../topology/registry-watch.ts";
import { readDenials } from "../traces/denials.ts";
import { toRecentRequests, toTraceResponse } from "../traces/trace-answers.ts";
import { streamGraph } from "./graph-stream.ts";
import { readObservedCalls } from "./observed-calls.ts";
import { readPlaintextCallers } from "./plaintext-callers.ts";
import { ApiError, problemAnswer } from "./problem.ts";
import {
  CallersQuery,
  DenialsQuery,
  GraphQuery,
  parseQuery,
  RequestsQuery,
  SeriesQuery,
} from "./query-parameters.ts";
import { type CollectorEnv, readPrincipal } from "./read-principal.ts";
import { edgesOf, readSeries, type SeriesSubject } from "./series.ts";

const SPANS_KEPT_MS = 24 * 3_600_000;

export type ApiParts = {
  readonly access: AccessDirectory;
  readonly db: TelemetryDb;
  readonly memory: TrafficMemory;
  readonly graph: LiveGraph;
  readonly registry: RegistryWatch;
  readonly writer: DatabaseWriter;
  readonly metrics: CollectorMetrics;
  readonly logger: Logger;
};

/** Port 4319: `/metrics`, health and, with a bearer token, the collector's part of `/api/v1`. */
export function createCollectorApi(parts: ApiParts): Hono {
  const { metrics, writer, logger } = parts;
  const app = new Hono();
  app.onError((error, context) => {
    const answer = problemAnswer(context, error);
    if (answer.status === 500)
      logger.error({ err: error, path: context.req.path }, "answer failed");
    return answer;
  });
  app.notFound((context) =>
    problemAnswer(context, new ApiError(404, "HEDDLE_NOT_FOUND", `no ${context.req.path} here`)),
  );
  app.get("/healthz", (context) => context.text("ok\n"));
  // Without its database a collector still receives and shows what memory holds: it is ready.
  app.get("/readyz", (context) =>
    context.text(writer.stats.isConnected ? "ok\n" : "ok, from memory: the database is away\n"),
  );
  app.get("/metrics", async (context) =>
    context.text(await metrics.registry.metrics(), 200, {
      "content-type": metrics.registry.contentType,
    }),
  );
  app.route("/api/v1", queries(parts));
  return app;
}

function queries({ db, memory, graph, registry, access }: ApiParts): Hono<CollectorEnv> {
  const app = new Hono<CollectorEnv>();
  app.use(async (context, next) => {
    const token = bearerToken(context.req.header("authorization"));
    context.set("principal", await readPrincipal(access, token));
    await next();
  });
  const isRegistered = (id: string) =>
    registry.current.workloads.some((workload) =>
      (["workload", "service"] as const).some((view) => registeredNode(workload, view).id === id),
    );
  const series = (subject: SeriesSubject, query: Record<string, string>) => {
    const view = { memory, db, asOfMs: graph.asOfMs(), isRegistered };
    return readSeries(view, subject, parseQuery(SeriesQuery, query));
  };

  app.get("/graph", (context) => {
    const { namespace, ...key } = parseQuery(GraphQuery, context.req.query());
    const { snapshot, json } = graph.render(key);
    if (namespace !== undefined) return context.json(inNamespace(snapshot, namespace));
    return context.body(json, 200, { "content-type": "application/json" });
  });
  app.get("/graph/stream", (context) => {
    const { namespace, ...key } = parseQuery(GraphQuery, context.req.query());
    if (namespace !== undefined) {
      const message = "the stream is of the whole mesh; leave namespace out";
      throw new ApiError(400, "HEDDLE_INVALID_QUERY", message, [{ field: "namespace", message }]);
    }
    return streamGraph(context, graph, key, (onEnd) =>
      access.onEnd(context.get("principal"), onEnd),
    );
  });
  app.get("/edges/:id/series", async (context) =>
    context.json(await series({ kind: "edge", id: context.req.param("id") }, context.req.query())),
  );
  app.get("/nodes/:id/series", async (context) =>
    context.json(await series({ kind: "node", id: context.req.param("id") }, context.req.query())),
  );
  app.get("/timeline", async (context) =>
    context.json(await series({ kind: "entry" }, context.req.query())),
  );
  app.get("/edges/:id/requests", async (context) => {
    const { limit } = parseQuery(RequestsQuery, context.req.query());
    const edges = edgesOf(memory, { kind: "edge", id: context.req.param("id") });
    const ids = edges.flatMap((edge) => edge.storedId ?? []);
    const spans = await findRecentSpans(db, ids, Date.now() - SPANS_KEPT_MS, limit);
    return context.json(toRecentRequests(spans));
  });
  app.get("/plaintext-callers", async (context) => {
    const query = parseQuery(CallersQuery, context.req.query());
    const asOfMs = graph.asOfMs();
    const view = { memory, db, registry: registry.current, asOfMs };
    return context.json(await readPlaintextCallers(view, query));
  });
  app.get("/denials", async (context) => {
    const query = parseQuery(DenialsQuery, context.req.query());
    return context.json(await readDenials(db, query, Date.now()));
  });
  app.get("/observed-calls", async (context) => {
    const query = parseQuery(CallersQuery, context.req.query());
    return context.json(await readObservedCalls({ memory, db, asOfMs: graph.asOfMs() }, query));
  });
  app.get("/traces/:traceId", async (context) => {
    const traceId = context.req.param("traceId").toLowerCase();
    if (!/^[0-9a-f]{32}$/.test(traceId)) {
      throw new ApiError(
        400,
        "HEDDLE_INVALID_QUERY",
        `traceId: expected 32 hex digits (is "${traceId}")`,
      );
    }
    const spans = await findTrace(db, traceId);
    if (spans.length === 0) {
      throw new ApiError(404, "HEDDLE_NOT_FOUND", `no span of trace ${traceId} is kept`);
    }
    return context.json(toTraceResponse(traceId, spans));
  });
  return app;
}
