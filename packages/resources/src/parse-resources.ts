import { type Document, isScalar, parseAllDocuments, visit } from "yaml";
import { z } from "zod";
import { canonicalYaml, depthOf, MAX_ALIASES } from "./canonical-yaml.ts";
import { type Fault, faultsOf, formatPath } from "./fault.ts";
import { DestinationRuleSchema } from "./kinds/destination-rule.ts";
import { PeerAuthenticationSchema } from "./kinds/peer-authentication.ts";
import {
  VirtualServiceSchema,
  type VirtualServiceWire,
  warnOfVirtualService,
} from "./kinds/virtual-service.ts";
import { WorkloadEntrySchema } from "./kinds/workload-entry.ts";
import { formatRef, type Resource, type ResourceKindName } from "./resource.ts";

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

/** One document: what it means, and how it is kept and shown. */
export type ParsedResource = { readonly resource: Resource; readonly yaml: string };

/** A document of a kind that Heddle does not serve: read, warned about, not kept. */
export type PassedOver = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** What it means that Heddle passes it over. */
  readonly reason: string;
};

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
 * 32 levels or 32 aliases, and two documents of one kind and name.
 */
export function parseResources(text: string): ParseOutcome {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) {
    return refuse("text", `is longer than ${MAX_TEXT_BYTES} bytes; apply it in parts`);
  }
  if (countMatches(text, MARK) > MAX_MARKS) {
    return refuse("text", "holds more than some 25000 lines or list items; apply it in parts");
  }
  const starts = countMatches(text, DOCUMENT_START);
  if (starts > MAX_DOCUMENTS + 1) {
    return refuse("text", `holds ${starts} documents; at most ${MAX_DOCUMENTS}`);
  }
  if (PROPERTY_TOWER.test(text)) return refuse("text", "holds a value with eight anchors or tags");
  // Bracket towers cost the parser seconds and its stack; they are turned away unread.
  const documents = BRACKET_TOWER.test(text) ? undefined : readDocuments(text);
  if (!documents) return refuse("text", `is nested too deep; at most ${MAX_DEPTH} levels`);
  if (documents.length > MAX_DOCUMENTS) {
    return refuse("text", `holds ${documents.length} documents; at most ${MAX_DOCUMENTS}`);
  }
  const outcomes = documents.map((document, index) => parseDocument(document, index + 1));
  const faults = outcomes.flatMap((outcome) => outcome.faults);
  const resources = outcomes.flatMap((outcome) => outcome.parsed ?? []);
  faults.push(...findTwins(resources));
  if (faults.length > 0) return { ok: false, faults };
  return {
    ok: true,
    resources,
    warnings: outcomes.flatMap((outcome) => outcome.warnings),
    passedOver: [],
  };
}

type DocumentOutcome = { parsed?: ParsedResource; faults: Fault[]; warnings: string[] };

function readDocuments(text: string): Document[] | undefined {
  try {
    // The parser would compare each key with all others; findTwinKey does it in one go.
    const all = parseAllDocuments(text, { uniqueKeys: false });
    return Array.isArray(all)
      ? all.filter((document) => document.contents !== null || document.errors.length > 0)
      : [];
  } catch (error) {
    if (error instanceof RangeError) return undefined; // the parser recurses; thousands of brackets
    throw error;
  }
}

function parseDocument(document: Document, number: number): DocumentOutcome {
  const [broken] = document.errors;
  if (broken) {
    const [at] = broken.linePos ?? [];
    const where = at ? `, line ${at.line}, column ${at.col}` : "";
    const message = broken.message.split("\n")[0] ?? broken.message;
    return { faults: [{ field: `document ${number}${where}`, message }], warnings: [] };
  }
  const twin = findTwinKey(document);
  if (twin !== undefined) {
    const message = `holds the key ${JSON.stringify(twin)} twice in one map`;
    return { faults: [{ field: `document ${number}`, message }], warnings: [] };
  }
  const depth = depthOf(document);
  if (depth > MAX_DEPTH) {
    const message = `is nested ${depth} levels deep; at most ${MAX_DEPTH}`;
    return { faults: [{ field: `document ${number}`, message }], warnings: [] };
  }
  const wire = toPlain(document);
  if (wire === undefined) {
    const message = `holds more than ${MAX_ALIASES} aliases, or an alias without its anchor`;
    return { faults: [{ field: `document ${number}`, message }], warnings: [] };
  }
  return readResource(document, wire, number);
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

function readResource(document: Document, wire: unknown, number: number): DocumentOutcome {
  const header = Header.safeParse(wire);
  const title = titleOf(wire, number);
  const where = (path: readonly PropertyKey[]) =>
    path.length === 0 ? title : `${title}: ${formatPath(path)}`;
  if (!header.success) return { faults: faultsOf(header.error, wire, where), warnings: [] };
  const { apiVersion, kind } = header.data;
  const { group, versions, schema } = KINDS[kind];
  const allowed = versions.map((version) => `${group}/${version}`);
  const faults: Fault[] = [];
  if (!allowed.includes(apiVersion)) {
    const message = `is ${JSON.stringify(apiVersion)}; expected ${allowed.join(" or ")}`;
    faults.push({ field: where(["apiVersion"]), message });
  }
  const parsed = schema.safeParse(wire);
  if (!parsed.success) faults.push(...faultsOf(parsed.error, wire, where));
  if (!parsed.success || faults.length > 0) return { faults, warnings: [] };
  const resource = parsed.data;
  const yaml = canonicalYaml(document, resource.namespace);
  return { parsed: { resource, yaml }, faults, warnings: warnOf(resource, wire) };
}

function warnOf(resource: Resource, wire: unknown): string[] {
  if (resource.kind !== "VirtualService") return [];
  // its schema has just taken this very value
  const warnings = warnOfVirtualService(wire as VirtualServiceWire);
  return warnings.map((warning) => `${formatRef(resource)}: ${warning}`);
}

const Header = z.object({
  apiVersion: z.string(),
  kind: z.string().refine((kind): kind is keyof typeof KINDS => Object.hasOwn(KINDS, kind), {
    error: "is no kind that Heddle serves",
  }),
});

const NETWORKING = {
  group: "networking.istio.io",
  versions: ["v1", "v1beta1", "v1alpha3"],
} as const;
const KINDS = {
  VirtualService: { ...NETWORKING, schema: VirtualServiceSchema },
  DestinationRule: { ...NETWORKING, schema: DestinationRuleSchema },
  WorkloadEntry: { ...NETWORKING, schema: WorkloadEntrySchema },
  PeerAuthentication: {
    group: "security.istio.io",
    versions: ["v1", "v1beta1"],
    schema: PeerAuthenticationSchema,
  },
} satisfies Partial<
  Record<
    ResourceKindName,
    { group: string; versions: readonly string[]; schema: z.ZodType<Resource> }
  >
>;

function titleOf(wire: unknown, number: number): string {
  const named = Named.safeParse(wire);
  if (!named.success) return `document ${number}`;
  const { kind, metadata } = named.data;
  return `document ${number} (${kind} ${metadata.namespace ?? "default"}/${metadata.name})`;
}
const Named = z.object({
  kind: z.string().max(100),
  metadata: z.object({ name: z.string().max(300), namespace: z.string().max(300).optional() }),
});

function findTwins(resources: readonly ParsedResource[]): Fault[] {
  const seen = new Set<string>();
  return resources.flatMap(({ resource }): Fault[] => {
    const ref = formatRef(resource);
    if (!seen.has(ref)) {
      seen.add(ref);
      return [];
    }
    return [{ field: ref, message: "is in the text more than once; give each document once" }];
  });
}

function refuse(field: string, message: string): ParseOutcome {
  return { ok: false, faults: [{ field, message }] };
}
