import { type Document, isScalar, parseAllDocuments, visit } from "yaml";
import { depthOf, MAX_ALIASES } from "./canonical-yaml.ts";
import type { Fault } from "./fault.ts";
import { expandList } from "./list-items.ts";
import type { PassedOver } from "./passed-over.ts";
import { type DocumentOutcome, type ParsedResource, readResource } from "./read-resource.ts";
import { repairAddresses } from "./repair-addresses.ts";
import { formatRef } from "./resource.ts";

const MAX_TEXT_BYTES = 1_048_576;
const MAX_DOCUMENTS = 1000;
const MAX_DEPTH = 32;
// The parser takes some 50 µs for each, and everybody waits meanwhile.
const MAX_MARKS = 50_000;
/** What begins or ends a value: of these, not of bytes, parsing costs time. A usual line has two. */
const MARK = /[\n,[\]{}]|[-?:](?=\s)/g;
const DOCUMENT_START = /^---(?=\s|$)/gm;
/** Anchors and tags in a row, which no value has; the parser's time grows with their square. */
const PROPERTY_TOWER = /(?<!\S)(?:[&!]\S*\s+){8}/;
const BRACKET_TOWER = /(?:[[{]\s{0,8}){64}/;

/** Either all documents, or every fault of every document. */
export type ParseOutcome =
  | {
      readonly ok: true;
      readonly resources: ParsedResource[];
      /** One sentence each, with the document's name; those of `passedOver` among them. */
      readonly warnings: string[];
      readonly passedOver: PassedOver[];
    }
  | { readonly ok: false; readonly faults: Fault[] };

/**
 * Parses a text of many YAML (or JSON) documents. Empty documents are passed over. Refused, besides
 * faults of the documents themselves: more than 1 MiB, 50 000 marks (some 25 000 lines), 1000 documents,
 * 32 levels or 32 aliases, and two documents of one kind and name, unless the last of them shall hold.
 */
export function parseResources(
  text: string,
  { twins = "refuse" }: { readonly twins?: "refuse" | "last" } = {},
): ParseOutcome {
  const documents = splitText(text);
  if (typeof documents === "string") return refuse("text", documents);
  const outcomes = documents.map((document, index) => parseDocument(document, index + 1));
  const faults = outcomes.flatMap((outcome) => outcome.faults);
  const resources = outcomes.flatMap((outcome) => outcome.parsed ?? []);
  const repeated = findTwins(resources);
  if (twins === "refuse") {
    const message = "is in the text more than once; give each document once";
    faults.push(...repeated.map((field) => ({ field, message })));
  }
  if (faults.length > 0) return { ok: false, faults };
  const last = new Map(resources.map((one) => [formatRef(one.resource), one]));
  return {
    ok: true,
    resources: [...last.values()],
    warnings: [
      ...outcomes.flatMap((outcome) => outcome.warnings),
      ...[...new Set(repeated)].map((ref) => `${ref}: is there more than once; the last one holds`),
    ],
    passedOver: outcomes.flatMap((outcome) => outcome.passedOver ?? []),
  };
}

/** How much there is to read in a text: marks, each of which takes some 50 µs. */
export function parsingCost(text: string): number {
  return countMatches(text, MARK);
}

/** The documents of a text, those that are empty left out; a sentence: why the text is not read at all. */
export function splitText(text: string): Document[] | string {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) {
    return `is longer than ${MAX_TEXT_BYTES} bytes; apply it in parts`;
  }
  if (parsingCost(text) > MAX_MARKS) {
    return "holds more than some 25000 lines or list items; apply it in parts";
  }
  const starts = countMatches(text, DOCUMENT_START);
  if (starts > MAX_DOCUMENTS + 1) return `holds ${starts} documents; at most ${MAX_DOCUMENTS}`;
  if (PROPERTY_TOWER.test(text)) return "holds a value with eight anchors or tags";
  // Bracket towers cost the parser seconds and its stack; they are turned away unread.
  const documents = BRACKET_TOWER.test(text) ? undefined : readDocuments(text);
  if (!documents) return `is nested too deep; at most ${MAX_DEPTH} levels`;
  if (documents.length <= MAX_DOCUMENTS) return documents;
  return `holds ${documents.length} documents; at most ${MAX_DOCUMENTS}`;
}

function readDocuments(text: string): Document[] | undefined {
  try {
    // The parser would compare each key with all others; findTwinKey does it in one go.
    const all = parseAllDocuments(text, { uniqueKeys: false });
    return Array.isArray(all)
      ? all
          .filter((document) => !isEmpty(document) || document.errors.length > 0)
          .flatMap(expandList)
      : [];
  } catch (error) {
    if (error instanceof RangeError) return undefined; // the parser recurses; thousands of brackets
    throw error;
  }
}

function isEmpty({ contents }: Document): boolean {
  return contents === null || (isScalar(contents) && contents.value === null);
}

function parseDocument(document: Document, number: number): DocumentOutcome {
  const plain = readPlain(document);
  if ("wire" in plain) return readResource(document, plain.wire, number);
  const { at, message } = plain;
  const where = at ? `, line ${at.line}, column ${at.column}` : "";
  return { faults: [{ field: `document ${number}${where}`, message }], warnings: [] };
}

/** A document's plain value, or why it has none and where. */
export function readPlain(
  document: Document,
):
  | { readonly wire: unknown }
  | { readonly message: string; readonly at?: { readonly line: number; readonly column: number } } {
  const [broken] = document.errors;
  if (broken) {
    const [at] = broken.linePos ?? [];
    const message = broken.message.split("\n")[0] ?? broken.message;
    return { message, ...(at ? { at: { line: at.line, column: at.col } } : {}) };
  }
  const twin = findTwinKey(document);
  if (twin !== undefined) {
    return { message: `holds the key ${JSON.stringify(twin)} twice in one map` };
  }
  const depth = depthOf(document);
  if (depth > MAX_DEPTH) {
    return { message: `is nested ${depth} levels deep; at most ${MAX_DEPTH}` };
  }
  repairAddresses(document);
  const wire = toPlain(document);
  if (wire !== undefined) return { wire };
  return { message: `holds more than ${MAX_ALIASES} aliases, or an alias without its anchor` };
}

function countMatches(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

function findTwinKey(document: Document): string | undefined {
  let twin: string | undefined;
  visit(document, {
    Map: (_, { items }) => {
      const keys = new Set<string>();
      for (const { key } of items) {
        const name = String(isScalar(key) ? key.value : key);
        if (keys.has(name)) {
          twin = name;
          return visit.BREAK;
        }
        keys.add(name);
      }
      return undefined;
    },
  });
  return twin;
}

function toPlain(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
  } catch (error) {
    if (error instanceof ReferenceError) return undefined; // yaml's own for too many or unknown aliases
    throw error;
  }
}

/** The name of each document that another of its kind and name goes before. */
function findTwins(resources: readonly ParsedResource[]): string[] {
  const seen = new Set<string>();
  return resources.flatMap(({ resource }) => {
    const ref = formatRef(resource);
    if (seen.has(ref)) return [ref];
    seen.add(ref);
    return [];
  });
}

function refuse(field: string, message: string): ParseOutcome {
  return { ok: false, faults: [{ field, message }] };
}
