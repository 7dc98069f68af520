import { isMap, parseDocument } from "yaml";

/**
 * One value to set, by its path in the document; what is missing on the way is made. `undefined`: taken
 * away, and with it the map around it if that is empty then.
 */
export type YamlEdit = {
  readonly path: readonly (string | number)[];
  readonly value: string | number | object | undefined;
};

/** Changes only the named values of a document; its comments and all else stay as they were. */
export function editYaml(yaml: string, edits: readonly YamlEdit[]): string {
  const document = parseDocument(yaml);
  for (const { path, value } of edits) {
    if (value !== undefined) document.setIn(path, value);
    else if (document.hasIn(path)) {
      const around = path.slice(0, -1);
      document.deleteIn(path);
      const map = document.getIn(around);
      if (isMap(map) && map.items.length === 0) document.deleteIn(around);
    }
  }
  return document.toString({ lineWidth: 0, indentSeq: false });
}
