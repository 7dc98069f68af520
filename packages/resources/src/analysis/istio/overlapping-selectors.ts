import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer, Report } from "../analyzer.ts";
import { isFields, labelsAt } from "../fields.ts";
import { formatSelector, push } from "../label-index.ts";
import type { MeshFacts, RunningThing } from "../mesh-facts.ts";

/** Of a kind that may hold for a workload only once. */
type Exclusive = {
  readonly kind: "Sidecar" | "Telemetry";
  readonly selectorAt: readonly string[];
  readonly overlap: "IST0110" | "IST0159";
};
const SIDECARS: Exclusive = {
  kind: "Sidecar",
  selectorAt: ["spec", "workloadSelector", "labels"],
  overlap: "IST0110",
};
const TELEMETRIES: Exclusive = {
  kind: "Telemetry",
  selectorAt: ["spec", "selector", "matchLabels"],
  overlap: "IST0159",
};

/** IST0101, 0110, 0111, 0167: Sidecars without workloads, two for one workload, and those of ambient mode. */
export const checkSidecarSelectors: Analyzer = (mesh, report) => {
  const inAmbient = new Set<AnalysisDocument>();
  const reportAmbient = (sidecar: AnalysisDocument, what: string) => {
    if (inAmbient.has(sidecar)) return;
    inAmbient.add(sidecar);
    report(sidecar, "IST0167", { why: `${what} in ambient mode: the Sidecar has no effect` });
  };
  const selected = collectSelected(mesh, SIDECARS, report);
  for (const [pod, sidecars] of selected) {
    if (!pod.isAmbient) reportOverlap(pod, sidecars, SIDECARS, report);
    else for (const one of sidecars) reportAmbient(one, "the workload it selects is");
  }
  for (const [namespace, sidecars] of withoutSelector(mesh, SIDECARS)) {
    const labels = mesh.find("Namespace", "", namespace)?.labels ?? {};
    const isAmbient =
      labels["istio.io/dataplane-mode"] === "ambient" &&
      labels["istio-injection"] !== "enabled" &&
      (labels["istio.io/rev"] ?? "") === "";
    if (isAmbient) for (const one of sidecars) reportAmbient(one, `namespace ${namespace} is`);
    else reportTwins(namespace, sidecars, "IST0111", report);
  }
};

/** IST0101, 0159: Telemetries without workloads, and two for one workload. */
export const checkTelemetrySelectors: Analyzer = (mesh, report) => {
  for (const [pod, telemetries] of collectSelected(mesh, TELEMETRIES, report)) {
    reportOverlap(pod, telemetries, TELEMETRIES, report);
  }
};

/** IST0160: two Telemetries for all of a namespace. */
export const checkTelemetryDefaults: Analyzer = (mesh, report) => {
  const byNamespace = new Map<string, AnalysisDocument[]>();
  for (const telemetry of mesh.of("Telemetry")) {
    if (!isFields(telemetry.spec["selector"])) push(byNamespace, telemetry.namespace, telemetry);
  }
  for (const [namespace, telemetries] of byNamespace) {
    reportTwins(namespace, telemetries, "IST0160", report);
  }
};

function collectSelected(mesh: MeshFacts, { kind, selectorAt }: Exclusive, report: Report) {
  const selected = new Map<RunningThing, AnalysisDocument[]>();
  for (const document of mesh.of(kind)) {
    const labels = labelsAt(document.wire, ...selectorAt);
    if (Object.keys(labels).length === 0) continue;
    const running = mesh.running.find(labels, document.namespace);
    for (const pod of running) push(selected, pod, document);
    if (running.length > 0 || !mesh.knowsWorkloads) continue;
    const why = `selector not found: no workload of ${document.namespace} has the labels ${formatSelector(labels)}`;
    report(document, "IST0101", { path: selectorAt, why });
  }
  return selected;
}

function withoutSelector(mesh: MeshFacts, { kind, selectorAt }: Exclusive) {
  const byNamespace = new Map<string, AnalysisDocument[]>();
  for (const document of mesh.of(kind)) {
    const isWide = Object.keys(labelsAt(document.wire, ...selectorAt)).length === 0;
    if (isWide) push(byNamespace, document.namespace, document);
  }
  return byNamespace;
}

/** Told once for each document, with the first workload it meets another at. */
function reportOverlap(
  pod: RunningThing,
  documents: readonly AnalysisDocument[],
  { kind, overlap }: Exclusive,
  report: Report,
): void {
  if (documents.length < 2) return;
  const names = listNames(documents);
  for (const document of documents) {
    const why = `${kind}s ${names} of namespace ${pod.namespace} select the same workload ${pod.name}`;
    report(document, overlap, { path: ["metadata", "name"], why });
  }
}

function reportTwins(
  namespace: string,
  documents: readonly AnalysisDocument[],
  code: "IST0111" | "IST0160",
  report: Report,
): void {
  if (documents.length < 2) return;
  const why = `${listNames(documents)} all hold for the whole of namespace ${namespace}`;
  for (const document of documents) report(document, code, { path: ["metadata", "name"], why });
}

/** Ten names at most: a message is not the place for a thousand. */
function listNames(documents: readonly AnalysisDocument[]): string {
  const names = documents.map(({ name }) => name).sort();
  const more = names.length > 10 ? ` and ${names.length - 10} more` : "";
  return `${names.slice(0, 10).join(", ")}${more}`;
}
