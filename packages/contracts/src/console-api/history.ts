import { z } from "zod";
import {
  ApplyRequest,
  ApplyResponse,
  Problem,
  RequestSource,
  ResourceKind,
  RestoreRequest,
  RevisionSummary,
} from "./mesh-state.ts";

/** The history as a tool: merging, going back, marking, git. Times are epoch ms. */

/** In a document's annotations: the revision at which `heddle get -o yaml` read it. An apply expects that and takes it out. */
export const REVISION_ANNOTATION = "heddle.dev/revision";

/** A revision in passing. */
export const RevisionMention = RevisionSummary.pick({
  revision: true,
  createdAtMs: true,
  author: true,
  summary: true,
  reason: true,
});

/**
 * One document that has moved on since its editor read it: what he started from, what stands there now, what he
 * wants, and all three made one where they do not touch the same places.
 */
export const DocumentMerge = z.object({
  kind: ResourceKind,
  namespace: z.string(),
  name: z.string(),
  /** YAML the editor started from; absent: it did not exist, or was not found in the history. */
  base: z.string().optional(),
  baseRevision: z.number().int(), // 0: it did not exist
  /** YAML as it stands now; absent: deleted meanwhile. */
  theirs: z.string().optional(),
  theirsRevision: z.number().int(), // 0: deleted; send it as `expected` with the merged text
  yours: z.string(),
  /** Absent where both changed the same place. */
  merged: z.string().optional(),
  /** Where both changed the same place to different things: `spec.http[0].timeout`; empty with `merged`. */
  conflicts: z.array(
    z.object({
      path: z.string(), // "" the document as a whole: the one deleted what the other changed
      base: z.string().optional(), // as YAML; absent: not there
      theirs: z.string().optional(),
      yours: z.string().optional(),
    }),
  ),
  /** Who changed it in between, newest first. */
  changes: z.array(RevisionMention),
});

/** The 409 answer to an apply whose `expected` (or annotation `heddle.dev/revision`) is stale. */
export const ConflictProblem = Problem.extend({ merges: z.array(DocumentMerge) });

/** `POST /merge`: what a stale apply would answer, asked without applying. Documents that are not stale are left out. */
export const MergeRequest = ApplyRequest.pick({ yaml: true, expected: true });
export const MergeResponse = z.object({ merges: z.array(DocumentMerge) });

/**
 * Going back. `mesh`: every document; `documents`: only those the revision itself changed. `after`: as they stood
 * right after it; `before`: as right before it, i.e. with `documents` the revision alone is taken back. The defaults
 * are `mesh` and `after`. `POST /revisions/:revision/restore`.
 */
export const RevisionRestoreRequest = RestoreRequest.extend({
  scope: z.enum(["mesh", "documents"]).optional(),
  side: z.enum(["before", "after"]).optional(),
});
/** `POST /restore`: the whole mesh as it stood at a moment. */
export const RestoreAtRequest = RestoreRequest.extend({ atMs: z.number().int().min(0) });
export const RestoreResponse = ApplyResponse.extend({
  /** The state gone back to: right after this revision; 0: before the first one. */
  restoredRevision: z.number().int(),
  /** Later changes to the same documents that are (or would be) undone, newest first, at most 100. */
  undoes: z.array(RevisionMention),
});

/** `PUT /revisions/:revision/pin`; this and naming answer with `RevisionMarks`. */
export const PinRequest = z.object({ isPinned: z.boolean() });
const NAME_WORDS =
  "a letter, then up to 62 letters, digits, dots, underscores or hyphens (no spaces: it is used on the command line)";
/** `PUT /revisions/:revision/name`; null takes it away. Refused (409) if another revision has it. */
export const NameRequest = z.object({
  name: z
    .string()
    .regex(/^[A-Za-z][\w.-]{0,62}$/, `must be ${NAME_WORDS}`)
    .nullable(),
});
/** `POST /revisions/:revision/comments`. */
export const CommentRequest = z.object({ text: z.string().trim().min(1).max(2000) });
export const RevisionComment = z.object({
  id: z.string(),
  author: z.string(),
  createdAtMs: z.number(),
  text: z.string(),
});
/** `GET /revisions/:revision/comments`, and the answer to deleting one; oldest first. */
export const CommentsResponse = z.object({ comments: z.array(RevisionComment) });

/** `GET /compare?from=&to=`: how the documents differ between two states; 0: before the first revision. */
export const CompareResponse = ApplyResponse.pick({ changes: true }).extend({
  from: z.number().int(),
  to: z.number().int(),
});

/** One document that differs between a repository and the mesh. */
export const DriftedDocument = z.object({
  kind: ResourceKind,
  namespace: z.string(),
  name: z.string(),
  /** Which side has it; `both`: with different content. */
  in: z.enum(["git", "mesh", "both"]),
  /** Which side changed since they were last the same; `unknown`: they never were. */
  newer: z.enum(["git", "mesh", "both", "unknown"]),
  meshRevision: z.number().int().optional(), // absent: not in the mesh
  gitCommit: z.string().optional(), // the last to touch the file; absent: not in git
  /** Unified, from git to mesh. */
  diff: z.string(),
});
/** What a machine with the repository found; the control plane itself never reads git. `PUT /drift`. */
export const DriftReport = z.object({
  repository: z.string().max(500), // folder or remote, for people
  commit: z.string().max(64),
  documents: z.array(DriftedDocument).max(1000),
  source: RequestSource.optional(),
});
/** `GET /drift`: the newest report; all absent: none was made. */
export const DriftResponse = z.object({
  report: DriftReport.omit({ source: true })
    .extend({ reportedAtMs: z.number(), reportedBy: z.string(), revision: z.number().int() })
    .optional(),
});

export type RevisionMention = z.infer<typeof RevisionMention>;
export type ConflictProblem = z.infer<typeof ConflictProblem>;
export type DocumentMerge = z.infer<typeof DocumentMerge>;
export type MergeResponse = z.infer<typeof MergeResponse>;
export type RevisionRestoreRequest = z.infer<typeof RevisionRestoreRequest>;
export type RestoreResponse = z.infer<typeof RestoreResponse>;
export type RevisionComment = z.infer<typeof RevisionComment>;
export type CommentsResponse = z.infer<typeof CommentsResponse>;
export type CompareResponse = z.infer<typeof CompareResponse>;
export type DriftedDocument = z.infer<typeof DriftedDocument>;
export type DriftReport = z.infer<typeof DriftReport>;
export type DriftResponse = z.infer<typeof DriftResponse>;
