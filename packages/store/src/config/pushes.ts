import { CHANGE_LOCK_ID } from "./change-lock.ts";
import { ask, type ConfigDb } from "./config-db.ts";

/** A document as it was before the push; `yaml` undefined: it did not exist. */
export type HeldDocument = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly yaml: string | undefined;
  readonly revision: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
};

/** A canaried push. */
export type StoredPush = {
  readonly id: string;
  readonly status: string;
  readonly revisions: readonly number[];
  readonly held: readonly HeldDocument[];
  readonly why: string;
  readonly proxiesConcerned: number;
  readonly windowMs: number;
  readonly startedAtMs: number;
  readonly startedBy: string;
  readonly words: string;
  /** Once it has ended, as its judge wrote it. */
  readonly outcome: unknown;
  readonly endedAtMs: number | undefined;
  readonly endedBy: string | undefined;
  readonly endRevision: number | undefined;
};

/** What one control plane tells of its proxies. */
export type PushReportRow = {
  readonly replicaId: string;
  readonly report: unknown;
  readonly reportedAtMs: number;
};

export type NewPush = Pick<StoredPush, "id" | "held" | "why" | "proxiesConcerned" | "windowMs">;
export type PushEnd = {
  readonly status: "finished" | "stopped" | "overtaken";
  readonly words: string;
  readonly endedBy: string | undefined;
  readonly outcome: object;
};

/** What a revision does to a canaried push. All but `begin` need it to be running. */
export type PushStep =
  | { readonly kind: "begin"; readonly push: NewPush }
  | { readonly kind: "join"; readonly id: string; readonly held: readonly HeldDocument[] }
  | { readonly kind: "end"; readonly id: string; readonly end: PushEnd };

/** For `commitRevision`: no row or one. */
export function pushBeginInput(step: PushStep | undefined): object[] {
  if (step?.kind !== "begin") return [];
  const { id, held, why, proxiesConcerned, windowMs } = step.push;
  return [{ id, held, why, proxies_concerned: proxiesConcerned, window_ms: windowMs }];
}

/** For `commitRevision`: no row or one. */
export function pushJoinInput(step: PushStep | undefined): object[] {
  return step?.kind === "join" ? [{ id: step.id, held: step.held }] : [];
}

/** For `commitRevision`: no row or one. */
export function pushEndInput(step: PushStep | undefined): object[] {
  if (step?.kind !== "end") return [];
  const { status, words, endedBy, outcome } = step.end;
  return [{ id: step.id, status, words, ended_by: endedBy ?? null, outcome }];
}

export async function findRunningPush(db: ConfigDb): Promise<StoredPush | undefined> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<PushRow[]>`SELECT * FROM config_push WHERE status = 'running'`,
  );
  return rows.map(toPush)[0];
}

export async function findPush(db: ConfigDb, id: string): Promise<StoredPush | undefined> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<PushRow[]>`SELECT * FROM config_push WHERE id = ${id}`,
  );
  return rows.map(toPush)[0];
}

/** The one that runs, then the newest. */
export async function findPushes(db: ConfigDb, limit: number): Promise<StoredPush[]> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<PushRow[]>`
      SELECT * FROM config_push ORDER BY (status = 'running') DESC, started_at DESC LIMIT ${limit}`,
  );
  return rows.map(toPush);
}

export async function findPushReports(db: ConfigDb, id: string): Promise<PushReportRow[]> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<{ replica_id: string; report: unknown; reported_at: Date }[]>`
      SELECT replica_id, report, reported_at FROM config_push_report WHERE push_id = ${id}
      ORDER BY reported_at`,
  );
  return rows.map(({ replica_id, report, reported_at }) => {
    return { replicaId: replica_id, report, reportedAtMs: reported_at.getTime() };
  });
}

/** Says how the control plane's own proxies stand; of a push that has ended it writes nothing. */
export async function savePushReport(
  db: ConfigDb,
  id: string,
  replicaId: string,
  report: object,
): Promise<void> {
  await ask(
    db,
    (prisma) =>
      prisma.$executeRaw`INSERT INTO config_push_report (push_id, replica_id, report, reported_at)
        SELECT id, ${replicaId}, ${JSON.stringify(report)}::jsonb, clock_timestamp()
        FROM config_push WHERE id = ${id} AND status = 'running'
        ON CONFLICT (push_id, replica_id) DO UPDATE
          SET report = excluded.report, reported_at = excluded.reported_at`,
  );
}

/** How a running push stands, for whoever asks. */
export async function savePushWords(db: ConfigDb, id: string, words: string): Promise<void> {
  await ask(
    db,
    (prisma) =>
      prisma.$executeRaw`UPDATE config_push SET words = ${words}
        WHERE id = ${id} AND status = 'running' AND words <> ${words}`,
  );
}

/**
 * All proxies get it. In the line of the changes, so that no revision joins or takes back what has ended.
 * `false`: it has ended already.
 */
export async function finishPush(
  db: ConfigDb,
  id: string,
  { words, endedBy, outcome }: Omit<PushEnd, "status">,
): Promise<boolean> {
  return ask(db, async (prisma) => {
    const [, ended] = await prisma.$transaction([
      prisma.$executeRaw`SELECT pg_advisory_xact_lock(${CHANGE_LOCK_ID})`,
      prisma.$executeRaw`UPDATE config_push SET status = 'finished', words = ${words},
          outcome = ${JSON.stringify(outcome)}::jsonb, ended_at = now(),
          ended_by = ${endedBy ?? null}::text
        WHERE id = ${id} AND status = 'running'`,
    ]);
    return ended === 1;
  });
}

/** Forgets what ended before. */
export async function forgetPushes(db: ConfigDb, endedBeforeMs: number): Promise<void> {
  await ask(
    db,
    (prisma) =>
      prisma.$executeRaw`DELETE FROM config_push
        WHERE ended_at < ${new Date(endedBeforeMs)}::timestamptz`,
  );
}

type PushRow = {
  readonly id: string;
  readonly status: string;
  readonly revisions: number[];
  readonly held: HeldDocument[];
  readonly why: string;
  readonly proxies_concerned: number;
  readonly window_ms: number;
  readonly started_at: Date;
  readonly started_by: string;
  readonly words: string;
  readonly outcome: unknown;
  readonly ended_at: Date | null;
  readonly ended_by: string | null;
  readonly end_revision: number | null;
};

function toPush(row: PushRow): StoredPush {
  return {
    id: row.id,
    status: row.status,
    revisions: row.revisions,
    held: row.held,
    why: row.why,
    proxiesConcerned: row.proxies_concerned,
    windowMs: row.window_ms,
    startedAtMs: row.started_at.getTime(),
    startedBy: row.started_by,
    words: row.words,
    outcome: row.outcome,
    endedAtMs: row.ended_at?.getTime(),
    endedBy: row.ended_by ?? undefined,
    endRevision: row.end_revision ?? undefined,
  };
}
