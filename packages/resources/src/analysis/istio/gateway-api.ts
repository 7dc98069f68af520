import type { Analyzer } from "../analyzer.ts";
import { isFields, labelsAt } from "../fields.ts";

const GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name";
const BUNDLE = "gateway.networking.k8s.io/bundle-version";

const MINIMUM: Readonly<Record<string, readonly [number, number, number]>> = {
  "grpcroutes.gateway.networking.k8s.io": [1, 1, 0],
  "backendtlspolicies.gateway.networking.k8s.io": [1, 4, 0],
  "tlsroutes.gateway.networking.k8s.io": [1, 5, 0],
  "tcproutes.gateway.networking.k8s.io": [1, 6, 0],
};

/** IST0166: policies that select a Gateway API gateway by labels. */
export const checkGatewaySelectors: Analyzer = (mesh, report) => {
  for (const kind of ["AuthorizationPolicy", "RequestAuthentication", "Telemetry", "WasmPlugin"]) {
    for (const policy of mesh.of(kind)) {
      if (isFields(policy.spec["targetRef"]) || !isFields(policy.spec["selector"])) continue;
      const labels = labelsAt(policy.spec, "selector", "matchLabels");
      for (const pod of mesh.running.find(labels, policy.namespace)) {
        const gateway = pod.labels[GATEWAY_NAME];
        if (gateway === undefined) continue;
        const why = `its selector has no effect on the gateway ${gateway} (pod ${pod.name})`;
        report(policy, "IST0166", { path: ["spec", "selector"], why });
      }
    }
  }
};

/** IST0176: definitions of the Gateway API that are too old. */
export const checkGatewayApiVersion: Analyzer = (mesh, report) => {
  for (const definition of mesh.of("CustomResourceDefinition")) {
    const minimum = MINIMUM[definition.name];
    const read = /^v?(\d+)\.(\d+)\.(\d+)/.exec(definition.annotations[BUNDLE] ?? "");
    if (!minimum || !read) continue;
    const installed = read.slice(1).map(Number);
    const at = minimum.findIndex((part, index) => installed[index] !== part);
    if (at < 0 || (installed[at] ?? 0) > (minimum[at] ?? 0)) continue;
    const why = `${definition.name} is at ${installed.join(".")}; at least ${minimum.join(".")} is needed`;
    report(definition, "IST0176", { path: ["metadata", "annotations", BUNDLE], why });
  }
};
