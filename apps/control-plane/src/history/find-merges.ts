import type { DocumentMerge } from "@heddle/contracts";
import { formatRef, mergeYaml, type ParsedResource } from "@heddle/resources";
import { type ConfigDb, findDocumentAt, findRevisionsTouching } from "@heddle/store";
import type { ExpectedDocument } from "../revisions/change-request.ts";
import { toMention } from "../revisions/to-summary.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";

const MAX_CHANGES = 20;
/** More documents than these are named in the answer's errors alone. */
const MAX_MERGES = 50;

/** Of the documents that have moved on since their revision was expected: all three sides, and what joins them. */
export async function findMerges(
  db: ConfigDb,
  snapshot: ConfigSnapshot,
  resources: readonly ParsedResource[],
  expected: readonly ExpectedDocument[],
): Promise<DocumentMerge[]> {
  const stale = expected.flatMap((one) => {
    const now = snapshot.documents.get(formatRef(one));
    const yours = resources.find(({ resource }) => formatRef(resource) === formatRef(one));
    const isStale = yours !== undefined && (now?.revision ?? 0) !== one.revision;
    return isStale ? [{ one, now, yours }] : [];
  });
  const found = stale.slice(0, MAX_MERGES).map(async ({ one, now, yours }) => {
    const { kind, namespace, name, revision } = one;
    const page = {
      documents: [one],
      after: revision,
      until: snapshot.revision,
      limit: MAX_CHANGES,
    };
    const [base, changes] = await Promise.all([
      revision === 0 ? undefined : findDocumentAt(db, one, revision),
      findRevisionsTouching(db, page),
    ]);
    const merged = mergeYaml(base, now?.yaml, yours.yaml);
    return {
      ...{ kind, namespace, name, baseRevision: revision, theirsRevision: now?.revision ?? 0 },
      ...(base === undefined ? {} : { base }),
      ...(now === undefined ? {} : { theirs: now.yaml }),
      yours: yours.yaml,
      ...(merged.ok ? { merged: merged.yaml } : {}),
      conflicts: merged.ok ? [] : merged.conflicts.map(toWire),
      changes: changes.map(toMention),
    };
  });
  return Promise.all(found);
}

function toWire({
  path,
  base,
  theirs,
  yours,
}: {
  readonly path: string;
  readonly base: string | undefined;
  readonly theirs: string | undefined;
  readonly yours: string | undefined;
}): DocumentMerge["conflicts"][number] {
  return {
    path,
    ...(base === undefined ? {} : { base }),
    ...(theirs === undefined ? {} : { theirs }),
    ...(yours === undefined ? {} : { yours }),
  };
}
