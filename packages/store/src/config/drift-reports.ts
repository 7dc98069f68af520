import { ask, type ConfigDb } from "./config-db.ts";

/** How a repository and the documents differed when somebody looked. */
export type StoredDrift = {
  readonly reportedAtMs: number;
  readonly reportedBy: string;
  /** The newest revision then. */
  readonly revision: number;
  readonly report: unknown;
};

const ONLY = 1;

/** Keeps a report in place of the one before. */
export async function saveDrift(
  db: ConfigDb,
  { reportedAtMs, reportedBy, revision, report }: StoredDrift & { readonly report: object },
): Promise<void> {
  const changed = { reportedAt: new Date(reportedAtMs), reportedBy, revision, report };
  await ask(db, (prisma) =>
    prisma.driftReport.upsert({
      where: { id: ONLY },
      create: { id: ONLY, ...changed },
      update: changed,
    }),
  );
}

/** `undefined`: nobody has reported yet. */
export async function findDrift(db: ConfigDb): Promise<StoredDrift | undefined> {
  const row = await ask(db, (prisma) => prisma.driftReport.findUnique({ where: { id: ONLY } }));
  if (!row) return undefined;
  const { reportedAt, reportedBy, revision, report } = row;
  return { reportedAtMs: reportedAt.getTime(), reportedBy, revision, report };
}
