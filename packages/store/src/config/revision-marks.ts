import { randomUUID } from "node:crypto";
import { Prisma } from "../generated/client.ts";
import { ask, type ConfigDb } from "./config-db.ts";

export type StoredComment = {
  readonly id: string;
  readonly author: string;
  readonly createdAtMs: number;
  readonly text: string;
};

type MarkedBy = { readonly author: string; readonly atMs: number };

/** More comments than these are not taken, so that a loop cannot fill the history. */
export const MAX_COMMENTS = 200;

export async function savePin(
  db: ConfigDb,
  revision: number,
  { isPinned, author, atMs }: MarkedBy & { readonly isPinned: boolean },
): Promise<void> {
  const changed = { isPinned, author, changedAt: new Date(atMs) };
  await ask(db, (prisma) =>
    prisma.revisionMarks.upsert({
      where: { revisionId: revision },
      create: { revisionId: revision, ...changed },
      update: changed,
    }),
  );
}

/** `name` null takes it away. `false`: another revision has it. */
export async function saveName(
  db: ConfigDb,
  revision: number,
  { name, author, atMs }: MarkedBy & { readonly name: string | null },
): Promise<boolean> {
  const changed = { name, author, changedAt: new Date(atMs) };
  try {
    await ask(db, (prisma) =>
      prisma.revisionMarks.upsert({
        where: { revisionId: revision },
        create: { revisionId: revision, isPinned: false, ...changed },
        update: changed,
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === "P2002")
      return false;
    throw error;
  }
}

/** `undefined`: it has `MAX_COMMENTS` already. */
export async function addComment(
  db: ConfigDb,
  revision: number,
  { text, author, atMs }: MarkedBy & { readonly text: string },
): Promise<StoredComment | undefined> {
  const id = randomUUID();
  const written = await ask(
    db,
    (prisma) => prisma.$executeRaw`
      INSERT INTO revision_comment (id, revision_id, author, created_at, text)
      SELECT ${id}, ${revision}::int, ${author}, ${new Date(atMs)}::timestamptz, ${text}
      WHERE (SELECT count(*) FROM revision_comment WHERE revision_id = ${revision}::int) < ${MAX_COMMENTS}`,
  );
  return written === 0 ? undefined : { id, author, createdAtMs: atMs, text };
}

/** Oldest first. */
export async function findComments(db: ConfigDb, revision: number): Promise<StoredComment[]> {
  const rows = await ask(db, (prisma) =>
    prisma.revisionComment.findMany({
      where: { revisionId: revision },
      orderBy: [{ createdAt: "asc" }, { id: "asc" }],
    }),
  );
  return rows.map(({ id, author, createdAt, text }) => {
    return { id, author, createdAtMs: createdAt.getTime(), text };
  });
}

/** `false`: there is none of that id on the revision. */
export async function deleteComment(db: ConfigDb, revision: number, id: string): Promise<boolean> {
  const { count } = await ask(db, (prisma) =>
    prisma.revisionComment.deleteMany({ where: { id, revisionId: revision } }),
  );
  return count > 0;
}
