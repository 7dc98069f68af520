import { z } from "zod";
import { DocumentMerge } from "./history.ts";
import { ApplyRequest, ResourceChange, ResourceKind } from "./mesh-state.ts";

/**
 * A change that waits for another person's eyes (`/reviews`): its YAML, what it was begun from, and what people say to it.
 * It is applied as any other change, by `POST /apply` with `review`, which ends it. Times are epoch ms.
 */

export const ReviewState = z.enum(["open", "applied", "withdrawn"]);

/** What somebody did to a review. `changed`: its YAML is another; approvals before that hold no longer. */
export const ReviewAct = z.object({
  id: z.string(),
  kind: z.enum(["comment", "approved", "changed"]),
  author: z.string(),
  atMs: z.number(),
  /** Of an approval and a change optional words: then it may be empty. */
  text: z.string(),
});

export const ReviewSummary = z.object({
  id: z.string(),
  state: ReviewState,
  author: z.string(),
  createdAtMs: z.number(),
  /** What the author asks; may be empty. */
  note: z.string(),
  /** Those it would change, with the revision each was begun from; 0: it did not exist. */
  documents: z.array(
    z.object({
      kind: ResourceKind,
      namespace: z.string(),
      name: z.string(),
      baseRevision: z.number().int(),
    }),
  ),
  /** Who has approved the YAML as it is now. */
  approvedBy: z.array(z.string()),
  comments: z.number().int(),
  /** Who applied or withdrew it, when, and the revision that made; absent: it is open (or made none). */
  ended: z
    .object({ by: z.string(), atMs: z.number(), revision: z.number().int().optional() })
    .optional(),
});

/** `GET /reviews?state=open`: newest first, at most 200. */
export const ReviewsResponse = z.object({ reviews: z.array(ReviewSummary) });

export const ReviewDetail = ReviewSummary.extend({
  yaml: z.string(),
  /** From what it was begun from to what it would make of it. */
  changes: z.array(ResourceChange),
  acts: z.array(ReviewAct), // oldest first
  /** Documents that have moved on since: what both come to. Empty once it has ended. */
  merges: z.array(DocumentMerge),
});

/**
 * `POST /reviews`; `PUT /reviews/:id` puts another YAML under the same review, by whoever asked for it or may change its
 * documents. What `expected` leaves out is taken to be begun from what stands now.
 */
export const ReviewRequest = ApplyRequest.pick({ yaml: true, expected: true }).extend({
  note: z.string().trim().max(2000).optional(),
});

/** `POST /reviews/:id/comments`. */
export const ReviewCommentRequest = z.object({ text: z.string().trim().min(1).max(2000) });
/** `POST /reviews/:id/approve`, by whoever may change its documents and has not asked for it himself. */
export const ReviewApprovalRequest = z.object({
  text: z.string().trim().max(2000).optional(),
  /** How often it had been changed when it was read: refused (409) if it was changed since, so that nobody approves unseen. */
  seenChanges: z.number().int().min(0).optional(),
});

export type ReviewState = z.infer<typeof ReviewState>;
export type ReviewAct = z.infer<typeof ReviewAct>;
export type ReviewSummary = z.infer<typeof ReviewSummary>;
export type ReviewsResponse = z.infer<typeof ReviewsResponse>;
export type ReviewDetail = z.infer<typeof ReviewDetail>;
