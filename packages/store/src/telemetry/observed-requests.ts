import { ask, type ConfigDb } from "../config/config-db.ts";

/** One end of an edge, as the collector names it. */
export type ObservedNode = {
  /** `workload/shop/reviews-v2`, `outside/10.0.0.7`, `external/api.example.com`, `service/shop/idle`. */
  readonly id: string;
  readonly kind: string;
  readonly namespace: string;
  readonly service: string | null;
  readonly workload: string | null;
  readonly version: string | null;
  readonly address: string | null;
};

/** Who called whom; `id` is the collector's number of the edge. */
export type ObservedEdge = {
  readonly id: number;
  readonly source: ObservedNode;
  readonly destination: ObservedNode;
};

/** What was counted on an edge in whole buckets of 10 s. */
export type ObservedCount = {
  readonly edgeId: number;
  readonly requests: number;
  /** Those of them that failed; their spans are kept whatever the sampling. */
  readonly failed: number;
  /** Opaque connections that were opened. */
  readonly connections: number;
  /** Start of the first bucket with a request or connection. */
  readonly firstMs: number;
};

/** A request as its span tells it. */
export type SampledRequest = {
  readonly edgeId: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly startMs: number;
  readonly durationMs: number;
  /** 0: no answer. */
  readonly status: number;
  /** Tries beyond the first. */
  readonly retries: number;
  /** `GET reviews`. */
  readonly operation: string;
  readonly method: string;
  readonly path: string;
  /** `namespace/name`, or `unknown`. */
  readonly source: string;
  readonly destination: string;
  readonly flags: string;
  readonly rule: string | null;
  readonly revision: number | null;
  /** Istio's name of the destination. */
  readonly cluster: string | null;
  /** `namespace/name` of the service asked for; null: a span from before proxies told it. */
  readonly service: string | null;
  /** Host as the caller named it. */
  readonly authority: string | null;
  /** Of a plaintext caller. */
  readonly address: string | null;
  /** Values of the headers that rules look at. */
  readonly headers: Readonly<Record<string, string>> | null;
  /** Names of those of them the request did not have, joined by `,`. */
  readonly absent: string | null;
};

const MAX_EDGES = 20_000;
const BUCKET_MS = 10_000;

/** Every edge with a request or connection since `sinceMs`, the newest first; at most 20 000. */
export async function findObservedEdges(db: ConfigDb, sinceMs: number): Promise<ObservedEdge[]> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<{ text: string }[]>`
      SELECT coalesce(json_agg(json_build_object('id', newest.id,
        'source', row_to_json(source), 'destination', row_to_json(destination)))::text, '[]') AS text
      FROM (SELECT * FROM telemetry.edge WHERE last_request_at >= ${new Date(sinceMs)}::timestamptz
        ORDER BY last_request_at DESC LIMIT ${MAX_EDGES}) AS newest
      JOIN telemetry.node source ON source.id = newest.source_id
      JOIN telemetry.node destination ON destination.id = newest.destination_id`,
  );
  return JSON.parse(rows[0]?.text ?? "[]") as ObservedEdge[];
}

/** Sums over the 10 s buckets that start in [fromMs, toMs), by the primary key; edges without requests and connections are left out. */
export async function countObservedRequests(
  db: ConfigDb,
  edgeIds: readonly number[],
  fromMs: number,
  toMs: number,
): Promise<ObservedCount[]> {
  if (edgeIds.length === 0) return [];
  const from = new Date(Math.floor(fromMs / BUCKET_MS) * BUCKET_MS);
  return ask(
    db,
    (prisma) => prisma.$queryRaw<ObservedCount[]>`
      SELECT edge_id AS "edgeId", sum(requests)::float8 AS requests,
        sum(failed_app + failed_outbound_proxy + failed_inbound_proxy + failed_network)::float8 AS failed,
        sum(tcp_opened)::float8 AS connections,
        (extract(epoch FROM min(started_at)) * 1000)::float8 AS "firstMs"
      FROM telemetry.edge_10s
      WHERE edge_id = ANY(${[...edgeIds]}::integer[])
        AND started_at >= ${from}::timestamptz AND started_at < ${new Date(toMs)}::timestamptz
        AND (requests > 0 OR tcp_opened > 0)
      GROUP BY edge_id`,
  );
}

/**
 * The newest spans of one edge since `sinceMs` that tell of HTTP requests; some may come twice (after a crash of the
 * collector). Served by `span_edge`. One text from the database, since reading columns one by one costs the process more.
 */
export async function findSampledRequests(
  db: ConfigDb,
  edgeId: number,
  sinceMs: number,
  limit: number,
): Promise<SampledRequest[]> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<{ text: string }[]>`
      SELECT coalesce(json_agg(one)::text, '[]') AS text FROM (
        SELECT edge_id AS "edgeId", replace(trace_id::text, '-', '') AS "traceId",
          lpad(to_hex(span_id), 16, '0') AS "spanId",
          (extract(epoch FROM start_time) * 1000)::float8 AS "startMs",
          duration_us::float8 / 1000 AS "durationMs", http_status AS status, operation,
          attributes->>'http.request.method' AS method,
          coalesce(attributes->>'url.path', '/') AS path,
          coalesce(attributes->>'heddle.source_workload', 'unknown') AS source,
          coalesce(attributes->>'heddle.destination_workload', 'unknown') AS destination,
          coalesce(attributes->>'heddle.flags', '-') AS flags,
          coalesce((attributes->>'retry.count')::integer, 0) AS retries,
          attributes->>'heddle.rule' AS rule, (attributes->>'heddle.revision')::integer AS revision,
          attributes->>'upstream_cluster' AS cluster, attributes->>'heddle.service' AS service,
          attributes->>'server.address' AS authority, attributes->>'client.address' AS address,
          (SELECT json_object_agg(substr(key, 21), value) FROM jsonb_each_text(attributes)
            WHERE key LIKE 'http.request.header.%') AS headers,
          attributes->>'heddle.absent_headers' AS absent
        FROM telemetry.span
        WHERE edge_id = ${edgeId}::integer AND start_time >= ${new Date(sinceMs)}::timestamptz
          AND attributes ? 'http.request.method'
        ORDER BY start_time DESC LIMIT ${limit}
      ) AS one`,
  );
  return JSON.parse(rows[0]?.text ?? "[]") as SampledRequest[];
}
