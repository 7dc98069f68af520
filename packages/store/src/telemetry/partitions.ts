import type { TelemetryDb } from "./telemetry-db.ts";

/** The partitioned tables, how much time a partition holds and how long it is kept. */
export const TELEMETRY_TABLES = {
  edge_10s: { partitionMs: 3_600_000, retentionMs: 24 * 3_600_000 },
  edge_1m: { partitionMs: 24 * 3_600_000, retentionMs: 14 * 24 * 3_600_000 },
  edge_1h: { partitionMs: 30 * 24 * 3_600_000, retentionMs: 400 * 24 * 3_600_000 },
  span: { partitionMs: 3_600_000, retentionMs: 24 * 3_600_000 },
} as const;
export type TelemetryTable = keyof typeof TELEMETRY_TABLES;

// Makers and droppers of partitions take turns, whichever collector they belong to.
const PARTITION_LOCK_ID = 72_707_370;

/** Makes the partitions that hold the given times, where they are missing. */
export async function ensurePartitions(
  db: TelemetryDb,
  table: TelemetryTable,
  timesMs: Iterable<number>,
): Promise<void> {
  const { partitionMs } = TELEMETRY_TABLES[table];
  const starts = new Set([...timesMs].map((ms) => Math.floor(ms / partitionMs) * partitionMs));
  if (starts.size === 0) return;
  await db.withTransaction(async (client) => {
    await client.query("SELECT pg_advisory_xact_lock($1)", [PARTITION_LOCK_ID]);
    for (const startMs of starts) {
      const from = new Date(startMs).toISOString();
      const to = new Date(startMs + partitionMs).toISOString();
      await client.query(
        `CREATE TABLE IF NOT EXISTS telemetry.${partitionName(table, startMs)}
         PARTITION OF telemetry.${table} FOR VALUES FROM ('${from}') TO ('${to}')`,
      );
    }
  });
}

/** Drops the partitions whose last moment is older than the table's retention; returns their names. */
export async function dropExpiredPartitions(
  db: TelemetryDb,
  table: TelemetryTable,
  nowMs: number,
): Promise<string[]> {
  const { partitionMs, retentionMs } = TELEMETRY_TABLES[table];
  return db.withTransaction(async (client) => {
    await client.query("SELECT pg_advisory_xact_lock($1)", [PARTITION_LOCK_ID]);
    await client.query("SET LOCAL lock_timeout = '2s'"); // writers go first; next time will do
    const { rows } = await client.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = ('telemetry.' || $1)::regclass`,
      [table],
    );
    const expired = rows
      .map((row) => row.name)
      .filter(
        (name) => (partitionStartMs(table, name) ?? nowMs) + partitionMs < nowMs - retentionMs,
      );
    for (const name of expired) await client.query(`DROP TABLE telemetry.${name}`);
    return expired;
  });
}

/** `edge_10s_p202611211200`: the partition's first minute, UTC. */
function partitionName(table: TelemetryTable, startMs: number): string {
  const stamp = new Date(startMs).toISOString().slice(0, 16).replace(/\D/g, "");
  return `${table}_p${stamp}`;
}

function partitionStartMs(table: TelemetryTable, name: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(name.slice(`${table}_p`.length));
  if (!match || !name.startsWith(`${table}_p`)) return undefined;
  const [, year, month, day, hour, minute] = match.map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute);
}
