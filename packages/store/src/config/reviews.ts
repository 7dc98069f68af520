import { randomUUID } from "node:crypto";
import type { Prisma } from "../generated/client.ts";
import { ask, type ConfigDb } from "./config-db.ts";

/** A document as a review was begun from it. */
export type ReviewedDocument = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly baseRevision: number; // 0: it did not exist
  readonly base: string | undefined; // YAML
};

export type StoredReviewAct = {
  readonly id: string;
  readonly kind: "comment" | "approved" | "changed";
  readonly author: string;
  readonly atMs: number;
  readonly text: string;
};

export type StoredReview = {
  readonly id: string;
  readonly state: "open" | "applied" | "withdrawn";
  readonly author: string;
  readonly createdAtMs: number;
  readonly note: string;
  readonly yaml: string;
  readonly documents: readonly ReviewedDocument[];
  readonly acts: readonly StoredReviewAct[]; // oldest first
  readonly ended:
    | { readonly by: string; readonly atMs: number; readonly revision: number | undefined }
    | undefined;
};

type ReviewText = Pick<StoredReview, "yaml" | "documents">;
type By = { readonly author: string; readonly atMs: number };

/** More than these wait for nobody. */
export const MAX_OPEN_REVIEWS = 200;
export const MAX_REVIEW_ACTS = 200;
const MAX_LISTED = 200;
/** Ended ones are kept as long; the revision they made tells the rest. */
const KEEP_ENDED_MS = 90 * 24 * 3600 * 1000;

const WITH_ACTS = {
  include: { acts: { orderBy: [{ at: "asc" }, { id: "asc" }] } },
} as const satisfies Prisma.ReviewDefaultArgs;
type Row = Prisma.ReviewGetPayload<typeof WITH_ACTS>;

/** `undefined`: `MAX_OPEN_REVIEWS` wait already. Clears away those that ended long ago. */
export async function createReview(
  db: ConfigDb,
  { author, atMs, note, yaml, documents }: ReviewText & By & { readonly note: string },
): Promise<StoredReview | undefined> {
  return ask(db, async (prisma) => {
    if ((await prisma.review.count({ where: { state: "open" } })) >= MAX_OPEN_REVIEWS) {
      return undefined;
    }
    await prisma.review.deleteMany({ where: { endedAt: { lt: new Date(atMs - KEEP_ENDED_MS) } } });
    const row = await prisma.review.create({
      data: {
        ...{ id: randomUUID(), author, note, yaml, state: "open" },
        createdAt: new Date(atMs),
        documents: toJson(documents),
      },
      ...WITH_ACTS,
    });
    return toReview(row);
  });
}

/** Newest first, at most 200. */
export async function findReviews(
  db: ConfigDb,
  state: StoredReview["state"] | undefined,
): Promise<StoredReview[]> {
  const rows = await ask(db, (prisma) =>
    prisma.review.findMany({
      ...(state !== undefined && { where: { state } }),
      orderBy: [{ createdAt: "desc" }, { id: "asc" }],
      take: MAX_LISTED,
      ...WITH_ACTS,
    }),
  );
  return rows.map(toReview);
}

export async function findReview(db: ConfigDb, id: string): Promise<StoredReview | undefined> {
  const row = await ask(db, (prisma) => prisma.review.findUnique({ where: { id }, ...WITH_ACTS }));
  return row === null ? undefined : toReview(row);
}

/** Gives an open review another text. `false`: it is not open any more. */
export async function changeReview(
  db: ConfigDb,
  id: string,
  { yaml, documents }: ReviewText,
): Promise<boolean> {
  const { count } = await ask(db, (prisma) =>
    prisma.review.updateMany({
      where: { id, state: "open" },
      data: { yaml, documents: toJson(documents) },
    }),
  );
  return count > 0;
}

/** `false`: it has `MAX_REVIEW_ACTS` already, or is not open. */
export async function addReviewAct(
  db: ConfigDb,
  id: string,
  { kind, text, author, atMs }: By & Pick<StoredReviewAct, "kind" | "text">,
): Promise<boolean> {
  const written = await ask(
    db,
    (prisma) => prisma.$executeRaw`
      INSERT INTO review_act (id, review_id, kind, author, at, text)
      SELECT ${randomUUID()}, ${id}, ${kind}, ${author}, ${new Date(atMs)}::timestamptz, ${text}
      WHERE (SELECT count(*) FROM review_act WHERE review_id = ${id}) < ${MAX_REVIEW_ACTS}
        AND EXISTS (SELECT 1 FROM review WHERE id = ${id} AND state = 'open')`,
  );
  return written > 0;
}

/** `false`: it has ended already, or never was. */
export async function endReview(
  db: ConfigDb,
  id: string,
  {
    state,
    author,
    atMs,
    revision,
  }: By & { readonly state: "applied" | "withdrawn"; readonly revision?: number | undefined },
): Promise<boolean> {
  const { count } = await ask(db, (prisma) =>
    prisma.review.updateMany({
      where: { id, state: "open" },
      data: { state, endedBy: author, endedAt: new Date(atMs), revision: revision ?? null },
    }),
  );
  return count > 0;
}

function toJson(documents: readonly ReviewedDocument[]): Prisma.InputJsonValue {
  return documents.map(({ base, ...one }) => ({ ...one, ...(base !== undefined && { base }) }));
}

function toReview(row: Row): StoredReview {
  const { id, state, author, createdAt, note, yaml, documents, acts, endedBy, endedAt, revision } =
    row;
  return {
    ...{ id, author, note, yaml },
    state: state as StoredReview["state"], // written above and nowhere else
    createdAtMs: createdAt.getTime(),
    documents: (documents as Omit<ReviewedDocument, "base">[]).map((one) => ({
      base: undefined,
      ...one,
    })),
    acts: acts.map((act) => ({
      id: act.id,
      kind: act.kind as StoredReviewAct["kind"],
      author: act.author,
      atMs: act.at.getTime(),
      text: act.text,
    })),
    ended:
      endedBy === null || endedAt === null
        ? undefined
        : { by: endedBy, atMs: endedAt.getTime(), revision: revision ?? undefined },
  };
}
