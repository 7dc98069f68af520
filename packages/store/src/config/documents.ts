import { ask, type ConfigDb } from "./config-db.ts";

/** A document as it stands; `revision` is the one that last changed it. */
export type StoredDocument = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly yaml: string;
  readonly revision: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
};

/** All documents and the newest revision's number (0: none yet), read as of one moment. */
export async function loadDocuments(
  db: ConfigDb,
): Promise<{ readonly documents: StoredDocument[]; readonly revision: number }> {
  return ask(db, async (prisma) => {
    const [rows, newest] = await prisma.$transaction(
      [
        prisma.resource.findMany({
          orderBy: [{ kind: "asc" }, { namespace: "asc" }, { name: "asc" }],
        }),
        prisma.revision.aggregate({ _max: { id: true } }),
      ],
      { isolationLevel: "RepeatableRead" },
    );
    const documents = rows.map((row) => ({
      kind: row.kind,
      namespace: row.namespace,
      name: row.name,
      yaml: row.yaml,
      revision: row.revisionId,
      createdAtMs: row.createdAt.getTime(),
      updatedAtMs: row.updatedAt.getTime(),
    }));
    return { documents, revision: newest._max.id ?? 0 };
  });
}

/** A document by name, as it stands; `stored` undefined: there is none (any more). */
export type ChangedDocument = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly stored: StoredDocument | undefined;
};

/** What has changed since `revision`, and the newest revision's number, read as of one moment. */
export async function loadChangesSince(
  db: ConfigDb,
  revision: number,
): Promise<{ readonly documents: ChangedDocument[]; readonly revision: number }> {
  return ask(db, async (prisma) => {
    const [rows, newest] = await prisma.$transaction(
      [
        prisma.$queryRaw<ChangedRow[]>`
          SELECT kind, namespace, name, resource.yaml, resource.revision_id, resource.created_at,
            resource.updated_at
          FROM (
            SELECT DISTINCT kind, namespace, name FROM revision_change
            WHERE revision_id > ${revision}
          ) AS changed LEFT JOIN resource USING (kind, namespace, name)
          ORDER BY kind, namespace, name`,
        prisma.revision.aggregate({ _max: { id: true } }),
      ],
      { isolationLevel: "RepeatableRead" },
    );
    return { documents: rows.map(toChangedDocument), revision: newest._max.id ?? 0 };
  });
}

type ChangedRow = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly yaml: string | null;
  readonly revision_id: number | null;
  readonly created_at: Date | null;
  readonly updated_at: Date | null;
};

function toChangedDocument(row: ChangedRow): ChangedDocument {
  const { kind, namespace, name, yaml, revision_id, created_at, updated_at } = row;
  const isThere = yaml !== null && revision_id !== null && created_at && updated_at;
  const stored = isThere
    ? {
        ...{ kind, namespace, name, yaml, revision: revision_id },
        createdAtMs: created_at.getTime(),
        updatedAtMs: updated_at.getTime(),
      }
    : undefined;
  return { kind, namespace, name, stored };
}

/** A document as it stood right after an earlier revision. */
export type PastDocument = Pick<
  StoredDocument,
  "kind" | "namespace" | "name" | "yaml" | "createdAtMs"
>;

/** Every document as it stood right after `revision`; `undefined`: no such revision. */
export async function findDocumentsAt(
  db: ConfigDb,
  revision: number,
): Promise<PastDocument[] | undefined> {
  return ask(db, async (prisma) => {
    const exists = await prisma.revision.findUnique({
      where: { id: revision },
      select: { id: true },
    });
    if (!exists) return undefined;
    const rows = await prisma.$queryRaw<
      { kind: string; namespace: string; name: string; after: string; created_at: Date }[]
    >`
      SELECT latest.*, (
        SELECT max(revision.created_at) FROM revision_change AS birth
        JOIN revision ON revision.id = birth.revision_id
        WHERE birth.kind = latest.kind AND birth.namespace = latest.namespace
          AND birth.name = latest.name AND birth.before IS NULL AND birth.revision_id <= ${revision}
      ) AS created_at
      FROM (
        SELECT DISTINCT ON (kind, namespace, name) kind, namespace, name, after
        FROM revision_change WHERE revision_id <= ${revision}
        ORDER BY kind, namespace, name, revision_id DESC
      ) AS latest
      WHERE latest.after IS NOT NULL`;
    return rows.map((row) => ({
      kind: row.kind,
      namespace: row.namespace,
      name: row.name,
      yaml: row.after,
      createdAtMs: row.created_at.getTime(),
    }));
  });
}

/** One document's text right after `revision`; `undefined`: it did not exist then. */
export async function findDocumentAt(
  db: ConfigDb,
  { kind, namespace, name }: Pick<StoredDocument, "kind" | "namespace" | "name">,
  revision: number,
): Promise<string | undefined> {
  const row = await ask(db, (prisma) =>
    prisma.revisionChange.findFirst({
      where: { kind, namespace, name, revisionId: { lte: revision } },
      orderBy: { revisionId: "desc" },
      select: { after: true },
    }),
  );
  return row?.after ?? undefined;
}
