import type { TelemetryDb } from "./telemetry-db.ts";

/** Requests of one caller that one rule denied, by method and path as they came. */
export type StoredDenial = {
  readonly source: string; // namespace/name or `unknown`
  /** Of a caller without identity. */
  readonly address: string | undefined;
  readonly destination: string; // namespace/name
  readonly effect: string;
  readonly method: string;
  readonly path: string;
  /** `namespace/name/rule` */
  readonly rule: string | undefined;
  readonly nearest: string | undefined;
  readonly fields: string | undefined;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly lastTraceId: string;
};

/** What an edge's kept spans asked for. */
export type StoredOperation = {
  readonly edgeId: number;
  readonly method: string;
  readonly path: string;
  readonly requests: number;
};

/** The newest denials, at most `limit` groups. Served by `span_denied`. */
export async function findDenials(
  db: TelemetryDb,
  query: {
    readonly sinceMs: number;
    readonly namespace: string | undefined;
    readonly workload: string | undefined;
    readonly limit: number;
  },
): Promise<StoredDenial[]> {
  const { sinceMs, namespace, workload, limit } = query;
  return db.withClient(async (client) => {
    const { rows } = await client.query<DenialRow>(FIND_DENIALS, [
      new Date(sinceMs),
      namespace ?? null,
      workload ?? null,
      limit,
    ]);
    return rows.map((row) => ({
      ...row,
      address: row.address ?? undefined,
      rule: row.rule ?? undefined,
      nearest: row.nearest ?? undefined,
      fields: row.fields ?? undefined,
    }));
  });
}

/** Methods and paths of the given edges, the most frequent first. Served by `span_edge`. */
export async function findOperations(
  db: TelemetryDb,
  edgeIds: readonly number[],
  sinceMs: number,
  limit: number,
): Promise<StoredOperation[]> {
  if (edgeIds.length === 0) return [];
  return db.withClient(async (client) => {
    const { rows } = await client.query<StoredOperation>(FIND_OPERATIONS, [
      edgeIds,
      new Date(sinceMs),
      limit,
    ]);
    return rows;
  });
}

type DenialRow = {
  [Key in keyof StoredDenial]: undefined extends StoredDenial[Key]
    ? string | null
    : StoredDenial[Key];
};

// After a crash some spans were written twice, hence DISTINCT.
const FIND_DENIALS = `
  SELECT attributes->>'heddle.source_workload' AS source,
    attributes->>'client.address' AS address,
    attributes->>'heddle.destination_workload' AS destination,
    attributes->>'heddle.authorization' AS effect,
    coalesce(attributes->>'http.request.method', '') AS method,
    coalesce(attributes->>'url.path', '') AS path,
    attributes->>'heddle.authorization.rule' AS rule,
    attributes->>'heddle.authorization.nearest' AS nearest,
    attributes->>'heddle.authorization.fields' AS fields,
    count(DISTINCT span_id)::integer AS count,
    (extract(epoch FROM min(start_time)) * 1000)::float8 AS "firstMs",
    (extract(epoch FROM max(start_time)) * 1000)::float8 AS "lastMs",
    replace((array_agg(trace_id ORDER BY start_time DESC))[1]::text, '-', '') AS "lastTraceId"
  FROM telemetry.span
  WHERE start_time >= $1 AND attributes ? 'heddle.authorization'
    AND ($2::text IS NULL OR split_part(attributes->>'heddle.destination_workload', '/', 1) = $2)
    AND ($3::text IS NULL OR split_part(attributes->>'heddle.destination_workload', '/', 2) = $3)
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
  ORDER BY max(start_time) DESC
  LIMIT $4`;

const FIND_OPERATIONS = `
  SELECT edge_id AS "edgeId", attributes->>'http.request.method' AS method,
    attributes->>'url.path' AS path, count(DISTINCT span_id)::integer AS requests
  FROM telemetry.span
  WHERE edge_id = ANY($1::integer[]) AND start_time >= $2
    AND attributes ? 'http.request.method' AND attributes ? 'url.path'
    AND NOT attributes ? 'heddle.authorization'
  GROUP BY 1, 2, 3
  ORDER BY 4 DESC
  LIMIT $3`;
