import { FailureKinds, LatencySketch, TrafficTally } from "@heddle/mesh";
import type { PoolClient } from "pg";
import type { TelemetryDb } from "./telemetry-db.ts";

/** What a table's row sums up: 10 s, a minute, or an hour of one edge. */
export type EdgeTier = "edge_10s" | "edge_1m" | "edge_1h";
export const EDGE_TIER_MS: Readonly<Record<EdgeTier, number>> = {
  edge_10s: 10_000,
  edge_1m: 60_000,
  edge_1h: 3_600_000,
};

/** Traffic of one edge in [startMs, startMs + the tier's step). */
export type EdgeBucket = {
  readonly edgeId: number;
  readonly startMs: number;
  readonly tally: TrafficTally;
};

const ROWS_PER_STATEMENT = 500;

/** Writes 10 s buckets of one collector run, replacing its earlier rows of the same buckets. */
export async function saveEdgeBuckets(
  db: TelemetryDb,
  collectorId: number,
  buckets: readonly EdgeBucket[],
  windows: ReadonlyMap<string, bigint>,
): Promise<void> {
  await db.withTransaction(async (client) => {
    // One commit a second can wait for the disk: the collector forgets what it has saved.
    await client.query("SET LOCAL synchronous_commit = on");
    await replaceBuckets(client, "edge_10s", collectorId, buckets);
    if (windows.size === 0) return;
    const entries = [...windows].sort(([a], [b]) => (a < b ? -1 : 1));
    await client.query(SAVE_WINDOWS, [
      entries.map(([instanceId]) => instanceId),
      entries.map(([, end]) => end.toString()),
    ]);
  });
}

/** The end of the last folded window by `service.instance.id`, of proxies heard of in the last day. */
export async function loadMetricWindows(db: TelemetryDb): Promise<Map<string, bigint>> {
  return db.withClient(async (client) => {
    const { rows } = await client.query<{ instance_id: string; last_end_unix_nano: string }>(
      `SELECT instance_id, last_end_unix_nano FROM telemetry.metric_window
       WHERE updated_at > now() - interval '1 day'`,
    );
    return new Map(rows.map((row) => [row.instance_id, BigInt(row.last_end_unix_nano)]));
  });
}

/** Forgets proxies that have not reported for a day. */
export async function deleteOldMetricWindows(db: TelemetryDb): Promise<void> {
  await db.withClient((client) =>
    client.query("DELETE FROM telemetry.metric_window WHERE updated_at < now() - interval '1 day'"),
  );
}

/**
 * Buckets of a tier that start in [fromMs, toMs), one a collector. `edgeIds` narrows it to some edges, by the
 * primary key; without, the BRIN index finds the time. `exceptCollectorId`: rows of that run are left out.
 */
export async function findEdgeBuckets(
  db: TelemetryDb,
  query: {
    readonly tier: EdgeTier;
    readonly fromMs: number;
    readonly toMs: number;
    readonly edgeIds?: readonly number[];
    readonly exceptCollectorId?: number;
  },
): Promise<EdgeBucket[]> {
  return db.withClient((client) => selectBuckets(client, query));
}

async function selectBuckets(
  client: PoolClient,
  query: Parameters<typeof findEdgeBuckets>[1],
): Promise<EdgeBucket[]> {
  const values: unknown[] = [new Date(query.fromMs), new Date(query.toMs)];
  const conditions = ["started_at >= $1", "started_at < $2"];
  if (query.edgeIds) {
    values.push(query.edgeIds);
    conditions.push(`edge_id = ANY($${values.length}::integer[])`);
  }
  if (query.exceptCollectorId !== undefined) {
    values.push(query.exceptCollectorId);
    conditions.push(`collector_id <> $${values.length}`);
  }
  const { rows } = await client.query<BucketRow>(
    `SELECT edge_id, (extract(epoch FROM started_at) * 1000)::bigint AS start_ms, ${COLUMNS.join(", ")}
     FROM telemetry.${query.tier} WHERE ${conditions.join(" AND ")}`,
    values,
  );
  return rows.map(toBucket);
}

/**
 * Sums a finer tier up into a coarser one over [fromMs, toMs), both whole steps of the coarser. Replaces what
 * was there, so that it may be done again when late rows have come. Returns the rows written.
 */
export async function rollUp(
  db: TelemetryDb,
  from: EdgeTier,
  into: EdgeTier,
  fromMs: number,
  toMs: number,
): Promise<number> {
  const stepMs = EDGE_TIER_MS[into];
  return db.withTransaction(async (client) => {
    const finer = await selectBuckets(client, { tier: from, fromMs, toMs });
    const sums = new Map<string, EdgeBucket>();
    for (const { edgeId, startMs, tally } of finer) {
      const coarseStartMs = Math.floor(startMs / stepMs) * stepMs;
      const key = `${edgeId} ${coarseStartMs}`;
      const sum = sums.get(key) ?? { edgeId, startMs: coarseStartMs, tally: new TrafficTally() };
      sum.tally.merge(tally);
      sums.set(key, sum);
    }
    await replaceBuckets(client, into, 0, [...sums.values()]);
    await client.query(
      `INSERT INTO telemetry.rollup (tier, rolled_until) VALUES ($1, $2)
       ON CONFLICT (tier) DO UPDATE SET rolled_until = greatest(rollup.rolled_until, excluded.rolled_until)`,
      [into, new Date(toMs)],
    );
    return sums.size;
  });
}

/** Where the next roll-up of a tier begins. `undefined`: none was made yet. */
export async function findRolledUntil(
  db: TelemetryDb,
  tier: EdgeTier,
): Promise<number | undefined> {
  return db.withClient(async (client) => {
    const { rows } = await client.query<{ rolled_until: Date }>(
      "SELECT rolled_until FROM telemetry.rollup WHERE tier = $1",
      [tier],
    );
    return rows[0]?.rolled_until.getTime();
  });
}

const COUNTERS = [
  "requests",
  "failed_app",
  "failed_outbound_proxy",
  "failed_inbound_proxy",
  "failed_network",
  "request_bytes",
  "response_bytes",
  "latency_sum_us",
  "mtls_requests",
  "plaintext_requests",
  "refused",
  "grpc_requests",
  "tcp_opened",
  "tcp_failed",
  "tcp_sent_bytes",
  "tcp_received_bytes",
  "retries",
  "mirrored",
  "faults_injected",
  "would_be_refused",
] as const;
const COLUMNS = [...COUNTERS, "latency", "failures"];

type BucketRow = Readonly<Record<(typeof COUNTERS)[number], string>> & {
  readonly edge_id: number;
  readonly start_ms: string;
  readonly latency: Buffer;
  readonly failures: string;
};

function toBucket(row: BucketRow): EdgeBucket {
  const tally = new TrafficTally();
  tally.requests = Number(row.requests);
  tally.addErrors("app", Number(row.failed_app));
  tally.addErrors("outbound-proxy", Number(row.failed_outbound_proxy));
  tally.addErrors("inbound-proxy", Number(row.failed_inbound_proxy));
  tally.addErrors("network", Number(row.failed_network));
  tally.requestBytes = Number(row.request_bytes);
  tally.responseBytes = Number(row.response_bytes);
  tally.latencySumMs = Number(row.latency_sum_us) / 1000;
  tally.mtlsRequests = Number(row.mtls_requests);
  tally.plaintextRequests = Number(row.plaintext_requests);
  tally.refused = Number(row.refused);
  tally.grpcRequests = Number(row.grpc_requests);
  tally.tcpOpened = Number(row.tcp_opened);
  tally.tcpFailed = Number(row.tcp_failed);
  tally.tcpSentBytes = Number(row.tcp_sent_bytes);
  tally.tcpReceivedBytes = Number(row.tcp_received_bytes);
  tally.retries = Number(row.retries);
  tally.mirrored = Number(row.mirrored);
  tally.faultsInjected = Number(row.faults_injected);
  tally.wouldBeRefused = Number(row.would_be_refused);
  tally.latency.merge(LatencySketch.decode(row.latency));
  tally.failures.merge(FailureKinds.decode(row.failures));
  return { edgeId: row.edge_id, startMs: Number(row.start_ms), tally };
}

function countersOf(tally: TrafficTally): number[] {
  const { whoFailed } = tally;
  return [
    tally.requests,
    whoFailed.app,
    whoFailed.outboundProxy,
    whoFailed.inboundProxy,
    whoFailed.network,
    Math.round(tally.requestBytes),
    Math.round(tally.responseBytes),
    Math.round(tally.latencySumMs * 1000),
    tally.mtlsRequests,
    tally.plaintextRequests,
    tally.refused,
    tally.grpcRequests,
    tally.tcpOpened,
    tally.tcpFailed,
    Math.round(tally.tcpSentBytes),
    Math.round(tally.tcpReceivedBytes),
    tally.retries,
    tally.mirrored,
    tally.faultsInjected,
    tally.wouldBeRefused,
  ];
}

async function replaceBuckets(
  client: PoolClient,
  tier: EdgeTier,
  collectorId: number,
  buckets: readonly EdgeBucket[],
): Promise<void> {
  for (let at = 0; at < buckets.length; at += ROWS_PER_STATEMENT) {
    const rows = buckets.slice(at, at + ROWS_PER_STATEMENT);
    const counters = rows.map((row) => countersOf(row.tally));
    await client.query({
      name: `replace ${tier}`,
      text: replaceStatement(tier),
      values: [
        rows.map((row) => row.edgeId),
        rows.map((row) => new Date(row.startMs)),
        collectorId,
        ...COUNTERS.map((_, column) => counters.map((row) => row[column] ?? 0)),
        rows.map((row) => Buffer.from(row.tally.latency.encode())),
        rows.map((row) => row.tally.failures.encode()),
      ],
    });
  }
}

function replaceStatement(tier: EdgeTier): string {
  const arrays = COUNTERS.map((_, i) => `$${i + 4}::bigint[]`).join(", ");
  return `INSERT INTO telemetry.${tier} (edge_id, started_at, collector_id, ${COLUMNS.join(", ")})
    SELECT edge_id, started_at, $3::integer, ${COLUMNS.join(", ")}
    FROM unnest($1::integer[], $2::timestamptz[], ${arrays}, $${COUNTERS.length + 4}::bytea[],
      $${COUNTERS.length + 5}::text[]) AS row (edge_id, started_at, ${COLUMNS.join(", ")})
    ON CONFLICT (edge_id, started_at, collector_id) DO UPDATE SET
      ${COLUMNS.map((name) => `${name} = excluded.${name}`).join(", ")}`;
}

const SAVE_WINDOWS = `INSERT INTO telemetry.metric_window (instance_id, last_end_unix_nano)
  SELECT * FROM unnest($1::text[], $2::bigint[])
  ON CONFLICT (instance_id) DO UPDATE SET updated_at = now(),
    last_end_unix_nano = greatest(metric_window.last_end_unix_nano, excluded.last_end_unix_nano)`;
