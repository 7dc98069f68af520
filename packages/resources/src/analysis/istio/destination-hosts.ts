import { type AnalysisDocument, keyOf } from "../analysis-document.ts";
import type { Analyzer, Report } from "../analyzer.ts";
import { mirrorDestinations, routeDestinations, type WrittenDestination } from "../destinations.ts";
import { isFields, listAt, numberAt, textAt, textsAt } from "../fields.ts";
import type { KnownHost } from "../host-index.ts";
import { push } from "../label-index.ts";
import type { MeshFacts } from "../mesh-facts.ts";

/** IST0101, 0112, 0140: routes to hosts and ports that do not exist, or past the subsets of others. */
export const checkDestinationHosts: Analyzer = (mesh, report) => {
  const withSubsets = collectSubsetRoutes(mesh);
  for (const document of mesh.of("VirtualService")) {
    const targets = [...routeDestinations(document), ...mirrorDestinations(document)];
    if (mesh.knowsHosts) for (const target of targets) checkTarget(document, target, mesh, report);
    checkIngress(document, withSubsets, report);
  }
};

function checkTarget(
  document: AnalysisDocument,
  target: WrittenDestination,
  mesh: MeshFacts,
  report: Report,
): void {
  const { namespace, spec } = document;
  const host = textAt(target.destination, "host");
  const known = mesh.hosts.find(namespace, textsAt(spec, "exportTo"), host);
  if (known) {
    checkPort(document, target, known, report);
    return;
  }
  const hidden = mesh.hosts.hiddenFrom(namespace, host);
  const why = hidden
    ? `${target.isMirror ? "mirror host" : "host"} not found: ${JSON.stringify(host)} is shown to ${hidden.join(", ")} only (exportTo)`
    : `${target.isMirror ? "mirror host" : "host"} not found: ${JSON.stringify(host)}`;
  report(document, "IST0101", { path: [...target.path, "host"], why });
}

function checkPort(
  document: AnalysisDocument,
  { destination, path }: WrittenDestination,
  { ports, document: declaring }: KnownHost,
  report: Report,
): void {
  const host = textAt(destination, "host");
  if (!isFields(destination["port"])) {
    // Without a document the ports are those of its instances, one each as a rule: the proxies take the one that fits.
    if (ports.length < 2 || declaring === undefined) return;
    const why = `it routes to ${host}, which has the ports ${ports.join(", ")}, and names none`;
    report(document, "IST0112", { path: [...path, "host"], why });
    return;
  }
  const number = numberAt(destination, "port", "number");
  if (number !== undefined && ports.includes(number)) return;
  const why = `host:port not found: "${host}:${number ?? 0}"; it has ${ports.length === 0 ? "no ports" : `the ports ${ports.join(", ")}`}`;
  report(document, "IST0101", { path: [...path, "port", "number"], why });
}

/** By host, the VirtualServices of that very host that send to subsets of it. */
function collectSubsetRoutes(mesh: MeshFacts): ReadonlyMap<string, AnalysisDocument[]> {
  const found = new Map<string, AnalysisDocument[]>();
  for (const document of mesh.of("VirtualService")) {
    const hosts = new Set(textsAt(document.spec, "hosts"));
    const named = new Set<string>();
    for (const { destination, path } of routeDestinations(document)) {
      const host = textAt(destination, "host");
      if (path[1] !== "http" || textAt(destination, "subset") === "" || !hosts.has(host)) continue;
      named.add(host);
    }
    for (const host of named) push(found, host, document);
  }
  return found;
}

function checkIngress(
  document: AnalysisDocument,
  withSubsets: ReadonlyMap<string, readonly AnalysisDocument[]>,
  report: Report,
): void {
  if (listAt(document.spec, "gateways").length === 0) return;
  for (const { destination, path } of routeDestinations(document)) {
    if (path[1] !== "http" || textAt(destination, "subset") !== "") continue;
    const host = textAt(destination, "host");
    for (const other of withSubsets.get(host) ?? []) {
      const why = `the subsets that ${keyOf(other)} routes ${host} to have no effect on requests of its gateways`;
      report(document, "IST0140", { path: [...path, "host"], why });
    }
  }
}
