import { type Document, isAlias, isMap, isScalar, isSeq, type Pair, visit } from "yaml";

// The order people write Istio's documents in; other keys follow by name.
const KEY_ORDER = [
  ...["apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations", "spec"],
  ...["hosts", "host", "address", "gateways", "exportTo", "http", "subsets", "selector"],
  ...["matchLabels", "mtls", "match", "route", "destination", "subset", "weight", "timeout"],
];
const RANK = new Map(KEY_ORDER.map((key, index) => [key, index]));

const SERVER_METADATA = [
  ...["creationTimestamp", "resourceVersion", "uid", "generation", "managedFields"],
  ...["selfLink", "ownerReferences", "finalizers"],
];

/**
 * Prints a document in one way whatever way it was written: fixed key order, block style, plain
 * scalars, the namespace filled in, a cluster's own bookkeeping left out. Comments stay.
 */
export function canonicalYaml(document: Document, namespace: string): string {
  // Aliases may point forward once keys are sorted: such a document is written out in full.
  const hasAlias = findAlias(document);
  const printed = hasAlias ? document.clone() : document;
  if (hasAlias)
    printed.contents = printed.createNode(document.toJS({ maxAliasCount: MAX_ALIASES }), {
      aliasDuplicateObjects: false,
    });
  printed.deleteIn(["status"]);
  for (const key of SERVER_METADATA) printed.deleteIn(["metadata", key]);
  printed.setIn(["metadata", "namespace"], namespace);
  raiseHeadComment(printed);
  visit(printed, {
    Map: (_, map) => {
      map.flow = map.items.length === 0;
      map.items.sort(byKey);
      delete map.spaceBefore;
      delete map.anchor;
    },
    Seq: (_, seq) => {
      seq.flow = seq.items.length === 0;
      delete seq.spaceBefore;
      delete seq.anchor;
    },
    Scalar: (_, scalar) => {
      delete scalar.type;
      delete scalar.format;
      delete scalar.source;
      delete scalar.spaceBefore;
      delete scalar.anchor;
    },
  });
  printed.directives = undefined as never; // no %YAML line, no document markers
  return printed.toString({ lineWidth: 0, indentSeq: false, directives: false });
}

/** More than this many aliases in one document are taken for an attack. */
export const MAX_ALIASES = 32;

/** Depth of the deepest node; a scalar alone has depth 0. */
export function depthOf(document: Document): number {
  let deepest = 0;
  visit(document, {
    Collection: (_, node, path) => {
      const depth = path.filter((at) => isMap(at) || isSeq(at)).length + 1;
      deepest = Math.max(deepest, depth);
      return depth > 100 || node === null ? visit.SKIP : undefined;
    },
  });
  return deepest;
}

/**
 * A comment over the first key speaks of the whole document, wherever that key will be sorted to. The library keeps
 * such a comment in one of three places, by how it was written; here it always has the same one.
 */
function raiseHeadComment(document: Document): void {
  const { contents } = document;
  if (!isMap(contents)) return;
  const first = contents.items[0]?.key;
  const overFirst = isScalar(first) ? first.commentBefore : undefined;
  const parts = [document.commentBefore, contents.commentBefore, overFirst].filter(Boolean);
  if (isScalar(first)) first.commentBefore = null;
  document.commentBefore = null;
  // A blank line after the last comment would be gone when the text is read again.
  contents.commentBefore = parts.length > 0 ? parts.join("\n").trimEnd() : null;
}

function findAlias(document: Document): boolean {
  let found = false;
  visit(document, {
    Node: (_, node) => {
      if (!isAlias(node)) return undefined;
      found = true;
      return visit.BREAK;
    },
  });
  return found;
}

function byKey(a: Pair, b: Pair): number {
  const [left, right] = [keyOf(a), keyOf(b)];
  const ranks = (RANK.get(left) ?? KEY_ORDER.length) - (RANK.get(right) ?? KEY_ORDER.length);
  if (ranks !== 0) return ranks;
  return left < right ? -1 : left > right ? 1 : 0;
}

function keyOf(pair: Pair): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key);
}
