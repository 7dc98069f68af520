import type { ResourceKind, ReviewDetail, ReviewSummary } from "@heddle/contracts";
import { formatRef, parseResources } from "@heddle/resources";
import type { ConfigDb, StoredReview } from "@heddle/store";
import { findMerges } from "../history/find-merges.ts";
import { describeChange } from "../revisions/diff-documents.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";

export function summarizeReview(review: StoredReview): ReviewSummary {
  const { id, state, author, createdAtMs, note, documents, acts, ended } = review;
  const changedAt = acts.findLastIndex(({ kind }) => kind === "changed");
  const approvals = acts.slice(changedAt + 1).filter(({ kind }) => kind === "approved");
  return {
    ...{ id, state, author, createdAtMs, note },
    documents: documents.map(({ kind, namespace, name, baseRevision }) => {
      return { kind: kind as ResourceKind, namespace, name, baseRevision };
    }),
    approvedBy: [...new Set(approvals.map((one) => one.author))],
    comments: acts.filter(({ kind }) => kind === "comment").length,
    ...(ended !== undefined && {
      ended: {
        by: ended.by,
        atMs: ended.atMs,
        ...(ended.revision !== undefined && { revision: ended.revision }),
      },
    }),
  };
}

/** With what it would change, and, while it is open, where others have been meanwhile. */
export async function describeReview(
  db: ConfigDb,
  snapshot: ConfigSnapshot,
  review: StoredReview,
): Promise<ReviewDetail> {
  const summary = summarizeReview(review);
  const parsed = parseResources(review.yaml);
  const resources = parsed.ok ? parsed.resources : [];
  const expected = summary.documents.map(({ baseRevision, ...ref }) => {
    return { ...ref, revision: baseRevision };
  });
  return {
    ...summary,
    yaml: review.yaml,
    changes: review.documents.map(({ base, kind, namespace, name }) => {
      const ref = { kind, namespace, name };
      const after = resources.find(
        ({ resource }) => formatRef(resource) === `${ref.kind} ${ref.namespace}/${ref.name}`,
      );
      return describeChange({ ...ref, before: base, after: after?.yaml });
    }),
    acts: review.acts.map((act) => ({ ...act })),
    merges: review.state === "open" ? await findMerges(db, snapshot, resources, expected) : [],
  };
}
