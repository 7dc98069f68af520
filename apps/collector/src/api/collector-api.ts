import * as contracts from "@heddle/contracts";
import {
  DenialsResponse,
  GraphSnapshot,
  ObservedCallsResponse,
  type Operation,
  type OperationDescription,
  PlaintextCallersResponse,
  RecentRequestsResponse,
  SeriesResponse,
  TapBatch,
  TapEnd,
  TraceResponse,
} from "@heddle/contracts";
import {
  type AccessDirectory,
  bearerToken,
  DescribedRoutes,
  documentRoute,
  type Logger,
  methodsOf,
} from "@heddle/runtime";
import { findRecentSpans, findTrace, type TelemetryDb } from "@heddle/store";
import { type Context, Hono } from "hono";
import packageJson from "../../package.json" with { type: "json" };
import type { CollectorMetrics } from "../collector-metrics.ts";
import type { DatabaseWriter } from "../ingest/database-writer.ts";
import type { TrafficMemory } from "../ingest/traffic-memory.ts";
import type { TapBoard } from "../taps/tap-board.ts";
import { inNamespace, registeredNode } from "../topology/graph.ts";
import type { LiveGraph } from "../topology/live-graph.ts";
import { readPastGraph } from "../topology/past-graph.ts";
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
  RequestsQuery,
  readQuery,
  SeriesQuery,
  StreamQuery,
  TapPath,
  TRACE_ID,
  TracePath,
} from "./query-parameters.ts";
import { type CollectorEnv, readPrincipal } from "./read-principal.ts";
import { edgesOf, readSeries, type SeriesSubject } from "./series.ts";
import { streamTap } from "./tap-stream.ts";

const API_ROOT = "/api/v1";
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
  readonly taps: TapBoard;
};

const SERIES_WORDS =
  "Half-open from `fromMs` to `toMs`, the last 15 minutes by default. `stepMs` of the answer may be coarser than asked for.";
const OF_HISTORY = ["HEDDLE_NOT_FOUND", "HEDDLE_DATABASE_UNAVAILABLE"] as const;

/** Port 4319: `/metrics`, health and, with a bearer token, the collector's part of `/api/v1`. */
export function createCollectorApi(parts: ApiParts): Hono {
  const { logger } = parts;
  const app = new Hono();
  const operations: Operation[] = [];
  app.onError((error, context) => {
    const answer = problemAnswer(error);
    if (answer.status === 500)
      logger.error({ err: error, path: context.req.path }, "answer failed");
    return answer;
  });
  app.notFound((context) => {
    const { method, path } = context.req;
    const allowed = methodsOf(operations, path);
    if (allowed.length === 0) {
      return problemAnswer(new ApiError("HEDDLE_NOT_FOUND", `no ${path} here`));
    }
    const allow = allowed.join(", ");
    const why = `${path} does not take ${method}; it takes ${allow}`;
    return problemAnswer(new ApiError("HEDDLE_METHOD_NOT_ALLOWED", why), { allow });
  });
  const process = processRoutes(parts);
  app.route("/", process.app);
  const { routes, api } = queries(parts);
  app.route(API_ROOT, api);
  operations.push(
    ...process.operations,
    ...routes.operations.map((one) => ({ ...one, path: API_ROOT + one.path })),
  );
  const about = { title: "Heddle collector", version: packageJson.version };
  const document = documentRoute(() => contracts.openApiDocument(operations, contracts, about));
  app.route("/", document.app);
  operations.push(...document.operations);
  return app;
}

function processRoutes({ metrics, writer }: ApiParts) {
  const text = (summary: string): OperationDescription => ({
    summary,
    role: "anyone",
    text: "text/plain",
  });
  return new DescribedRoutes<object, OperationDescription>(new Hono())
    .get("/healthz", text("Say whether the process lives"), (context) => context.text("ok\n"))
    .get(
      "/readyz",
      text("Say whether it serves"),
      // Without its database a collector still receives and shows what memory holds: it is ready.
      (context) =>
        context.text(writer.stats.isConnected ? "ok\n" : "ok, from memory: the database is away\n"),
    )
    .get("/metrics", text("Show its metrics, as Prometheus reads them"), async (context) =>
      context.text(await metrics.registry.metrics(), 200, {
        "content-type": metrics.registry.contentType,
      }),
    );
}

function queries({ db, memory, graph, registry, access, taps, logger }: ApiParts) {
  const api = new Hono<CollectorEnv>();
  api.use(async (context, next) => {
    const token = bearerToken(context.req.header("authorization"));
    context.set("principal", await readPrincipal(access, token));
    await next();
  });
  const isRegistered = (id: string) =>
    registry.current.workloads.some((workload) =>
      (["workload", "service"] as const).some((view) => registeredNode(workload, view).id === id),
    );
  const series = async (context: Context<CollectorEnv>, subject: SeriesSubject) => {
    const view = { memory, db, asOfMs: graph.asOfMs(), isRegistered };
    return context.json(await readSeries(view, subject, readQuery(context, SeriesQuery)));
  };
  const routes = new DescribedRoutes<CollectorEnv, OperationDescription>(api);

  routes.get(
    "/graph",
    {
      summary: "Show who calls whom, how often and how well",
      role: "viewer",
      query: GraphQuery,
      answer: GraphSnapshot,
    },
    async (context) => {
      const { namespace, atMs, ...key } = readQuery(context, GraphQuery);
      if (atMs !== undefined && atMs < graph.asOfMs()) {
        const past = { memory, db, registry: registry.current };
        const then = await readPastGraph(past, { ...key, atMs }, Date.now());
        return context.json(namespace === undefined ? then : inNamespace(then, namespace));
      }
      const { snapshot, json } = graph.render(key);
      if (namespace !== undefined) return context.json(inNamespace(snapshot, namespace));
      return context.body(json, 200, { "content-type": "application/json" });
    },
  );
  routes.get(
    "/graph/stream",
    {
      summary: "Follow the graph of the whole mesh, a snapshot each second",
      role: "viewer",
      query: StreamQuery,
      events: { graph: GraphSnapshot },
      refusals: ["HEDDLE_TOO_MANY_STREAMS"],
    },
    (context) => {
      const key = readQuery(context, StreamQuery);
      return streamGraph(context, graph, key, (onEnd) =>
        access.onEnd(context.get("principal"), onEnd),
      );
    },
  );
  routes.get(
    "/edges/:id/series",
    {
      summary: "Show an edge's golden signals over time",
      description: SERIES_WORDS,
      role: "viewer",
      query: SeriesQuery,
      answer: SeriesResponse,
      refusals: OF_HISTORY,
    },
    (context) => series(context, { kind: "edge", id: context.req.param("id") }),
  );
  routes.get(
    "/nodes/:id/series",
    {
      summary: "Show a node's golden signals over time",
      description: SERIES_WORDS,
      role: "viewer",
      query: SeriesQuery,
      answer: SeriesResponse,
      refusals: OF_HISTORY,
    },
    (context) => series(context, { kind: "node", id: context.req.param("id") }),
  );
  routes.get(
    "/timeline",
    {
      summary: "Show the golden signals of all traffic that enters the mesh",
      description: SERIES_WORDS,
      role: "viewer",
      query: SeriesQuery,
      answer: SeriesResponse,
      refusals: OF_HISTORY,
    },
    (context) => series(context, { kind: "entry" }),
  );
  routes.get(
    "/edges/:id/requests",
    {
      summary: "List an edge's latest sampled requests",
      role: "viewer",
      query: RequestsQuery,
      answer: RecentRequestsResponse,
      refusals: OF_HISTORY,
    },
    async (context) => {
      const { limit } = readQuery(context, RequestsQuery);
      const edges = edgesOf(memory, { kind: "edge", id: context.req.param("id") });
      const ids = edges.flatMap((edge) => edge.storedId ?? []);
      const spans = await findRecentSpans(db, ids, Date.now() - SPANS_KEPT_MS, limit);
      return context.json(toRecentRequests(spans));
    },
  );
  routes.get(
    "/plaintext-callers",
    {
      summary: "List who calls without mTLS",
      role: "viewer",
      query: CallersQuery,
      answer: PlaintextCallersResponse,
      refusals: OF_HISTORY,
    },
    async (context) => {
      const query = readQuery(context, CallersQuery);
      const view = { memory, db, registry: registry.current, asOfMs: graph.asOfMs() };
      return context.json(await readPlaintextCallers(view, query));
    },
  );
  routes.get(
    "/denials",
    {
      summary: "List who was not let in, by caller, rule and kind of request",
      role: "viewer",
      query: DenialsQuery,
      answer: DenialsResponse,
      refusals: OF_HISTORY,
    },
    async (context) =>
      context.json(await readDenials(db, readQuery(context, DenialsQuery), Date.now())),
  );
  routes.get(
    "/observed-calls",
    {
      summary: "List who was seen calling whom, and for what",
      role: "viewer",
      query: CallersQuery,
      answer: ObservedCallsResponse,
      refusals: OF_HISTORY,
    },
    async (context) => {
      const query = readQuery(context, CallersQuery);
      return context.json(await readObservedCalls({ memory, db, asOfMs: graph.asOfMs() }, query));
    },
  );
  routes.get(
    "/traces/:traceId",
    {
      summary: "Show a trace with all its spans",
      role: "viewer",
      params: TracePath,
      answer: TraceResponse,
      refusals: OF_HISTORY,
    },
    async (context) => {
      const traceId = context.req.param("traceId").toLowerCase();
      if (!TRACE_ID.test(traceId)) {
        throw new ApiError(
          "HEDDLE_INVALID_QUERY",
          `traceId: expected 32 hex digits (is "${traceId}")`,
        );
      }
      const spans = await findTrace(db, traceId);
      if (spans.length === 0) {
        throw new ApiError("HEDDLE_NOT_FOUND", `no span of trace ${traceId} is kept`);
      }
      return context.json(toTraceResponse(traceId, spans));
    },
  );
  routes.get(
    "/tapped/:id",
    {
      summary: "Follow the live requests of a tap",
      description:
        "Needs operator on the namespaces of its targets (`POST /taps` began it). It ends with the tap, and the tap some seconds after nobody reads it any more.",
      role: "operator",
      params: TapPath,
      events: { requests: TapBatch, end: TapEnd },
      refusals: ["HEDDLE_NOT_FOUND", "HEDDLE_TOO_MANY_STREAMS", "HEDDLE_DATABASE_UNAVAILABLE"],
    },
    (context) => streamTap(context, context.req.param("id"), { db, board: taps, access, logger }),
  );
  return { routes, api };
}
