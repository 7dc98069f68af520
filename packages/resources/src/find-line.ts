import { isNode, LineCounter, parseDocument } from "yaml";

/** The line of a value in a document, counted from 1, by its path. `undefined`: there is no such value. */
export function findLine(yaml: string, path: readonly (string | number)[]): number | undefined {
  const lineCounter = new LineCounter();
  const node = parseDocument(yaml, { lineCounter }).getIn(path, true);
  const start = isNode(node) ? node.range?.[0] : undefined;
  return start === undefined ? undefined : lineCounter.linePos(start).line;
}
