import { Document, isMap, isScalar, isSeq } from "yaml";

/** The items of a `kind: List`, as `kubectl get -o yaml` prints several documents; any other is itself. */
export function expandList(document: Document): Document[] {
  const { contents } = document;
  if (!isMap(contents) || document.errors.length > 0) return [document];
  const kind = contents.get("kind");
  const items = contents.get("items", true);
  if (typeof kind !== "string" || !kind.endsWith("List") || !isSeq(items)) return [document];
  return items.items.map((item) => {
    const one = new Document();
    one.contents = isMap(item) || isSeq(item) || isScalar(item) ? item : null;
    return one;
  });
}
