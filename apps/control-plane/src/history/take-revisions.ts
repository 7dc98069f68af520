import { REVISION_ANNOTATION } from "@heddle/contracts";
import { editYaml, formatRef, type ParsedResource } from "@heddle/resources";
import type { ExpectedDocument } from "../revisions/change-request.ts";
import { parseOne } from "../revisions/parse-one.ts";
import { BadRevisionError } from "./bad-revision-error.ts";

const PATH = ["metadata", "annotations", REVISION_ANNOTATION];
const MENTION = new RegExp(
  `^ +"?'?${REVISION_ANNOTATION.replaceAll(".", "\\.")}"?'?: *["']?([^"'#\\s]*)`,
  "m",
);

/**
 * Takes the annotation with which `heddle get` tells at which revision a document was read out of the documents: it is
 * no part of them, but what whoever edits one expects. What the request itself expects of a document goes before.
 */
export function takeRevisions(
  parsed: readonly ParsedResource[],
  expected: readonly ExpectedDocument[],
): {
  readonly resources: readonly ParsedResource[];
  readonly expected: readonly ExpectedDocument[];
} {
  const named = new Set(expected.map(formatRef));
  const more: ExpectedDocument[] = [];
  const resources = parsed.map((one) => {
    const found = MENTION.exec(one.yaml)?.[1];
    if (found === undefined) return one;
    const bare = editYaml(one.yaml, [{ path: PATH, value: undefined }]);
    if (bare === one.yaml) return one; // the words stand elsewhere in it
    const { kind, namespace, name } = one.resource;
    if (!/^\d{1,9}$/.test(found)) throw new BadRevisionError(formatRef(one.resource), found);
    if (!named.has(formatRef(one.resource))) {
      more.push({ kind, namespace, name, revision: Number(found) });
    }
    return parseOne(bare);
  });
  return { resources, expected: [...expected, ...more] };
}
