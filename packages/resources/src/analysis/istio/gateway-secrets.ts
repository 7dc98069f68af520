import { X509Certificate } from "node:crypto";
import type { AnalysisDocument } from "../analysis-document.ts";
import type { Analyzer } from "../analyzer.ts";
import { labelsAt, listAt, textAt, valueAt } from "../fields.ts";
import { formatSelector } from "../label-index.ts";

const PAIRS = [
  ["cert", "key"],
  ["tls.crt", "tls.key"],
] as const;

/** IST0101, 0161: gateways that name a secret which does not exist, or holds no valid certificate. */
export const checkGatewaySecrets: Analyzer = (mesh, report) => {
  for (const gateway of mesh.of("Gateway")) {
    const selector = labelsAt(gateway.spec, "selector");
    const [pod] = mesh.running.find(selector, undefined);
    if (!pod) {
      const why = `selector not found: no workload has the labels ${formatSelector(selector)}`;
      report(gateway, "IST0101", { path: ["spec", "selector"], why });
      continue;
    }
    listAt(gateway.spec, "servers").forEach((server, index) => {
      const name = textAt(server, "tls", "credentialName");
      if (name === "") return;
      const path = ["spec", "servers", index, "tls", "credentialName"];
      // The secret lies where the gateway's workloads run, not where its document does.
      const secret = mesh.findRef("Secret", name, pod.namespace);
      if (!secret) {
        const why = `credentialName not found: there is no Secret ${name} in namespace ${pod.namespace}`;
        report(gateway, "IST0101", { path, why });
        return;
      }
      const fault = findFault(secret, mesh.nowMs);
      if (fault === undefined) return;
      report(gateway, "IST0161", { path, why: `Secret ${pod.namespace}/${name} ${fault}` });
    });
  }
};

function findFault({ wire }: AnalysisDocument, nowMs: number): string | undefined {
  const pair = PAIRS.find((keys) => keys.every((key) => read(wire, key) !== ""));
  if (!pair) return "has neither tls.crt and tls.key nor cert and key";
  const pem = read(wire, pair[0]);
  if (!pem.includes("-----BEGIN ")) return `has no PEM text in ${pair[0]}`;
  const certificate = parseCertificate(pem);
  if (!certificate) return `has no certificate in ${pair[0]} that can be read`;
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  if (nowMs > to)
    return `holds a certificate that expired at ${certificate.validToDate.toISOString()}`;
  return nowMs < from
    ? `holds a certificate that is valid only from ${certificate.validFromDate.toISOString()}`
    : undefined;
}

function read(wire: unknown, key: string): string {
  const plain = valueAt(wire, "stringData", key);
  if (typeof plain === "string" && plain !== "") return plain;
  return Buffer.from(textAt(wire, "data", key), "base64").toString("utf8");
}

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    if (error instanceof Error) return undefined; // whatever is wrong with it, it is no certificate
    throw error;
  }
}
