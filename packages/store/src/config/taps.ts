import { ask, type ConfigDb } from "./config-db.ts";

/** A tap as it was asked for; what is asked is the caller's business. */
export type StoredTap = {
  readonly id: string;
  readonly request: unknown;
  readonly askedBy: string;
  readonly beganAtMs: number;
  readonly endsAtMs: number;
};

/** As found by a look around; times by the database's clock, which is the same for all. */
export type LookedAtTap = StoredTap & {
  readonly remainingMs: number;
  /** Its time is over, or nobody has read it for long. */
  readonly isOver: boolean;
};

/** How long nobody may read a tap before it ends: not at all yet, no more since, heard nothing of the collector. */
const UNREAD_MS = { yet: 15_000, more: 3_000, heard: 10_000 };

/** Begins it now, for `forMs`. */
export async function insertTap(
  db: ConfigDb,
  tap: Pick<StoredTap, "id" | "askedBy"> & { readonly request: object; readonly forMs: number },
): Promise<StoredTap> {
  const { id, request, askedBy, forMs } = tap;
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<{ began_at: Date; ends_at: Date }[]>`
      INSERT INTO tap (id, request, asked_by, began_at, ends_at)
      VALUES (${id}, ${JSON.stringify(request)}::jsonb, ${askedBy}, clock_timestamp(),
        clock_timestamp() + ${forMs} * interval '1 ms')
      RETURNING began_at, ends_at`,
  );
  const row = rows[0];
  if (!row) throw new Error("the database answered an INSERT … RETURNING with no row");
  return {
    ...{ id, request, askedBy },
    beganAtMs: row.began_at.getTime(),
    endsAtMs: row.ends_at.getTime(),
  };
}

/** `false`: it was over already. */
export async function deleteTap(db: ConfigDb, id: string): Promise<boolean> {
  const { count } = await ask(db, (prisma) => prisma.tap.deleteMany({ where: { id } }));
  return count > 0;
}

/** All there are, the oldest first. */
export async function lookAtTaps(db: ConfigDb): Promise<LookedAtTap[]> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<
      {
        id: string;
        request: unknown;
        asked_by: string;
        began_at: Date;
        ends_at: Date;
        remaining_ms: number;
        is_over: boolean;
      }[]
    >`
      SELECT tap.*,
        (extract(epoch FROM ends_at - clock_timestamp()) * 1000)::float8 AS remaining_ms,
        (ends_at <= clock_timestamp()
          OR coalesce(left_at < clock_timestamp() - ${UNREAD_MS.more} * interval '1 ms', false)
          OR coalesce(seen_at, began_at + ${UNREAD_MS.yet - UNREAD_MS.heard} * interval '1 ms')
            < clock_timestamp() - ${UNREAD_MS.heard} * interval '1 ms') AS is_over
      FROM tap LEFT JOIN telemetry.tap_reading ON tap_id = id
      ORDER BY began_at, id`,
  );
  return rows.map((row) => ({
    id: row.id,
    request: row.request,
    askedBy: row.asked_by,
    beganAtMs: row.began_at.getTime(),
    endsAtMs: row.ends_at.getTime(),
    remainingMs: row.remaining_ms,
    isOver: row.is_over,
  }));
}
