import { formatRef, type ResourceRef } from "@heddle/resources";
import type { PastDocument } from "@heddle/store";
import type { PlannedDocument } from "../revisions/change-request.ts";
import { parseOne } from "../revisions/parse-one.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";

/**
 * Documents as they are to be again. Those that stand so in `snapshot` are not read anew: of a whole mesh most do.
 * Throws `ConfigFaultsError` for one that this version refuses.
 */
export function toPlanned(
  past: readonly PastDocument[],
  { documents }: Pick<ConfigSnapshot, "documents">,
): PlannedDocument[] {
  return past.map((document) => {
    const { kind, namespace, name, yaml, createdAtMs } = document;
    const standing = documents.get(`${kind} ${namespace}/${name}`);
    const after = standing?.yaml === yaml ? standing : parseOne(yaml);
    return { ref: after.resource, after, createdAtMs };
  });
}

/** The past documents, and the end of every document that did not exist then. */
export function planWholeMesh(
  snapshot: ConfigSnapshot,
  documents: readonly PlannedDocument[],
): PlannedDocument[] {
  const kept = new Set(documents.map(({ ref }) => formatRef(ref)));
  const younger: ResourceRef[] = [...snapshot.documents.values()]
    .map(({ resource }) => resource)
    .filter((resource) => !kept.has(formatRef(resource)));
  return [...documents, ...younger.map((ref) => ({ ref, after: undefined }))];
}

/** Of the past documents those named, and the end of the named ones that did not exist then; all others stay. */
export function planNamed(
  named: readonly ResourceRef[],
  documents: readonly PlannedDocument[],
): PlannedDocument[] {
  const past = new Map(documents.map((one) => [formatRef(one.ref), one]));
  return named.map((ref) => past.get(formatRef(ref)) ?? { ref, after: undefined });
}
