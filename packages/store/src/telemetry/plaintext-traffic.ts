import { ask, type ConfigDb } from "../config/config-db.ts";

/** What one address outside the mesh sent one workload, as the workload's proxies counted. */
export type PlaintextTraffic = {
  readonly namespace: string;
  readonly workload: string;
  readonly sourceAddress: string;
  /** In the window: requests and opaque connections. */
  readonly accepted: number;
  readonly refused: number;
  /** Accepted, over the last whole 10 s buckets: 30 s, or as much of them as there was since the first. */
  readonly perSecond: number;
  /** Since the workload's dry run began; 0 without one. */
  readonly wouldBeRefused: number;
  /** Up to 5 s late. */
  readonly lastSeenMs: number;
};

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const BUCKET_MS = 10_000;
const RATE_WINDOW_MS = 30_000;
/** Rows may come this late; minutes are summed up again until then. */
const LATE_MS = 2 * MINUTE_MS;
const MAX_CALLERS = 5000;

/** When a collector last wrote; `undefined`: none has for a day. */
export async function findCountedUntil(db: ConfigDb, nowMs: number): Promise<number | undefined> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<{ alive_at: Date | null }[]>`
      SELECT max(alive_at) AS alive_at FROM telemetry.collector
      WHERE alive_at > ${new Date(nowMs - 24 * HOUR_MS)}::timestamptz`,
  );
  return rows[0]?.alive_at?.getTime();
}

/**
 * Everybody who sent plaintext in the last `windowMs` or since a dry run of the called workload began,
 * accepted or refused, also those who only keep a connection open; busiest first, at most 5000. The last
 * hour is read from 10 s buckets, what is older from minutes; one index scan an edge.
 */
export async function findPlaintextTraffic(
  db: ConfigDb,
  query: {
    readonly namespace: string | undefined;
    readonly workload: string | undefined;
    readonly windowMs: number;
    readonly nowMs: number;
    readonly dryRuns: readonly {
      readonly namespace: string;
      readonly workload: string;
      readonly sinceMs: number;
    }[];
  },
): Promise<PlaintextTraffic[]> {
  const { nowMs, namespace = null, workload = null } = query;
  const from = new Date(nowMs - query.windowMs);
  const dryRuns = query.dryRuns.map((one) => ({
    namespace: one.namespace,
    workload: one.workload,
    since: new Date(floor(one.sinceMs, MINUTE_MS)).toISOString(),
  }));
  const lateEnd = new Date(floor(nowMs, BUCKET_MS));
  const lateStart = new Date(lateEnd.getTime() - RATE_WINDOW_MS);
  return ask(db, async (prisma) => {
    const [rolled] = await prisma.$queryRaw<{ rolled_until: Date }[]>`
      SELECT rolled_until FROM telemetry.rollup WHERE tier = 'edge_1m'`;
    const rolledMs = (rolled?.rolled_until.getTime() ?? 0) - LATE_MS;
    const border = new Date(floor(Math.min(rolledMs, nowMs - HOUR_MS), MINUTE_MS));
    const rows = await prisma.$queryRaw<Row[]>`
      WITH asked AS (
        SELECT edge.id, destination.namespace, destination.workload, source.address,
          edge.last_request_at, dry.since, least(${from}::timestamptz, dry.since) AS from_at
        FROM telemetry.edge
        JOIN telemetry.node source ON source.id = edge.source_id
        JOIN telemetry.node destination ON destination.id = edge.destination_id
        LEFT JOIN jsonb_to_recordset(${JSON.stringify(dryRuns)}::jsonb)
          AS dry(namespace text, workload text, since timestamptz)
          ON dry.namespace = destination.namespace AND dry.workload = destination.workload
        WHERE source.kind = 'outside' AND destination.kind = 'workload'
          AND edge.last_request_at >= least(${from}::timestamptz, dry.since)
          AND (${namespace}::text IS NULL OR destination.namespace = ${namespace}::text)
          AND (${workload}::text IS NULL OR destination.workload = ${workload}::text)
      ), bucket AS (
        SELECT edge_id, since, started_at, requests + tcp_opened AS accepted, refused, would_be_refused
        FROM asked JOIN telemetry.edge_1m ON edge_id = asked.id AND started_at >= from_at
        WHERE started_at < ${border}::timestamptz
        UNION ALL
        SELECT edge_id, since, started_at, requests + tcp_opened, refused, would_be_refused
        FROM asked JOIN telemetry.edge_10s ON edge_id = asked.id AND started_at >= from_at
        WHERE started_at >= ${border}::timestamptz
      ), summed AS (
        SELECT edge_id,
          sum(accepted) FILTER (WHERE started_at >= ${from}::timestamptz) AS accepted,
          sum(refused) FILTER (WHERE started_at >= ${from}::timestamptz) AS refused,
          jsonb_agg(jsonb_build_array(extract(epoch FROM started_at) * 1000, accepted))
            FILTER (WHERE started_at >= ${lateStart}::timestamptz
              AND started_at < ${lateEnd}::timestamptz) AS lately,
          bool_or(accepted > 0 AND started_at < ${lateStart}::timestamptz) AS was_before,
          sum(would_be_refused) FILTER (WHERE started_at >= since) AS would_be_refused,
          max(started_at) FILTER (WHERE accepted + refused > 0) AS newest
        FROM bucket GROUP BY edge_id
      )
      SELECT asked.namespace, asked.workload, asked.address,
        coalesce(accepted, 0)::float8 AS accepted, coalesce(refused, 0)::float8 AS refused,
        coalesce(lately, '[]'::jsonb) AS lately, coalesce(was_before, false) AS was_before,
        coalesce(would_be_refused, 0)::float8 AS would_be_refused,
        greatest(asked.last_request_at, newest) AS last_seen
      FROM asked LEFT JOIN summed ON edge_id = asked.id
      ORDER BY accepted DESC, asked.address LIMIT ${MAX_CALLERS}`;
    return rows
      .map((row) => toTraffic(row, lateEnd.getTime()))
      .sort((a, b) => b.perSecond - a.perSecond || b.accepted - a.accepted);
  });
}

type Row = {
  readonly namespace: string;
  readonly workload: string | null;
  readonly address: string | null;
  readonly accepted: number;
  readonly refused: number;
  readonly lately: readonly (readonly [startMs: number, accepted: number])[];
  readonly was_before: boolean;
  readonly would_be_refused: number;
  readonly last_seen: Date;
};

function toTraffic(row: Row, lateEndMs: number): PlaintextTraffic {
  return {
    namespace: row.namespace,
    workload: row.workload ?? "unknown",
    sourceAddress: row.address ?? "unknown",
    accepted: row.accepted,
    refused: row.refused,
    perSecond: rateOf(row, lateEndMs),
    wouldBeRefused: row.would_be_refused,
    lastSeenMs: row.last_seen.getTime(),
  };
}

/** Somebody who began within the window began in the midst of a bucket: it goes by the buckets after that. */
function rateOf({ lately, was_before: wasBefore }: Row, lateEndMs: number): number {
  const firstMs = Math.min(...lately.map(([startMs]) => startMs));
  const sum = lately.reduce((total, [, accepted]) => total + accepted, 0);
  const later = lately.filter(([startMs]) => startMs > firstMs);
  const sumLater = later.reduce((total, [, accepted]) => total + accepted, 0);
  const overAll = sum / (RATE_WINDOW_MS / 1000);
  if (wasBefore) return overAll;
  const laterSeconds = (lateEndMs - firstMs - BUCKET_MS) / 1000;
  return laterSeconds > 0 ? Math.max(overAll, sumLater / laterSeconds) : overAll;
}

function floor(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs;
}
