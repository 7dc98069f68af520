import { ask, type ConfigDb } from "../config/config-db.ts";

/** One act, as it was done or tried. */
export type NewAuditEntry = {
  readonly atMs: number;
  readonly actor: string;
  readonly via: "session" | "token" | "signed" | "none";
  readonly act: string;
  readonly target: string;
  readonly result: "ok" | "refused" | "failed";
  readonly status: number;
  readonly reason: string | undefined;
  readonly address: string;
  readonly agent: string;
  readonly revision: number | undefined;
};

export type StoredAuditEntry = Omit<NewAuditEntry, "via" | "result"> & {
  readonly id: number;
  readonly via: string;
  readonly result: string;
};

export type AuditFilter = {
  readonly limit: number;
  /** Only older ones. */
  readonly before: number | undefined;
  readonly actor: string | undefined;
  /** The act itself, or all that begin with it and a dot: `user` finds `user.create`. */
  readonly act: string | undefined;
  /** A part of the target, whatever the case. */
  readonly target: string | undefined;
  readonly result: string | undefined;
  /** [fromMs, toMs) */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
};

/** Writes them, in their order. */
export async function appendAudit(db: ConfigDb, entries: readonly NewAuditEntry[]): Promise<void> {
  const data = entries.map(({ atMs, reason, revision, ...entry }) => ({
    ...entry,
    at: new Date(atMs),
    reason: reason ?? null,
    revision: revision ?? null,
  }));
  await ask(db, (prisma) => prisma.auditEntry.createMany({ data }));
}

/** Newest first. Served by the primary key, with `actor` by the index on it. */
export async function findAudit(db: ConfigDb, filter: AuditFilter): Promise<StoredAuditEntry[]> {
  const { before, actor, act, target, result, fromMs, toMs } = filter;
  const rows = await ask(db, (prisma) =>
    prisma.auditEntry.findMany({
      where: {
        ...(before === undefined ? {} : { id: { lt: before } }),
        ...(actor === undefined ? {} : { actor }),
        ...(act === undefined ? {} : { OR: [{ act }, { act: { startsWith: `${act}.` } }] }),
        ...(target === undefined ? {} : { target: { contains: target, mode: "insensitive" } }),
        ...(result === undefined ? {} : { result }),
        at: {
          ...(fromMs === undefined ? {} : { gte: new Date(fromMs) }),
          ...(toMs === undefined ? {} : { lt: new Date(toMs) }),
        },
      },
      orderBy: { id: "desc" },
      take: filter.limit,
    }),
  );
  return rows.map(({ id, at, reason, revision, ...row }) => ({
    ...row,
    id: Number(id),
    atMs: at.getTime(),
    reason: reason ?? undefined,
    revision: revision ?? undefined,
  }));
}

/** Drops what is older; never anything of the last day (a trigger holds that, too). */
export async function dropOldAudit(db: ConfigDb, olderThanMs: number): Promise<number> {
  const { count } = await ask(db, (prisma) =>
    prisma.auditEntry.deleteMany({ where: { at: { lt: new Date(olderThanMs) } } }),
  );
  return count;
}
