import {
  ChangeSource,
  EffectSummary,
  type RevisionMention,
  RevisionSummary,
} from "@heddle/contracts";
import type { StoredMarks, StoredRevision } from "@heddle/store";
import { z } from "zod";

const StoredKinds = z.object({
  source: ChangeSource,
  kind: RevisionSummary.shape.kind,
  resources: RevisionSummary.shape.resources,
});

/** A revision as lists show it. */
export function toSummary(stored: StoredRevision): RevisionSummary {
  const { source, kind, resources } = StoredKinds.parse(stored); // only this process writes them
  const effect = EffectSummary.safeParse(stored.effect).data;
  return {
    revision: stored.revision,
    createdAtMs: stored.createdAtMs,
    author: stored.author,
    source,
    ...(stored.reason === undefined ? {} : { reason: stored.reason }),
    summary: stored.summary,
    kind,
    ...(stored.restoredRevision === undefined ? {} : { restoredRevision: stored.restoredRevision }),
    resources,
    services: [...stored.services],
    ...(effect === undefined ? {} : { effect }),
    ...(stored.marks === undefined ? {} : { marks: toMarks(stored.marks) }),
  };
}

/** A revision in passing. */
export function toMention(stored: StoredRevision): RevisionMention {
  const { revision, createdAtMs, author, summary, reason } = stored;
  return { revision, createdAtMs, author, summary, ...(reason === undefined ? {} : { reason }) };
}

function toMarks({ name, isPinned, author, atMs, comments }: StoredMarks) {
  return {
    ...(name === undefined ? {} : { name }),
    isPinned,
    ...(author === undefined ? {} : { author }),
    ...(atMs === undefined ? {} : { atMs }),
    comments,
  };
}
