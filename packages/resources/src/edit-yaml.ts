import { parseDocument } from "yaml";

/** One value to set, by its path in the document; what is missing on the way is made. */
export type YamlEdit = {
  readonly path: readonly (string | number)[];
  readonly value: string | number | object;
};

/** Changes only the named values of a document; its comments and all else stay as they were. */
export function editYaml(yaml: string, edits: readonly YamlEdit[]): string {
  const document = parseDocument(yaml);
  for (const { path, value } of edits) document.setIn(path, value);
  return document.toString({ lineWidth: 0, indentSeq: false });
}
