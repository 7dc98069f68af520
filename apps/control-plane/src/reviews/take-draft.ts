import type { ApplyRequest } from "@heddle/contracts";
import { formatRef, parseResources } from "@heddle/resources";
import { type ConfigDb, findDocumentAt, type ReviewedDocument } from "@heddle/store";
import { takeRevisions } from "../history/take-revisions.ts";
import { ChangeRefusedError, ConfigFaultsError } from "../revisions/change-errors.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";

/** More would be no review, but a migration. */
const MAX_DOCUMENTS = 50;

/** A text that can be read, and what each of its documents was begun from. */
export async function takeDraft(
  db: ConfigDb,
  snapshot: ConfigSnapshot,
  request: Pick<ApplyRequest, "yaml" | "expected">,
): Promise<{ readonly yaml: string; readonly documents: readonly ReviewedDocument[] }> {
  const parsed = parseResources(request.yaml);
  if (!parsed.ok) throw new ConfigFaultsError(parsed.faults);
  const { resources, expected } = takeRevisions(parsed.resources, request.expected ?? []);
  if (resources.length === 0 || resources.length > MAX_DOCUMENTS) {
    throw new ChangeRefusedError(
      `a review is of 1 to ${MAX_DOCUMENTS} documents, this is of ${resources.length}`,
    );
  }
  const documents = resources.map(async ({ resource }): Promise<ReviewedDocument> => {
    const { kind, namespace, name } = resource;
    const now = snapshot.documents.get(formatRef(resource));
    const wanted = expected.find((one) => formatRef(one) === formatRef(resource))?.revision;
    const baseRevision = wanted ?? now?.revision ?? 0;
    const base =
      baseRevision === 0
        ? undefined
        : baseRevision === now?.revision
          ? now.yaml
          : await findDocumentAt(db, resource, baseRevision);
    return { kind, namespace, name, baseRevision, base };
  });
  return {
    yaml: resources
      .map(({ yaml }) => yaml.trimEnd())
      .join("\n---\n")
      .concat("\n"),
    documents: await Promise.all(documents),
  };
}
