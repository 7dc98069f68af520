import { LatencySketch, TrafficTally } from "@heddle/mesh";
import { ask, type ConfigDb } from "../config/config-db.ts";

/** 10 s of what all callers sent one service. */
export type ServiceStep = {
  readonly service: string; // namespace/name
  readonly startMs: number;
  readonly tally: TrafficTally;
};

/** Which edges are meant: those to some services, those of some namespaces' workloads, or all. */
export type TouchedScope =
  | { readonly kind: "services"; readonly services: readonly string[] }
  | { readonly kind: "callers"; readonly namespaces: readonly string[] }
  | { readonly kind: "mesh" };

/** So many of the busiest edges; a mesh's other ones have too few requests to tell anything. */
const MAX_EDGES = 1000;

/**
 * What the 10 s buckets that start in [fromMs, toMs) hold of the touched edges, by called service: requests, errors,
 * encryption and latencies. The last day at most is kept.
 */
export async function findTouchedTraffic(
  db: ConfigDb,
  query: { readonly scope: TouchedScope; readonly fromMs: number; readonly toMs: number },
): Promise<ServiceStep[]> {
  const { scope } = query;
  const from = new Date(query.fromMs);
  const to = new Date(query.toMs);
  const services = scope.kind === "services" ? [...scope.services] : [];
  const namespaces = scope.kind === "callers" ? [...scope.namespaces] : [];
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<Row[]>`
      WITH named AS (
        SELECT edge.id, CASE destination.kind
          WHEN 'external' THEN coalesce(asked.service, '/' || destination.address)
          ELSE destination.namespace || '/' || coalesce(destination.service, destination.workload) END AS service
        FROM telemetry.edge
        JOIN telemetry.node source ON source.id = edge.source_id
        JOIN telemetry.node destination ON destination.id = edge.destination_id
        LEFT JOIN unnest(${services}::text[]) AS asked(service)
          ON destination.kind = 'external' AND split_part(asked.service, '/', 2) = destination.address
        WHERE edge.last_request_at >= ${from}::timestamptz
          AND (${scope.kind} <> 'callers' OR source.namespace = ANY(${namespaces}::text[]))
      ), touched AS (
        SELECT named.id, named.service FROM named
        JOIN LATERAL (
          SELECT sum(requests) AS requests FROM telemetry.edge_10s
          WHERE edge_id = named.id AND started_at >= ${from}::timestamptz AND started_at < ${to}::timestamptz
        ) AS counted ON counted.requests > 0
        WHERE ${scope.kind} <> 'services' OR named.service = ANY(${services}::text[])
        ORDER BY counted.requests DESC LIMIT ${MAX_EDGES}
      )
      SELECT touched.service, (extract(epoch FROM started_at) * 1000)::float8 AS start_ms,
        requests::float8, mtls_requests::float8, plaintext_requests::float8, latency,
        failed_app::float8 AS app, failed_outbound_proxy::float8 AS outbound,
        failed_inbound_proxy::float8 AS inbound, failed_network::float8 AS network
      FROM touched JOIN telemetry.edge_10s ON edge_id = touched.id
      WHERE started_at >= ${from}::timestamptz AND started_at < ${to}::timestamptz`,
  );
  return mergeSteps(rows);
}

type Row = {
  readonly service: string;
  readonly start_ms: number;
  readonly requests: number;
  readonly mtls_requests: number;
  readonly plaintext_requests: number;
  readonly latency: Uint8Array;
  readonly app: number;
  readonly outbound: number;
  readonly inbound: number;
  readonly network: number;
};

function mergeSteps(rows: readonly Row[]): ServiceStep[] {
  const steps = new Map<string, ServiceStep>();
  for (const row of rows) {
    const key = `${row.service} ${row.start_ms}`;
    const { service, start_ms: startMs } = row;
    const step = steps.get(key) ?? { service, startMs, tally: new TrafficTally() };
    addRow(step.tally, row);
    steps.set(key, step);
  }
  return [...steps.values()];
}

function addRow(tally: TrafficTally, row: Row): void {
  tally.requests += row.requests;
  tally.addErrors("app", row.app);
  tally.addErrors("outbound-proxy", row.outbound);
  tally.addErrors("inbound-proxy", row.inbound);
  tally.addErrors("network", row.network);
  tally.mtlsRequests += row.mtls_requests;
  tally.plaintextRequests += row.plaintext_requests;
  tally.latency.merge(LatencySketch.decode(row.latency));
}
