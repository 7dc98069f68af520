import { REVISION_ANNOTATION } from "@heddle/contracts";
import { ConfigFaultsError } from "../revisions/change-errors.ts";

/** The annotation that says at which revision a document was read is no number. */
export class BadRevisionError extends ConfigFaultsError {
  constructor(document: string, value: string) {
    const message = `is "${value}"; expected the revision \`heddle get\` wrote there; take the annotation away to apply without a lock`;
    super([{ field: `${document}: metadata.annotations["${REVISION_ANNOTATION}"]`, message }]);
  }
}
