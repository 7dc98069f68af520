import { CHANGE_LOCK_ID } from "./change-lock.ts";
import { ask, type ConfigDb } from "./config-db.ts";
import { type GuardStep, guardEndInput, guardStartInput } from "./mtls-guards.ts";
import { type PushStep, pushBeginInput, pushEndInput, pushJoinInput } from "./pushes.ts";
import { REPLICA_CHANNEL } from "./replica-link.ts";

/** One document's way through a revision. `after` undefined: deleted. */
export type DocumentChange = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** The revision the change was made against; 0: the document did not exist. */
  readonly expectedRevision: number;
  /** Kept when a document is updated; restored documents carry their old one. */
  readonly createdAtMs: number;
};

export type NewRevision = {
  readonly createdAtMs: number;
  readonly author: string;
  readonly source: string;
  readonly reason: string | undefined;
  readonly summary: string;
  readonly kind: string;
  readonly restoredRevision: number | undefined;
  readonly services: readonly string[];
  /** The newest revision when the change was planned and checked. */
  readonly baseRevision: number;
  /** The control plane that writes it: the others hear of the revision as it is committed. */
  readonly replicaId: string;
};

/**
 * Whether a revision was committed of which the answer was lost: its number, or `undefined` for good. One that is
 * still being written is waited for.
 */
export async function findCommitted(
  db: ConfigDb,
  { createdAtMs, author, summary, baseRevision }: NewRevision,
): Promise<number | undefined> {
  return ask(db, async (prisma) => {
    const [, found] = await prisma.$transaction([
      prisma.$executeRaw`SELECT pg_advisory_xact_lock(${CHANGE_LOCK_ID})`,
      prisma.$queryRaw<{ id: number }[]>`
        SELECT id FROM revision WHERE id > ${baseRevision} AND author = ${author}
          AND summary = ${summary} AND created_at = ${new Date(createdAtMs)}::timestamptz
        ORDER BY id LIMIT 1`,
    ]);
    return found[0]?.id;
  });
}

/**
 * Writes revision, changes and documents in one transaction and returns the revision's number; with them
 * the guard, or the canaried push, that begins or ends by it. `undefined`: there is a newer revision than the one it
 * was planned on (what it was checked against holds no more), or the push has ended meanwhile; nothing was written.
 */
export async function commitRevision(
  db: ConfigDb,
  revision: NewRevision,
  changes: readonly DocumentChange[],
  guard?: GuardStep,
  push?: PushStep,
): Promise<number | undefined> {
  const rows = changes.map((change) => ({
    kind: change.kind,
    namespace: change.namespace,
    name: change.name,
    before: change.before ?? null,
    after: change.after ?? null,
    expected: change.expectedRevision,
    created_at: new Date(change.createdAtMs).toISOString(),
  }));
  const at = new Date(revision.createdAtMs);
  const guardsBegun = JSON.stringify(guardStartInput(guard));
  const pushesBegun = JSON.stringify(pushBeginInput(push));
  const pushesJoined = JSON.stringify(pushJoinInput(push));
  const pushesEnded = JSON.stringify(pushEndInput(push));
  const runningPush = push === undefined || push.kind === "begin" ? null : push.id;
  const guardsEnded = JSON.stringify(guardEndInput(guard));
  return ask(db, async (prisma) => {
    // The lock comes first, in its own statement: the second one's snapshot is then taken under it.
    const [, written] = await prisma.$transaction([
      prisma.$executeRaw`SELECT pg_advisory_xact_lock(${CHANGE_LOCK_ID})`,
      prisma.$queryRaw<{ id: number }[]>`
        WITH input AS (
          SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS row(
            kind text, namespace text, name text, before text, after text,
            expected int, created_at timestamptz)
        ), stale AS (
          SELECT 1 FROM input LEFT JOIN resource USING (kind, namespace, name)
          WHERE coalesce(resource.revision_id, 0) <> input.expected
        ), revision AS (
          INSERT INTO revision
            (created_at, author, source, reason, summary, kind, restored_revision, services)
          SELECT ${at}::timestamptz, ${revision.author}, ${revision.source},
            ${revision.reason ?? null}, ${revision.summary}, ${revision.kind},
            ${revision.restoredRevision ?? null}::int, ${[...revision.services]}::text[]
          WHERE NOT EXISTS (SELECT FROM stale)
            AND (SELECT coalesce(max(id), 0) FROM revision) = ${revision.baseRevision}
            AND (${runningPush}::text IS NULL OR EXISTS (
              SELECT FROM config_push WHERE id = ${runningPush} AND status = 'running'))
          RETURNING id
        ), changes AS (
          INSERT INTO revision_change (revision_id, kind, namespace, name, before, after)
          SELECT revision.id, input.kind, input.namespace, input.name, input.before, input.after
          FROM revision, input
        ), saved AS (
          INSERT INTO resource (kind, namespace, name, yaml, revision_id, created_at, updated_at)
          SELECT input.kind, input.namespace, input.name, input.after, revision.id,
            input.created_at, ${at}::timestamptz
          FROM revision, input WHERE input.after IS NOT NULL
          ON CONFLICT (kind, namespace, name) DO UPDATE SET
            yaml = excluded.yaml, revision_id = excluded.revision_id,
            created_at = excluded.created_at, updated_at = excluded.updated_at
        ), removed AS (
          DELETE FROM resource USING input, revision
          WHERE input.after IS NULL AND resource.kind = input.kind
            AND resource.namespace = input.namespace AND resource.name = input.name
        ), begun AS (
          INSERT INTO mtls_guard (id, scope, policy_namespace, policy_name, previous_mode,
            previous_yaml, revision_id, started_by, started_at, window_ms, max_refusals, workloads,
            strict_before, baseline, excluded, status, runner, lease_ends_at)
          SELECT row.id, row.scope, row.policy_namespace, row.policy_name, row.previous_mode,
            row.previous_yaml, revision.id, ${revision.author}, ${at}::timestamptz, row.window_ms,
            row.max_refusals, row.workloads, row.strict_before, row.baseline, row.excluded,
            'running', row.runner, now() + row.lease_ms * interval '1 ms'
          FROM revision, jsonb_to_recordset(${guardsBegun}::jsonb) AS row(
            id text, scope jsonb, policy_namespace text, policy_name text, previous_mode text,
            previous_yaml text, window_ms int, max_refusals int, workloads text[],
            strict_before text[], baseline jsonb, excluded text[], runner text, lease_ms int)
        ), ended AS (
          UPDATE mtls_guard SET status = 'taken-back', end_revision = revision.id,
            ended_at = ${at}::timestamptz, refused = row.refused, callers = row.callers,
            words = row.words
          FROM revision, jsonb_to_recordset(${guardsEnded}::jsonb) AS row(
            id text, refused int, callers jsonb, words text)
          WHERE mtls_guard.id = row.id AND mtls_guard.status = 'running'
        ), push_begun AS (
          INSERT INTO config_push (id, status, revisions, held, why, proxies_concerned, window_ms,
            started_at, started_by)
          SELECT row.id, 'running', ARRAY[revision.id], row.held, row.why, row.proxies_concerned,
            row.window_ms, ${at}::timestamptz, ${revision.author}
          FROM revision, jsonb_to_recordset(${pushesBegun}::jsonb) AS row(
            id text, held jsonb, why text, proxies_concerned int, window_ms int)
        ), push_joined AS (
          UPDATE config_push SET revisions = config_push.revisions || revision.id, held = row.held
          FROM revision, jsonb_to_recordset(${pushesJoined}::jsonb) AS row(id text, held jsonb)
          WHERE config_push.id = row.id AND config_push.status = 'running'
        ), push_ended AS (
          UPDATE config_push SET status = row.status, words = row.words, outcome = row.outcome,
            ended_at = ${at}::timestamptz, ended_by = row.ended_by, end_revision = revision.id
          FROM revision, jsonb_to_recordset(${pushesEnded}::jsonb) AS row(
            id text, status text, words text, ended_by text, outcome jsonb)
          WHERE config_push.id = row.id AND config_push.status = 'running'
        )
        SELECT id, pg_notify(${REPLICA_CHANNEL}, json_build_object('type', 'revision',
          'from', ${revision.replicaId}::text, 'revision', id)::text)::text AS told FROM revision`,
    ]);
    return written[0]?.id;
  });
}
