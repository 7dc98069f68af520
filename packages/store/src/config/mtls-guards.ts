import { ask, type ConfigDb } from "./config-db.ts";

/** What a guarded flip was made for. */
export type StoredGuardScope =
  | { readonly kind: "workload"; readonly namespace: string; readonly workload: string }
  | { readonly kind: "namespace"; readonly namespace: string }
  | { readonly kind: "mesh" };

/** What proxies had refused before the flip, by `proxy workload address reason`; that does not count. */
export type GuardBaseline = Readonly<Record<string, number>>;

export type StoredGuardCaller = {
  readonly workload: string;
  readonly sourceAddress: string;
  readonly reason: string;
  readonly refused: number;
  readonly lastSeenMs: number;
};

/** A guarded flip to STRICT. */
export type StoredGuard = {
  readonly id: string;
  readonly scope: StoredGuardScope;
  readonly policy: { readonly namespace: string; readonly name: string };
  readonly previousMode: string;
  /** The policy before the flip; `undefined`: the flip made it. */
  readonly previousYaml: string | undefined;
  readonly revision: number;
  readonly startedBy: string;
  readonly startedAtMs: number;
  readonly windowMs: number;
  readonly maxRefusals: number;
  /** Those the flip made STRICT, and those that were STRICT without it; `namespace/name`. */
  readonly workloads: readonly string[];
  readonly strictBefore: readonly string[];
  readonly baseline: GuardBaseline;
  /** `workload address reason`: refused before the flip as well, so not because of it. */
  readonly excluded: readonly string[];
  readonly status: string;
  readonly refused: number;
  readonly callers: readonly StoredGuardCaller[];
  readonly words: string;
  readonly endedAtMs: number | undefined;
  readonly endRevision: number | undefined;
};

export type NewGuard = Pick<
  StoredGuard,
  | "id"
  | "scope"
  | "policy"
  | "previousMode"
  | "previousYaml"
  | "windowMs"
  | "maxRefusals"
  | "workloads"
  | "strictBefore"
  | "baseline"
  | "excluded"
> & {
  /** Which control plane watches it, for `leaseMs` and as long as it renews that. */
  readonly runner: string;
  readonly leaseMs: number;
};

/** How a guard stands, as far as its runner has counted. */
export type GuardProgress = {
  readonly refused: number;
  readonly callers: readonly StoredGuardCaller[];
  readonly words: string;
};

/** What a revision does to a guard: begins one, or is the one that takes the flip back. */
export type GuardStep =
  | { readonly kind: "begin"; readonly guard: NewGuard }
  | { readonly kind: "take-back"; readonly id: string; readonly progress: GuardProgress };

/** For `commitRevision`: no row or one. */
export function guardStartInput(step: GuardStep | undefined): object[] {
  if (step?.kind !== "begin") return [];
  const { guard } = step;
  return [
    {
      id: guard.id,
      scope: guard.scope,
      policy_namespace: guard.policy.namespace,
      policy_name: guard.policy.name,
      previous_mode: guard.previousMode,
      previous_yaml: guard.previousYaml ?? null,
      window_ms: guard.windowMs,
      max_refusals: guard.maxRefusals,
      workloads: guard.workloads,
      strict_before: guard.strictBefore,
      baseline: guard.baseline,
      excluded: guard.excluded,
      runner: guard.runner,
      lease_ms: guard.leaseMs,
    },
  ];
}

/** For `commitRevision`: no row or one. */
export function guardEndInput(step: GuardStep | undefined): object[] {
  return step?.kind === "take-back" ? [{ id: step.id, ...step.progress }] : [];
}

/** Those that run, then those that ended since `endedSinceMs`; newest first, at most `limit`. */
export async function findGuards(
  db: ConfigDb,
  { endedSinceMs, limit }: { endedSinceMs: number; limit: number },
): Promise<StoredGuard[]> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<GuardRow[]>`
      SELECT * FROM mtls_guard
      WHERE status = 'running' OR ended_at >= ${new Date(endedSinceMs)}::timestamptz
      ORDER BY (status = 'running') DESC, started_at DESC LIMIT ${limit}`,
  );
  return rows.map(toGuard);
}

export async function findGuard(db: ConfigDb, id: string): Promise<StoredGuard | undefined> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<GuardRow[]>`SELECT * FROM mtls_guard WHERE id = ${id}`,
  );
  return rows.map(toGuard)[0];
}

/**
 * Renews the lease of the guards that `runner` watches and takes over those nobody watches any more;
 * returns all of them. The database's clock decides.
 */
export async function claimGuards(
  db: ConfigDb,
  runner: string,
  leaseMs: number,
): Promise<StoredGuard[]> {
  const rows = await ask(
    db,
    (prisma) => prisma.$queryRaw<GuardRow[]>`
      UPDATE mtls_guard SET runner = ${runner}, lease_ends_at = now() + ${leaseMs} * interval '1 ms'
      WHERE status = 'running' AND (runner = ${runner} OR lease_ends_at < now())
      RETURNING *`,
  );
  return rows.map(toGuard);
}

/** The runner stops: whoever asks next may take its guards over at once. */
export async function releaseGuards(db: ConfigDb, runner: string): Promise<void> {
  await ask(
    db,
    (prisma) =>
      prisma.$executeRaw`UPDATE mtls_guard SET lease_ends_at = now() - interval '1 ms'
        WHERE status = 'running' AND runner = ${runner}`,
  );
}

/** Keeps how far a guard has counted, for whoever asks and for the next runner. */
export async function saveGuardProgress(
  db: ConfigDb,
  id: string,
  { refused, callers, words }: GuardProgress,
): Promise<void> {
  await ask(
    db,
    (prisma) =>
      prisma.$executeRaw`UPDATE mtls_guard SET refused = ${refused}, words = ${words},
          callers = ${JSON.stringify(callers)}::jsonb
        WHERE id = ${id} AND status = 'running'`,
  );
}

/** Ends a guard that STRICT outlives, or that somebody's change has overtaken. `false`: it has ended already. */
export async function endGuard(
  db: ConfigDb,
  id: string,
  end: GuardProgress & {
    readonly status: "held" | "overtaken" | "cancelled";
    readonly endedAtMs: number;
    readonly endRevision: number | undefined;
  },
): Promise<boolean> {
  const ended = await ask(
    db,
    (prisma) =>
      prisma.$executeRaw`UPDATE mtls_guard SET status = ${end.status}, refused = ${end.refused},
          callers = ${JSON.stringify(end.callers)}::jsonb, words = ${end.words},
          ended_at = ${new Date(end.endedAtMs)}::timestamptz,
          end_revision = ${end.endRevision ?? null}::int
        WHERE id = ${id} AND status = 'running'`,
  );
  return ended === 1;
}

type GuardRow = {
  readonly id: string;
  readonly scope: StoredGuardScope;
  readonly policy_namespace: string;
  readonly policy_name: string;
  readonly previous_mode: string;
  readonly previous_yaml: string | null;
  readonly revision_id: number;
  readonly started_by: string;
  readonly started_at: Date;
  readonly window_ms: number;
  readonly max_refusals: number;
  readonly workloads: string[];
  readonly strict_before: string[];
  readonly baseline: GuardBaseline;
  readonly excluded: string[];
  readonly status: string;
  readonly refused: number;
  readonly callers: StoredGuardCaller[];
  readonly words: string;
  readonly ended_at: Date | null;
  readonly end_revision: number | null;
};

function toGuard(row: GuardRow): StoredGuard {
  return {
    id: row.id,
    scope: row.scope,
    policy: { namespace: row.policy_namespace, name: row.policy_name },
    previousMode: row.previous_mode,
    previousYaml: row.previous_yaml ?? undefined,
    revision: row.revision_id,
    startedBy: row.started_by,
    startedAtMs: row.started_at.getTime(),
    windowMs: row.window_ms,
    maxRefusals: row.max_refusals,
    workloads: row.workloads,
    strictBefore: row.strict_before,
    baseline: row.baseline,
    excluded: row.excluded,
    status: row.status,
    refused: row.refused,
    callers: row.callers,
    words: row.words,
    endedAtMs: row.ended_at?.getTime(),
    endRevision: row.end_revision ?? undefined,
  };
}
