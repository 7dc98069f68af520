import type { AnalysisDocument } from "../analysis-document.ts";
import { keyOf } from "../analysis-document.ts";
import type { Analyzer, Report } from "../analyzer.ts";
import { isFields, labelsAt, listAt, numberAt, textAt, textsAt, valueAt } from "../fields.ts";
import { carriesAll, formatSelector, push } from "../label-index.ts";
import type { MeshFacts } from "../mesh-facts.ts";

type Labels = Readonly<Record<string, string>>;

const selectorOf = ({ spec }: AnalysisDocument): Labels => labelsAt(spec, "selector");

function reportSelector(gateway: AnalysisDocument, report: Report): void {
  const why = `selector not found: no workload has the labels ${formatSelector(selectorOf(gateway))}`;
  report(gateway, "IST0101", { path: ["spec", "selector"], why });
}

/** IST0101, 0162: gateways without workloads, or on ports that no Service of theirs has. */
export const checkGatewayPorts: Analyzer = (mesh, report) => {
  const servicesByNamespace = new Map<string, AnalysisDocument[]>();
  for (const service of mesh.services) push(servicesByNamespace, service.namespace, service);
  for (const gateway of mesh.of("Gateway")) {
    const pods = mesh.running.find(selectorOf(gateway), undefined);
    if (pods.length === 0) {
      reportSelector(gateway, report);
      continue;
    }
    const open = new Set<number>();
    for (const { namespace, labels } of pods) {
      for (const { spec } of servicesByNamespace.get(namespace) ?? []) {
        if (carriesAll(labels, labelsAt(spec, "selector"))) openPorts(spec, open);
      }
    }
    listAt(gateway.spec, "servers").forEach((server, index) => {
      if (!isFields(valueAt(server, "port"))) return;
      const number = numberAt(server, "port", "number") ?? 0;
      if (open.has(number)) return;
      const why = `it listens on port ${number}, which no Service of its workloads (${formatSelector(selectorOf(gateway))}) has`;
      report(gateway, "IST0162", { path: ["spec", "servers", index, "port", "number"], why });
    });
  }
};

/** A gateway may name the port of the Service or the one it leads to. */
function openPorts(spec: unknown, open: Set<number>): void {
  for (const port of listAt(spec, "ports")) {
    if (textAt(port, "protocol") !== "TCP") continue; // as written: a cluster always writes it
    const [number, target] = [numberAt(port, "port"), numberAt(port, "targetPort")];
    if (number !== undefined) open.add(number);
    if (target !== undefined) open.add(target);
  }
}

/** IST0138: gateways of the same workloads with one certificate. */
export const checkGatewayCertificates: Analyzer = (mesh, report) => {
  // Only gateways with a certificate in common are compared with each other.
  const byCertificate = new Map<string, { gateway: AnalysisDocument; index: number }[]>();
  for (const gateway of mesh.of("Gateway")) {
    listAt(gateway.spec, "servers").forEach((server, index) => {
      const certificate = certificateOf(server);
      if (certificate !== undefined) push(byCertificate, certificate, { gateway, index });
    });
  }
  for (const users of byCertificate.values()) {
    for (const { gateway, index } of users) {
      const selector = selectorOf(gateway);
      for (const other of new Set(users.map((user) => user.gateway))) {
        if (other === gateway || !carriesAll(selectorOf(other), selector)) continue;
        const why = `it and Gateway ${keyOf(other)} use one certificate for the same workloads`;
        report(gateway, "IST0138", { path: ["spec", "servers", index, "tls"], why });
      }
    }
  }
};

function certificateOf(server: unknown): string | undefined {
  const credential = textAt(server, "tls", "credentialName");
  if (credential !== "") return `secret ${credential}`;
  const certificate = textAt(server, "tls", "serverCertificate");
  const key = textAt(server, "tls", "privateKey");
  return certificate === "" || key === "" ? undefined : `files ${certificate} ${key}`;
}

/** IST0145: gateways of the same workloads that serve one host on one port. */
export const checkConflictingGateways: Analyzer = (mesh, report) => {
  const gateways = mesh.of("Gateway");
  const byClaim = new Map<string, AnalysisDocument[]>();
  for (const gateway of gateways) {
    const claims = new Set(listAt(gateway.spec, "servers").flatMap(claimsOf));
    for (const claim of claims) push(byClaim, claim, gateway);
  }
  for (const gateway of gateways) {
    const servers = listAt(gateway.spec, "servers");
    // Without a server it takes part only if another gateway of its workloads has some.
    if (servers.length === 0 && formatSelector(selectorOf(gateway)) !== "") {
      const hasOther = gateways.some(
        (other) => listAt(other.spec, "servers").length > 0 && shareWorkloads(gateway, other, mesh),
      );
      if (!hasOther) reportSelector(gateway, report);
    }
    servers.forEach((server, index) => {
      const rivals = new Set<string>();
      for (const claim of claimsOf(server)) {
        for (const other of byClaim.get(claim) ?? []) {
          if (keyOf(other) === keyOf(gateway) || !shareWorkloads(gateway, other, mesh)) continue;
          rivals.add(keyOf(other));
        }
      }
      if (rivals.size === 0) return;
      const hosts = textsAt(server, "hosts").join(", ");
      const why = `it and ${[...rivals].sort().join(", ")} serve hosts ${hosts} on port ${numberAt(server, "port", "number") ?? 0} of the workloads ${formatSelector(selectorOf(gateway)) || "of all gateways"}`;
      report(gateway, "IST0145", { path: ["spec", "servers", index], why });
    });
  }
};

/** What a server takes for itself: each of its hosts, on its port and address. */
function claimsOf(server: unknown): string[] {
  const at = `${numberAt(server, "port", "number") ?? 0} ${textAt(server, "bind")}`;
  return textsAt(server, "hosts").map((host) => `${at} ${host}`);
}

/** The same selector, or one that is part of the other's and a pod that both select. */
function shareWorkloads(one: AnalysisDocument, other: AnalysisDocument, mesh: MeshFacts): boolean {
  const [left, right] = [selectorOf(one), selectorOf(other)];
  const [leftText, rightText] = [formatSelector(left), formatSelector(right)];
  if (leftText === rightText) return true;
  if (!leftText.includes(rightText) && !rightText.includes(leftText)) return false;
  return mesh.running.find(left, undefined).some(({ labels }) => carriesAll(labels, right));
}
