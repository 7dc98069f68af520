import type { Analyzer } from "../analyzer.ts";
import { listAt, numberAt, textAt } from "../fields.ts";
import { isOfIstio } from "./deployments.ts";

const MANAGED = new Set([
  "istio.io-gateway-controller",
  "istio.io-mesh-controller",
  "istio.io-eastwest-controller",
]);
const PROTOCOLS = new Set([
  ...["tcp", "udp", "grpc", "grpc-web", "http", "http_proxy", "http2"],
  ...["https", "tls", "mongo", "redis", "mysql"],
]);
const APP_PROTOCOLS = new Set(["kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"]);
/** SMTP, DNS, MySQL and MongoDB: where the server speaks first, nothing is guessed. */
const WELL_KNOWN = new Set([25, 53, 3306, 27_017]);

/** IST0118, 0150: ports whose name does not say what is spoken. */
export const checkPortNames: Analyzer = (mesh, report) => {
  for (const service of mesh.of("Service")) {
    if (isOfIstio(service) || MANAGED.has(service.labels["gateway.istio.io/managed"] ?? ""))
      continue;
    const isExternal = textAt(service.spec, "type") === "ExternalName";
    listAt(service.spec, "ports").forEach((port, index) => {
      const name = textAt(port, "name");
      if (saysProtocol(port) && !(isExternal && name === "tcp")) return;
      const number = numberAt(port, "port") ?? 0;
      const path = ["spec", "ports", index];
      const why = `port ${number} is named ${JSON.stringify(name)}, which says no protocol`;
      if (!isExternal) report(service, "IST0118", { path, why });
      else
        report(service, "IST0150", {
          path,
          why: `port ${number} of an ExternalName service is named ${JSON.stringify(name)}: it is plain TCP`,
        });
    });
  }
};

function saysProtocol(port: unknown): boolean {
  if (textAt(port, "protocol") === "UDP") return true;
  const appProtocol = textAt(port, "appProtocol");
  if (APP_PROTOCOLS.has(appProtocol)) return true;
  const name = (appProtocol || textAt(port, "name")).toLowerCase();
  if (name.startsWith("grpc-web")) return true;
  return PROTOCOLS.has(name.split("-")[0] ?? "") || WELL_KNOWN.has(numberAt(port, "port") ?? 0);
}
