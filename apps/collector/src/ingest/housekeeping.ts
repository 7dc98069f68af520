import type { Logger } from "@heddle/runtime";
import {
  deleteOldMetricWindows,
  dropExpiredPartitions,
  EDGE_TIER_MS,
  type EdgeTier,
  ensurePartitions,
  findRolledUntil,
  rollUp,
  TELEMETRY_TABLES,
  type TelemetryDb,
  type TelemetryTable,
} from "@heddle/store";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Rows may come this late (a proxy's backlog and the way to the database). */
const LATE_MS = 2 * MINUTE_MS;
/** After a long absence the roll-up goes on in pieces, so that no statement grows with it. */
const MAX_ROLLUP_STEP_MS = 6 * HOUR_MS;
const TABLES = Object.keys(TELEMETRY_TABLES) as TelemetryTable[];

/**
 * Keeps the tables in shape: partitions ahead, minutes and hours summed up, expired partitions dropped.
 * Any number of collectors may do it; each step can be repeated.
 */
export class Housekeeping {
  readonly #db: TelemetryDb;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(db: TelemetryDb, logger: Logger, intervalMs: number) {
    this.#db = db;
    this.#logger = logger;
    this.#intervalMs = intervalMs;
  }

  start(): void {
    this.#running = this.#cycle().finally(() => {
      if (!this.#isStopped) this.#timer = setTimeout(() => this.start(), this.#intervalMs);
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #cycle(): Promise<void> {
    try {
      await keepHouse(this.#db, Date.now());
    } catch (error) {
      this.#logger.warn({ err: error }, "housekeeping failed; trying again");
    }
  }
}

/** One round of it. */
export async function keepHouse(db: TelemetryDb, nowMs: number): Promise<void> {
  for (const table of TABLES) {
    const { partitionMs } = TELEMETRY_TABLES[table];
    const ahead = [0, 1, 2].map((i) => nowMs + i * partitionMs);
    await ensurePartitions(db, table, ahead);
  }
  // The finer tier goes up to the last whole minute, the coarser includes the hour that is not over.
  await rollUpTier(db, "edge_10s", "edge_1m", Math.floor(nowMs / MINUTE_MS) * MINUTE_MS);
  await rollUpTier(db, "edge_1m", "edge_1h", Math.ceil(nowMs / HOUR_MS) * HOUR_MS);
  for (const table of TABLES) await dropExpiredPartitions(db, table, nowMs);
  await deleteOldMetricWindows(db);
}

async function rollUpTier(
  db: TelemetryDb,
  from: EdgeTier,
  into: EdgeTier,
  untilMs: number,
): Promise<void> {
  const stepMs = EDGE_TIER_MS[into];
  const oldestMs = Math.ceil((untilMs - TELEMETRY_TABLES[from].retentionMs) / stepMs) * stepMs;
  const rolledMs = (await findRolledUntil(db, into)) ?? oldestMs;
  // What was summed up within the last two steps is summed up again, for the rows that came late.
  const againMs = Math.max(LATE_MS, stepMs);
  let atMs = Math.max(oldestMs, Math.floor((rolledMs - againMs) / stepMs) * stepMs);
  while (atMs < untilMs) {
    const toMs = Math.min(untilMs, atMs + MAX_ROLLUP_STEP_MS);
    const times = [];
    for (let ms = atMs; ms < toMs; ms += TELEMETRY_TABLES[into].partitionMs / 2) times.push(ms);
    await ensurePartitions(db, into, [...times, toMs - 1]);
    await rollUp(db, from, into, atMs, toMs);
    atMs = toMs;
  }
}
