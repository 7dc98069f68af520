import { formatPath } from "../fault.ts";
import { readSources, type SourceDocument } from "../read-sources.ts";
import { type AnalysisDocument, keyOf, toAnalysisDocument } from "./analysis-document.ts";
import { ANALYZERS } from "./analyzers.ts";
import { CODES, type Code } from "./codes.ts";
import type { Finding, Told } from "./finding.ts";
import { type LiveRegistry, MeshFacts } from "./mesh-facts.ts";
import { reportReading } from "./schema-findings.ts";
import { SEVERITIES, type Severity } from "./severity.ts";

/** A text to look at, by the name findings shall give it. */
export type AnalysisFile = { readonly name: string; readonly text: string };

export type AnalysisInput = {
  /** Findings are told of their documents. */
  readonly files: readonly AnalysisFile[];
  /** Documents around them; one of `files` takes the place of one of its kind and name here. */
  readonly around?: readonly SourceDocument[];
  /** Documents that are read already, and told of as `files` are, without a file's name. */
  readonly subjects?: readonly SourceDocument[];
  /** What runs; without it, Service, ServiceEntry and Pod documents say so. */
  readonly registry?: LiveRegistry | undefined;
  /** Of documents that name none; `default`. */
  readonly namespace?: string | undefined;
  /** For the dates of certificates. */
  readonly nowMs: number;
};

export type Analysis = {
  /** How many the files and subjects held. */
  readonly documents: number;
  /** Errors first, then by document, place and code: the same input gives the same list. */
  readonly findings: readonly Finding[];
};

/** Looks for mistakes in documents, as Istio's own analysis does and with Heddle's own codes. Pure. */
export function analyze(input: AnalysisInput): Analysis {
  const steps = analyzeInSteps(input);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same with a pause after each part, for those who have other things to do in between. */
export function* analyzeInSteps(input: AnalysisInput): Generator<void, Analysis> {
  const findings = new Map<string, Finding>();
  const documents = readAll(input, (finding) => findings.set(identityOf(finding), finding));
  const report = (document: AnalysisDocument, code: Code, told: Told) => {
    if (!document.source || isSuppressed(document, code)) return;
    const finding = toFinding(document, code, told);
    findings.set(identityOf(finding), finding);
  };
  yield;
  const last = new Map<string, AnalysisDocument>();
  for (const document of documents) {
    const key = `${document.type} ${keyOf(document)}`;
    if (last.get(key)?.source && document.source) {
      const where = last.get(key)?.file;
      const why = `it is there already${where === undefined ? "" : `, in ${where}`}; this one holds`;
      report(document, "HDL029", { why, path: ["metadata", "name"] });
    }
    last.set(key, document);
  }
  const effective = [...last.values()];
  for (const document of effective) reportReading(document, report);
  yield;
  const mesh = new MeshFacts(effective, { registry: input.registry, nowMs: input.nowMs });
  for (const analyzer of ANALYZERS) {
    yield;
    analyzer(mesh, report);
  }
  return {
    documents: documents.filter(({ source }) => source !== undefined).length,
    findings: withoutEchoes([...findings.values()]).sort(compareFindings),
  };
}

/** What is around comes first, so that files take its place. */
function readAll(
  { files, around = [], subjects = [], namespace = "default" }: AnalysisInput,
  onUnreadable: (finding: Finding) => void,
): AnalysisDocument[] {
  const take = (source: SourceDocument, file: string | undefined, isSubject: boolean) =>
    toAnalysisDocument(source, { file, defaultNamespace: namespace, isSubject });
  const read = files.flatMap(({ name, text }) => {
    const { documents, unreadable } = readSources(text);
    for (const { message, at } of unreadable) onUnreadable(toUnreadable(name, message, at));
    return documents.flatMap((source, index) => {
      const document = take(source, name, true);
      if (document) return document;
      const faults = source.faults.map(({ field, message }) => `${field} ${message}`.trim());
      const why = `document ${index + 1} has no kind or no name (${faults.join("; ")})`;
      onUnreadable(toUnreadable(name, why, source.locate([]) ?? { line: 1, column: 1 }));
      return [];
    });
  });
  const all = [
    ...around.flatMap((source) => take(source, undefined, false) ?? []),
    ...subjects.flatMap((source) => take(source, undefined, true) ?? []),
    ...read,
  ];
  return all.filter(({ kind, namespace, name }) => {
    return !SYSTEM_NAMESPACES.has(kind === "Namespace" ? name : namespace);
  });
}

/** Kubernetes' own: nothing of a mesh is in them, and Istio's analysis passes them over. */
const SYSTEM_NAMESPACES = new Set([
  "kube-system",
  "kube-public",
  "kube-node-lease",
  "local-path-storage",
]);

/** A document may say itself which codes it does not want to hear: by commas, `*` for all. */
function isSuppressed({ annotations }: AnalysisDocument, code: Code): boolean {
  return SUPPRESSIONS.some((name) => {
    const codes = (annotations[name] ?? "").split(",").map((one) => one.trim());
    return codes.includes(code) || codes.includes("*");
  });
}
const SUPPRESSIONS = ["heddle.dev/analyze-suppress", "galley.istio.io/analyze-suppress"];

/** A note about a field says less than a finding about the very same place: that one is told alone. */
function withoutEchoes(findings: readonly Finding[]): Finding[] {
  const placeOf = ({ file = "", resource, path = "" }: Finding) => `${file} ${resource} ${path}`;
  const told = new Set(findings.filter(({ code }) => code !== "HDL028").map(placeOf));
  return findings.filter((one) => one.code !== "HDL028" || !told.has(placeOf(one)));
}

function toUnreadable(
  file: string,
  message: string,
  { line, column }: { readonly line: number; readonly column: number },
): Finding {
  const { name, severity, todo } = CODES.HDL030;
  const subject = { kind: "File", name: file };
  return {
    ...{ code: "HDL030", name, severity, subject, resource: `File ${file}` },
    ...{ file, line, column, why: message, whatToDo: todo },
  };
}

function toFinding(document: AnalysisDocument, code: Code, told: Told): Finding {
  const { kind, namespace, name, title, file, locate } = document;
  const { path = [], why, whatToDo, fix } = told;
  const meaning = CODES[code];
  const at = locate(path);
  return {
    code,
    name: meaning.name,
    severity: meaning.severity,
    subject: { kind, ...(namespace === "" ? {} : { namespace }), name },
    resource: title,
    ...(file === undefined ? {} : { file }),
    ...(at === undefined ? {} : { line: at.line, column: at.column }),
    ...(path.length === 0 ? {} : { path: formatPath(path) }),
    why,
    whatToDo: whatToDo ?? meaning.todo,
    ...(fix === undefined ? {} : { fix }),
  };
}

/** Two analyzers may come to the same; it is told once. */
function identityOf({
  code,
  resource,
  file = "",
  subject,
  path = "",
  why,
  line = 0,
}: Finding): string {
  return [code, resource, subject.namespace ?? "", file, line, path, why].join("\n");
}

function compareFindings(one: Finding, other: Finding): number {
  return (
    SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity) ||
    compareTexts(one.file ?? "", other.file ?? "") ||
    compareTexts(one.resource, other.resource) ||
    (one.line ?? 0) - (other.line ?? 0) ||
    compareTexts(one.code, other.code) ||
    compareTexts(`${one.path ?? ""} ${one.why}`, `${other.path ?? ""} ${other.why}`)
  );
}

const compareTexts = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);

/** How many there are of each severity. */
export function countFindings(findings: readonly Finding[]): Record<Severity, number> {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const { severity } of findings) counts[severity]++;
  return counts;
}
