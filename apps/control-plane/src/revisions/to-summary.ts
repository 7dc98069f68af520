import { ChangeSource, RevisionSummary } from "@heddle/contracts";
import type { StoredRevision } from "@heddle/store";
import { z } from "zod";

const StoredKinds = z.object({
  source: ChangeSource,
  kind: RevisionSummary.shape.kind,
  resources: RevisionSummary.shape.resources,
});

/** A stored revision as the API tells it. */
export function toSummary(stored: StoredRevision): RevisionSummary {
  const { source, kind, resources } = StoredKinds.parse(stored); // only this process writes them
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
  };
}
