import { REVISION_ANNOTATION } from "@heddle/contracts";

/**
 * A document in the canonical form with the revision it was read at among its annotations: applied again, it is refused
 * if somebody was faster.
 */
export function withRevision(yaml: string, revision: number): string {
  const line = `    ${REVISION_ANNOTATION}: "${revision}"`;
  if (/^ {2}annotations: \{\}$/m.test(yaml)) {
    return yaml.replace(/^ {2}annotations: \{\}$/m, `  annotations:\n${line}`);
  }
  if (/^ {2}annotations:$/m.test(yaml)) return yaml.replace(/^ {2}annotations:$/m, `$&\n${line}`);
  return yaml.replace(/^metadata:.*$/m, `$&\n  annotations:\n${line}`);
}
