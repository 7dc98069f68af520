import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer, Report } from "../analyzer.ts";
import { fieldsAt, labelsAt, listAt, numberAt, scalarText, textAt, valueAt } from "../fields.ts";
import { carriesAll, push } from "../label-index.ts";
import type { MeshFacts } from "../mesh-facts.ts";

const SIDECAR_UID = 1337;
const SIDECARS = new Set(["istio-proxy", "istio-operator"]);

/** IST0116, 0137: Services of one Deployment that disagree about a port. */
export const checkServicesOfDeployments: Analyzer = (mesh, report) => {
  for (const deployment of mesh.of("Deployment")) {
    const { namespace, labels, spec } = deployment;
    if (labels["gateway.istio.io/managed"] === "istio.io-mesh-controller") continue;
    const template = fieldsAt(spec, "template");
    if (!mesh.hasSidecar(namespace, template["metadata"], template["spec"])) continue;
    const podLabels = labelsAt(template, "metadata", "labels");
    const services = servicesFor(mesh, namespace, podLabels);
    reportProtocols(deployment, services, report);
    reportTargetPorts(deployment, services, report);
  }
};

function servicesFor(
  mesh: MeshFacts,
  namespace: string,
  podLabels: Readonly<Record<string, string>>,
): readonly AnalysisDocument[] {
  return mesh.services.filter((service) => {
    const selector = labelsAt(service.spec, "selector");
    return (
      service.namespace === namespace &&
      Object.keys(selector).length > 0 &&
      carriesAll(podLabels, selector)
    );
  });
}

function reportProtocols(
  deployment: AnalysisDocument,
  services: readonly AnalysisDocument[],
  report: Report,
): void {
  const byPort = new Map<number, Map<string, string[]>>();
  for (const service of services) {
    for (const port of listAt(service.spec, "ports")) {
      const number = numberAt(port, "port") ?? 0;
      const protocols = byPort.get(number) ?? new Map<string, string[]>();
      byPort.set(number, protocols);
      push(protocols, textAt(port, "protocol") || "TCP", service.name);
    }
  }
  for (const [number, protocols] of byPort) {
    if (protocols.size < 2) continue;
    const names = [...protocols.values()].flat().sort().join(", ");
    const spoken = [...protocols.keys()].sort().join(" and ");
    const why = `its services ${names} use port ${number} with ${spoken}`;
    report(deployment, "IST0116", { path: ["metadata", "name"], why });
  }
}

function reportTargetPorts(
  deployment: AnalysisDocument,
  services: readonly AnalysisDocument[],
  report: Report,
): void {
  const byTarget = new Map<string, Map<number, string>>();
  for (const service of services) {
    for (const port of listAt(service.spec, "ports")) {
      const number = numberAt(port, "port") ?? 0;
      const written = scalarText(valueAt(port, "targetPort"));
      const target = written === "" || written === "0" ? String(number) : written;
      const ports = byTarget.get(target) ?? new Map<number, string>();
      byTarget.set(target, ports);
      ports.set(number, service.name);
    }
  }
  for (const [target, ports] of byTarget) {
    if (ports.size < 2) continue;
    const names = [...new Set(ports.values())].sort().join(", ");
    const numbers = [...ports.keys()].sort((a, b) => a - b).join(", ");
    const why = `its services ${names} lead to target port ${target} from different ports: ${numbers}`;
    report(deployment, "IST0137", { path: ["metadata", "name"], why });
  }
}

/** IST0144: applications that run as the sidecar's user. */
export const checkApplicationUid: Analyzer = (mesh, report) => {
  for (const [kind, at] of [
    ["Pod", ["spec"]],
    ["Deployment", ["spec", "template", "spec"]],
  ] as const) {
    for (const document of mesh.of(kind)) {
      if (isOfIstio(document)) continue;
      const pod = fieldsAt(document.wire, ...at);
      if (numberAt(pod, "securityContext", "runAsUser") === SIDECAR_UID) {
        const path = [...at, "securityContext", "runAsUser"];
        report(document, "IST0144", { path, why: "all of it runs as user 1337, the sidecar's" });
      }
      listAt(pod, "containers").forEach((container, index) => {
        const name = textAt(container, "name");
        if (SIDECARS.has(name)) return;
        if (numberAt(container, "securityContext", "runAsUser") !== SIDECAR_UID) return;
        const path = [...at, "containers", index, "securityContext", "runAsUser"];
        report(document, "IST0144", {
          path,
          why: `container ${name} runs as user 1337, the sidecar's`,
        });
      });
    }
  }
};

/** Part of Istio's own installation. */
export function isOfIstio({ labels }: AnalysisDocument): boolean {
  return labels["istio"] !== undefined || labels["release"] === "istio";
}
