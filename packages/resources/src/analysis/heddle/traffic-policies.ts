import { parseServiceHost } from "../../service-host.ts";
import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer, Report } from "../analyzer.ts";
import {
  type Fields,
  fieldsAt,
  fieldsOf,
  isFields,
  labelsAt,
  listAt,
  numberAt,
  textAt,
} from "../fields.ts";
import type { MeshFacts } from "../mesh-facts.ts";

type Level = {
  readonly policy: Fields;
  readonly path: readonly (string | number)[];
  /** Of the subset it is for. */
  readonly labels: Readonly<Record<string, string>>;
  readonly isOfPort: boolean;
};

/** HDL006, 007, 012, 013, 014, 020: what a DestinationRule asks of calls, and what becomes of it. */
export const checkTrafficPolicies: Analyzer = (mesh, report) => {
  for (const rule of mesh.of("DestinationRule")) {
    for (const level of levelsOf(rule)) {
      checkTls(rule, level, mesh, report);
      checkSticky(rule, level, mesh, report);
      checkEjection(rule, level, report);
      checkLimits(rule, level, report);
      checkPorts(rule, level, report);
    }
  }
};

const BLOCKS = ["loadBalancer", "connectionPool", "outlierDetection", "tls"];

function levelsOf({ spec }: AnalysisDocument): Level[] {
  const own = (
    policy: unknown,
    path: readonly (string | number)[],
    labels: Level["labels"],
  ): Level[] => {
    if (!isFields(policy)) return [];
    const ports = listAt(policy, "portLevelSettings").map((one, index) => ({
      ...{ policy: fieldsOf(one), path: [...path, "portLevelSettings", index] },
      ...{ labels, isOfPort: true },
    }));
    return [{ policy, path, labels, isOfPort: false }, ...ports];
  };
  const subsets = listAt(spec, "subsets").flatMap((subset, index) => {
    const path = ["spec", "subsets", index, "trafficPolicy"];
    return own(fieldsOf(subset)["trafficPolicy"], path, labelsAt(subset, "labels"));
  });
  return [...own(spec["trafficPolicy"], ["spec", "trafficPolicy"], {}), ...subsets];
}

function calledService({ namespace, spec }: AnalysisDocument) {
  const host = textAt(spec, "host");
  return host.startsWith("*") ? undefined : parseServiceHost(host, namespace);
}

function checkTls(
  rule: AnalysisDocument,
  { policy, path, labels }: Level,
  mesh: MeshFacts,
  report: Report,
): void {
  const { tls } = policy;
  if (!isFields(tls)) return;
  const at = [...path, "tls"];
  const written = textAt(tls, "mode");
  if (written === "") {
    report(rule, "HDL007", { path: at, why: "tls has no mode, which is DISABLE: plaintext" });
  }
  const service = calledService(rule);
  if (!service) return;
  const wanted = { app: service.name, ...labels };
  const called = mesh.running.find(wanted, service.namespace);
  const modes = new Set(
    (called.length > 0 ? called.map((one) => one.labels) : [wanted]).map((one) =>
      mesh.mtlsModeOf(service.namespace, one),
    ),
  );
  const mode = written || "DISABLE";
  for (const server of modes) {
    const trap = trapOf(mode, server);
    if (trap === undefined) continue;
    const why = `tls mode ${mode}, but ${service.namespace}/${service.name} is ${trap}`;
    report(rule, "HDL006", { path: [...at, "mode"], why });
  }
}

/** Why callers in this mode are not understood; `undefined`: they are. */
function trapOf(client: string, server: string): string | undefined {
  if (client === "DISABLE" && server === "STRICT") return "STRICT, and refuses plaintext";
  if (client === "ISTIO_MUTUAL" && server === "DISABLE") return "DISABLE: its sidecar ends no TLS";
  if ((client === "SIMPLE" || client === "MUTUAL") && server === "STRICT") {
    return "STRICT, and refuses TLS without a certificate of the mesh";
  }
  return undefined;
}

function checkSticky(
  rule: AnalysisDocument,
  { policy, path, labels }: Level,
  mesh: MeshFacts,
  report: Report,
): void {
  if (!isFields(fieldsAt(policy, "loadBalancer")["consistentHash"]) || !mesh.knowsWorkloads) return;
  const service = calledService(rule);
  if (!service) return;
  const wanted = { app: service.name, ...labels };
  const endpoints = mesh.registry
    ? mesh.registry.workloads
        .filter((one) => one.namespace === service.namespace)
        .filter((one) =>
          Object.entries(wanted).every(([name, value]) => one.labels[name] === value),
        )
        .reduce((sum, one) => sum + one.endpoints, 0)
    : mesh.running.find(wanted, service.namespace).length;
  if (endpoints !== 1) return; // none: said by others
  const why = `consistentHash, and ${service.namespace}/${service.name} has one endpoint`;
  report(rule, "HDL012", { path: [...path, "loadBalancer", "consistentHash"], why });
}

function checkEjection(rule: AnalysisDocument, { policy, path }: Level, report: Report): void {
  const percent = numberAt(policy, "outlierDetection", "maxEjectionPercent");
  if (percent !== 100) return;
  const why =
    "maxEjectionPercent is 100: all endpoints may be ejected at once, and every request gets 503";
  report(rule, "HDL013", { path: [...path, "outlierDetection", "maxEjectionPercent"], why });
}

const LIMITS = [
  ["tcp", "maxConnections"],
  ["http", "http1MaxPendingRequests"],
  ["http", "http2MaxRequests"],
] as const;

function checkLimits(rule: AnalysisDocument, { policy, path }: Level, report: Report): void {
  for (const [block, field] of LIMITS) {
    if (numberAt(policy, "connectionPool", block, field) !== 1) continue;
    const why = `${field} is 1: of requests that come at the same time one alone is let through`;
    report(rule, "HDL014", { path: [...path, "connectionPool", block, field], why });
  }
}

function checkPorts(
  rule: AnalysisDocument,
  { policy, path, isOfPort }: Level,
  report: Report,
): void {
  const above = BLOCKS.filter((block) => isFields(policy[block]));
  if (isOfPort || above.length === 0) return;
  listAt(policy, "portLevelSettings").forEach((settings, index) => {
    const lost = above.filter((block) => !isFields(fieldsOf(settings)[block]));
    if (lost.length === 0) return;
    const why = `for port ${numberAt(settings, "port", "number") ?? 0} the rule's ${lost.join(", ")} do not hold: its own settings take their place`;
    report(rule, "HDL020", { path: [...path, "portLevelSettings", index], why });
  });
}
