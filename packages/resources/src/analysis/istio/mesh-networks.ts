import type { Analyzer } from "../analyzer.ts";
import { fieldsAt, listAt, textAt } from "../fields.ts";

/** IST0126: networks of registries that do not exist. */
export const checkMeshNetworks: Analyzer = (mesh, report) => {
  const registries = new Set(["Mock", "Kubernetes", "External"]);
  for (const { labels, wire } of mesh.of("Secret")) {
    if (labels["istio/multiCluster"] !== "true") continue;
    for (const cluster of Object.keys(fieldsAt(wire, "data"))) registries.add(cluster);
  }
  for (const document of mesh.of("MeshNetworks")) {
    for (const [network, settings] of Object.entries(fieldsAt(document.wire, "networks"))) {
      listAt(settings, "endpoints").forEach((endpoint, index) => {
        const registry = textAt(endpoint, "fromRegistry");
        if (registry === "" || registries.has(registry)) return;
        const path = ["networks", network, "endpoints", index, "fromRegistry"];
        report(document, "IST0126", {
          path,
          why: `network ${network} is of the registry ${registry}, which does not exist`,
        });
      });
    }
  }
};
