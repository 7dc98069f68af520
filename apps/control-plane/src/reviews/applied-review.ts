import { formatRef, type ResourceRef } from "@heddle/resources";
import { HeddleError } from "@heddle/runtime";
import { type ConfigDb, endReview, findReview, type StoredReview } from "@heddle/store";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";

/** Refuses to apply what somebody has withdrawn or applied meanwhile, or what a review is not about. */
export async function requireOpenReview(
  db: ConfigDb,
  id: string,
  applied: readonly ResourceRef[],
): Promise<void> {
  const review = await findReview(db, id);
  if (!review) throw new NotFoundError(`there is no review ${id}`);
  if (review.state !== "open") throw endedAlready(review);
  const names = new Set(applied.map(formatRef));
  const missing = review.documents
    .map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`)
    .filter((name) => !names.has(name));
  if (missing.length > 0) {
    throw new ChangeRefusedError(
      `review ${id} is of ${missing.join(", ")}, too: apply all of it, or leave out \`review\``,
    );
  }
}

/** The change is in force by now: what fails here is a warning. */
export async function noteApplied(
  db: ConfigDb,
  id: string,
  by: { readonly author: string; readonly revision: number },
): Promise<string[]> {
  const { author, revision } = by;
  try {
    const end = { state: "applied", author, atMs: Date.now() } as const;
    await endReview(db, id, { ...end, ...(revision !== 0 && { revision }) });
    return [];
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    return [`The review ${id} is still open: ${error.message}`];
  }
}

export function endedAlready({ state, ended }: StoredReview): ChangeRefusedError {
  const which = ended?.revision === undefined ? "" : ` as revision ${ended.revision}`;
  return new ChangeRefusedError(`the review was ${state}${which} by ${ended?.by ?? "somebody"}`);
}
