import type { TelemetryDb } from "./telemetry-db.ts";

/** A tap as a collector has to know it. */
export type TapToRead = {
  readonly askedBy: string;
  /** As it was asked for (the control plane's words). */
  readonly request: unknown;
  readonly remainingMs: number;
};

const FORGET_MS = 3_600_000;

/** `undefined`: there is none, or its time is over. */
export async function findTapToRead(
  db: TelemetryDb,
  tapId: string,
): Promise<TapToRead | undefined> {
  const { rows } = await db.withClient((client) =>
    client.query<{ asked_by: string; request: unknown; remaining_ms: number }>(
      `SELECT asked_by, request,
         (extract(epoch FROM ends_at - clock_timestamp()) * 1000)::float8 AS remaining_ms
       FROM tap WHERE id = $1 AND ends_at > clock_timestamp()`,
      [tapId],
    ),
  );
  const [row] = rows;
  return row && { askedBy: row.asked_by, request: row.request, remainingMs: row.remaining_ms };
}

/** Says that it is read now, or (`isLeft`) no more; what was said of others long ago is forgotten. */
export async function noteTapReading(
  db: TelemetryDb,
  tapId: string,
  isLeft: boolean,
): Promise<void> {
  await db.withClient(async (client) => {
    await client.query(
      `INSERT INTO telemetry.tap_reading (tap_id, seen_at, left_at)
       VALUES ($1, clock_timestamp(), CASE WHEN $2 THEN clock_timestamp() END)
       ON CONFLICT (tap_id) DO UPDATE SET seen_at = excluded.seen_at, left_at = excluded.left_at`,
      [tapId, isLeft],
    );
    if (!isLeft) return;
    await client.query(
      "DELETE FROM telemetry.tap_reading WHERE seen_at < clock_timestamp() - $1 * interval '1 ms'",
      [FORGET_MS],
    );
  });
}
