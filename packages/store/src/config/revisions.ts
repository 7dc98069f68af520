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
  /** What lists show of its effect, as `saveEffect` took it; `undefined`: not judged (yet). */
  readonly effect: unknown;
  /** What people have put on it; `undefined`: nothing. */
  readonly marks: StoredMarks | undefined;
};

/** `name` and `isPinned` were set last by `author`; without an author there are comments alone. */
export type StoredMarks = {
  readonly name: string | undefined;
  readonly isPinned: boolean;
  readonly author: string | undefined;
  readonly atMs: number | undefined;
  readonly comments: number;
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

const withMarks = {
  effect: { select: { summary: true } },
  marks: true,
  _count: { select: { comments: true } },
} satisfies Prisma.RevisionInclude;
const withResources = {
  include: {
    ...withMarks,
    changes: {
      select: { kind: true, namespace: true, name: true },
      orderBy: [{ kind: "asc" }, { namespace: "asc" }, { name: "asc" }],
    },
  },
} satisfies Prisma.RevisionDefaultArgs;

/** Which revisions are wanted; `undefined`: any. */
export type RevisionPage = {
  readonly limit: number;
  /** Only older ones. */
  readonly before?: number | undefined;
  /** Only those that shape it, `namespace/name`. */
  readonly service?: string | undefined;
  readonly effect?: string | undefined;
  readonly isPinned?: boolean | undefined;
  readonly author?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
};

/** Newest first. */
export async function findRevisions(db: ConfigDb, page: RevisionPage): Promise<StoredRevision[]> {
  const rows = await ask(db, (prisma) =>
    prisma.revision.findMany({
      ...withResources,
      where: {
        ...(page.before === undefined ? {} : { id: { lt: page.before } }),
        ...(page.service === undefined ? {} : { services: { has: page.service } }),
        ...(page.effect === undefined ? {} : { effect: { verdict: page.effect } }),
        ...(page.isPinned === undefined ? {} : pinnedFilter(page.isPinned)),
        ...(page.name === undefined ? {} : { marks: { name: page.name } }),
        ...(page.author === undefined ? {} : { author: page.author }),
        ...(page.kind === undefined ? {} : { kind: page.kind }),
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
      include: { ...withMarks, changes: { orderBy: withResources.include.changes.orderBy } },
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

function pinnedFilter(isPinned: boolean): Prisma.RevisionWhereInput {
  const pinned = { marks: { isPinned: true } };
  return isPinned ? pinned : { NOT: pinned };
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
    effect: row.effect?.summary ?? undefined,
    marks: toMarks(row.marks, row._count.comments),
  };
}

function toMarks(
  marks: Prisma.RevisionMarksGetPayload<object> | null,
  comments: number,
): StoredMarks | undefined {
  if (!marks && comments === 0) return undefined;
  return {
    name: marks?.name ?? undefined,
    isPinned: marks?.isPinned ?? false,
    author: marks?.author,
    atMs: marks?.changedAt.getTime(),
    comments,
  };
}

/** The newest revision made at or before a moment; `undefined`: none was yet. */
export async function findRevisionAt(
  db: ConfigDb,
  atMs: number,
): Promise<{ readonly revision: number; readonly createdAtMs: number } | undefined> {
  const row = await ask(db, (prisma) =>
    prisma.revision.findFirst({
      where: { createdAt: { lte: new Date(atMs) } },
      orderBy: { id: "desc" },
      select: { id: true, createdAt: true },
    }),
  );
  return row ? { revision: row.id, createdAtMs: row.createdAt.getTime() } : undefined;
}

/** Revisions in (after, until] that touched any of these documents, newest first. */
export async function findRevisionsTouching(
  db: ConfigDb,
  query: {
    readonly documents: readonly { kind: string; namespace: string; name: string }[];
    readonly after: number;
    readonly until: number;
    readonly limit: number;
  },
): Promise<StoredRevision[]> {
  if (query.documents.length === 0) return [];
  const rows = await ask(db, (prisma) =>
    prisma.revision.findMany({
      ...withResources,
      where: {
        id: { gt: query.after, lte: query.until },
        changes: {
          some: {
            OR: query.documents.map(({ kind, namespace, name }) => ({ kind, namespace, name })),
          },
        },
      },
      orderBy: { id: "desc" },
      take: query.limit,
    }),
  );
  return rows.map(toRevision);
}
