import type { Prisma } from "../generated/client.ts";
import { ask, type ConfigDb } from "./config-db.ts";

/** A revision with what it touched. */
export type StoredRevision = {
  readonly revision: number;
  readonly createdAtMs: number;
  readonly author: string;
  readonly source: string;
  readonly reason: string | undefined;
  readonly summary: string;
  readonly kind: string;
  readonly restoredRevision: number | undefined;
  readonly services: readonly string[];
  readonly resources: readonly { kind: string; namespace: string; name: string }[];
};

export type StoredRevisionDetail = StoredRevision & {
  readonly changes: readonly {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly before: string | undefined;
    readonly after: string | undefined;
  }[];
  /** As `recordPropagation` stored it; `undefined`: not measured (yet). */
  readonly propagation: unknown;
};

const withResources = {
  include: {
    changes: {
      select: { kind: true, namespace: true, name: true },
      orderBy: [{ kind: "asc" }, { namespace: "asc" }, { name: "asc" }],
    },
  },
} satisfies Prisma.RevisionDefaultArgs;

/** Newest first. `before`: only older ones; `service` (`namespace/name`): only those that shape it. */
export async function findRevisions(
  db: ConfigDb,
  page: { limit: number; before: number | undefined; service: string | undefined },
): Promise<StoredRevision[]> {
  const rows = await ask(db, (prisma) =>
    prisma.revision.findMany({
      ...withResources,
      where: {
        ...(page.before === undefined ? {} : { id: { lt: page.before } }),
        ...(page.service === undefined ? {} : { services: { has: page.service } }),
      },
      orderBy: { id: "desc" },
      take: page.limit,
    }),
  );
  return rows.map(toRevision);
}

/** One revision with both sides of every document. */
export async function findRevision(
  db: ConfigDb,
  revision: number,
): Promise<StoredRevisionDetail | undefined> {
  const row = await ask(db, (prisma) =>
    prisma.revision.findUnique({
      where: { id: revision },
      include: { changes: { orderBy: withResources.include.changes.orderBy } },
    }),
  );
  if (!row) return undefined;
  return {
    ...toRevision(row),
    changes: row.changes.map(({ kind, namespace, name, before, after }) => ({
      kind,
      namespace,
      name,
      before: before ?? undefined,
      after: after ?? undefined,
    })),
    propagation: row.propagation ?? undefined,
  };
}

/** What one document looked like after each of its newest `limit` changes, newest first. */
export async function findDocumentHistory(
  db: ConfigDb,
  document: { kind: string; namespace: string; name: string },
  limit: number,
): Promise<{ revision: number; after: string | undefined; createdAtMs: number; author: string }[]> {
  const rows = await ask(db, (prisma) =>
    prisma.revisionChange.findMany({
      where: { kind: document.kind, namespace: document.namespace, name: document.name },
      orderBy: { revisionId: "desc" },
      take: limit,
      include: { revision: { select: { createdAt: true, author: true } } },
    }),
  );
  return rows.map((row) => ({
    revision: row.revisionId,
    after: row.after ?? undefined,
    createdAtMs: row.revision.createdAt.getTime(),
    author: row.revision.author,
  }));
}

/** Stores how far a revision got; a revision's other columns never change. */
export async function recordPropagation(
  db: ConfigDb,
  revision: number,
  propagation: object,
): Promise<void> {
  await ask(
    db,
    (prisma) =>
      prisma.$executeRaw`UPDATE revision SET propagation = ${JSON.stringify(propagation)}::jsonb WHERE id = ${revision}`,
  );
}

function toRevision(row: Prisma.RevisionGetPayload<typeof withResources>): StoredRevision {
  return {
    revision: row.id,
    createdAtMs: row.createdAt.getTime(),
    author: row.author,
    source: row.source,
    reason: row.reason ?? undefined,
    summary: row.summary,
    kind: row.kind,
    restoredRevision: row.restoredRevision ?? undefined,
    services: row.services,
    resources: row.changes.map(({ kind, namespace, name }) => ({ kind, namespace, name })),
  };
}
