import { formatId, type WorkloadId } from "@heddle/mesh";
import { editYaml } from "@heddle/resources";
import { NotFoundError } from "../revisions/change-errors.ts";
import type { PlannedDocument } from "../revisions/change-request.ts";
import { parseOne } from "../revisions/parse-one.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";

/** Turns an AuthorizationPolicy's shadow mode on or off; all else in the document stays as it was written. */
export function planShadow(
  snapshot: ConfigSnapshot,
  policy: WorkloadId,
  isShadow: boolean,
): PlannedDocument {
  const document = snapshot.documents.get(`AuthorizationPolicy ${formatId(policy)}`);
  if (!document) throw new NotFoundError(`there is no AuthorizationPolicy ${formatId(policy)}`);
  const path = ["metadata", "annotations", "istio.io/dry-run"];
  const yaml = editYaml(document.yaml, [{ path, value: String(isShadow) }]);
  return { ref: document.resource, after: parseOne(yaml) };
}
