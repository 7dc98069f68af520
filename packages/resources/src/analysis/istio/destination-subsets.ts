import { parseServiceHost } from "../../service-host.ts";
import type { Analyzer } from "../analyzer.ts";
import { mirrorDestinations, routeDestinations } from "../destinations.ts";
import { listAt, textAt } from "../fields.ts";
import { toFqdn } from "../host-index.ts";

/** IST0101, HDL001: routes to subsets that no DestinationRule defines. */
export const checkDestinationSubsets: Analyzer = (mesh, report) => {
  const defined = new Set<string>();
  const known = new Map<string, string[]>();
  for (const { namespace, spec } of mesh.of("DestinationRule")) {
    const host = hostKey(textAt(spec, "host"), namespace);
    const names = listAt(spec, "subsets").map((subset) => textAt(subset, "name"));
    for (const name of names) defined.add(`${host} ${name}`);
    known.set(host, [...(known.get(host) ?? []), ...names]);
  }
  for (const document of mesh.of("VirtualService")) {
    const targets = [...routeDestinations(document), ...mirrorDestinations(document)];
    for (const { destination, path, isMirror } of targets) {
      const subset = textAt(destination, "subset");
      const host = textAt(destination, "host");
      const key = hostKey(host, document.namespace);
      if (subset === "" || defined.has(`${key} ${subset}`)) continue;
      const at = [...path, "subset"];
      const service = parseServiceHost(host, document.namespace);
      const runs =
        mesh.registry !== undefined &&
        service !== undefined &&
        mesh.running.find({ app: service.name, version: subset }, service.namespace).length > 0;
      if (runs) {
        const why = `no DestinationRule defines the subset ${subset} of ${host}; it goes to the workloads of version ${subset}`;
        report(document, "HDL001", { path: at, why });
        continue;
      }
      const what = isMirror ? "mirror+subset" : "host+subset";
      const names = known.get(key) ?? [];
      const whatToDo =
        names.length === 0
          ? `Write a DestinationRule for ${host} with the subset ${subset}`
          : `Use one of ${[...new Set(names)].join(", ")}, or add the subset to the DestinationRule`;
      report(document, "IST0101", {
        path: at,
        why: `${what} in destinationrule not found: "${host}+${subset}"`,
        whatToDo,
      });
    }
  }
};

function hostKey(host: string, namespace: string): string {
  const service = parseServiceHost(host, namespace);
  return service ? toFqdn(service.namespace, service.name) : toFqdn(namespace, host.toLowerCase());
}
