import { type Document, isAlias, isCollection, isMap, isNode, isScalar } from "yaml";
import { formatPath } from "./fault.ts";
import { readPlain, splitText } from "./parse-resources.ts";
import { interpret } from "./read-resource.ts";
import type { Resource } from "./resource.ts";

/** A place in a text, both counted from 1. */
export type TextPlace = { readonly line: number; readonly column: number };

/** A fault or note about one field of a document; `path` empty: the document as a whole. */
export type SourceNote = { readonly path: readonly PropertyKey[]; readonly message: string };

/** One document of a text as it is written, whatever its kind, and what Heddle makes of it. */
export type SourceDocument = {
  /** Its plain value. */
  readonly wire: unknown;
  /** `undefined`: of a kind that is not served, or faulty. */
  readonly resource: Resource | undefined;
  /** Why it would be refused, the field's path before each sentence. */
  readonly faults: readonly { readonly field: string; readonly message: string }[];
  /** Fields that are taken and do nothing, or may surprise. */
  readonly notes: readonly SourceNote[];
  /** Why a document of this kind is passed over; `undefined`: it is not. */
  readonly passedOver: string | undefined;
  /** Where the field stands, or the nearest thing around it that is there. */
  readonly locate: (path: readonly PropertyKey[]) => TextPlace | undefined;
};

/** What of a text cannot be read as documents at all. */
export type UnreadablePart = { readonly message: string; readonly at: TextPlace };

/**
 * Reads every document of a text for itself, those of other systems too: a faulty one does not hide the
 * others. The limits are those of `parseResources`.
 */
export function readSources(text: string): {
  readonly documents: SourceDocument[];
  readonly unreadable: UnreadablePart[];
} {
  const parts = splitText(text);
  const start = { line: 1, column: 1 };
  if (typeof parts === "string")
    return { documents: [], unreadable: [{ message: parts, at: start }] };
  const lines = lineStarts(text);
  const documents: SourceDocument[] = [];
  const unreadable: UnreadablePart[] = [];
  for (const part of parts) {
    const plain = readPlain(part);
    const place = placeOf(part, lines);
    if ("wire" in plain) documents.push(toSource(part, plain.wire, lines));
    else unreadable.push({ message: plain.message, at: plain.at ?? place ?? start });
  }
  return { documents, unreadable };
}

function toSource(document: Document, wire: unknown, lines: readonly number[]): SourceDocument {
  const meaning = interpret(wire, formatPath);
  const locate = (path: readonly PropertyKey[]) => locateIn(document, path, lines);
  if ("resource" in meaning) {
    const { resource, notes } = meaning;
    return { wire, resource, faults: [], notes, passedOver: undefined, locate };
  }
  const { faults, passedOver } = meaning;
  return { wire, resource: undefined, faults, notes: [], passedOver: passedOver?.reason, locate };
}

function placeOf({ contents }: Document, lines: readonly number[]): TextPlace | undefined {
  return isNode(contents) && contents.range ? toPlace(contents.range[0], lines) : undefined;
}

/** Goes down the path as far as the document does; a field's place is that of its key. */
function locateIn(
  document: Document,
  path: readonly PropertyKey[],
  lines: readonly number[],
): TextPlace | undefined {
  let at: unknown = document.contents;
  let offset = isNode(at) ? at.range?.[0] : undefined;
  for (const step of path) {
    if (isAlias(at)) at = at.resolve(document);
    if (!isCollection(at)) break;
    if (isMap(at)) {
      const pair = at.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (!pair) break;
      offset = (isNode(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
      at = pair.value;
    } else {
      const item = at.items[Number(step)];
      if (item === undefined) break;
      offset = (isNode(item) ? item.range?.[0] : undefined) ?? offset;
      at = item;
    }
  }
  return offset === undefined ? undefined : toPlace(offset, lines);
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function toPlace(offset: number, lines: readonly number[]): TextPlace {
  let [low, high] = [0, lines.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lines[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (lines[low] ?? 0) + 1 };
}
