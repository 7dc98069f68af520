import { parseServiceHost } from "../../service-host.ts";
import { type AnalysisDocument, keyOf } from "../analysis-document.ts";
import type { Analyzer } from "../analyzer.ts";
import { isForMesh, routeDestinations } from "../destinations.ts";
import { fieldsOf, listAt, textAt, textsAt } from "../fields.ts";
import { scopesOf, toFqdn } from "../host-index.ts";
import { push } from "../label-index.ts";
import { httpRoutes } from "./routes-of.ts";

/** HDL011: ServiceEntries that claim what somebody else has. */
export const checkServiceEntryHosts: Analyzer = (mesh, report) => {
  const claims = new Map<string, { entry: AnalysisDocument; scopes: readonly string[] }[]>();
  const services = new Set([
    ...mesh.of("Service").map(({ namespace, name }) => toFqdn(namespace, name)),
    ...(mesh.registry?.services ?? []).map(({ namespace, name }) => toFqdn(namespace, name)),
  ]);
  for (const entry of mesh.of("ServiceEntry")) {
    const scopes = scopesOf(textsAt(entry.spec, "exportTo"), entry.namespace);
    textsAt(entry.spec, "hosts").forEach((host, index) => {
      const service = parseServiceHost(host, entry.namespace);
      const name = service ? toFqdn(service.namespace, service.name) : host.toLowerCase();
      const path = ["spec", "hosts", index];
      if (services.has(name) && textAt(entry.spec, "location") !== "MESH_INTERNAL") {
        report(entry, "HDL011", { path, why: `${host} is a service of the mesh already` });
      }
      const rival = (claims.get(name) ?? []).find(
        (one) =>
          one.entry !== entry &&
          (one.scopes.includes("*") ||
            scopes.includes("*") ||
            one.scopes.some((scope) => scopes.includes(scope))),
      );
      if (rival) {
        const why = `${host} is claimed by ServiceEntry ${keyOf(rival.entry)} too, for the same callers`;
        report(entry, "HDL011", { path, why });
      }
      push(claims, name, { entry, scopes });
    });
  }
};

/** HDL015: subsets of rules that the route's namespace does not see. */
export const checkHiddenRules: Analyzer = (mesh, report) => {
  const rules = new Map<string, { rule: AnalysisDocument; scopes: readonly string[] }[]>();
  for (const rule of mesh.of("DestinationRule")) {
    const scopes = scopesOf(textsAt(rule.spec, "exportTo"), rule.namespace);
    const host = hostKey(textAt(rule.spec, "host"), rule.namespace);
    for (const subset of listAt(rule.spec, "subsets")) {
      push(rules, `${host} ${textAt(subset, "name")}`, { rule, scopes });
    }
  }
  for (const document of mesh.of("VirtualService")) {
    for (const { destination, path } of routeDestinations(document)) {
      const subset = textAt(destination, "subset");
      if (subset === "") continue;
      const host = textAt(destination, "host");
      const known = rules.get(`${hostKey(host, document.namespace)} ${subset}`) ?? [];
      const callers = scopesOf(textsAt(document.spec, "exportTo"), document.namespace);
      const isSeen = known.some(
        ({ scopes }) => scopes.includes("*") || callers.some((one) => scopes.includes(one)),
      );
      const [hidden] = known;
      if (!hidden || isSeen) continue;
      const why = `subset ${subset} of ${host} is defined by DestinationRule ${keyOf(hidden.rule)}, which is shown to ${hidden.scopes.join(", ")} only`;
      report(document, "HDL015", { path: [...path, "subset"], why });
    }
  }
};

/** HDL032: routes that hand requests to a VirtualService that does not take them. */
export const checkDelegates: Analyzer = (mesh, report) => {
  for (const document of mesh.of("VirtualService")) {
    if (!isForMesh(document)) continue;
    for (const { route, path, title } of httpRoutes(document)) {
      const delegate = fieldsOf(route["delegate"]);
      const name = textAt(delegate, "name");
      if (name === "") continue;
      const namespace = textAt(delegate, "namespace") || document.namespace;
      const found = mesh.find("VirtualService", namespace, name);
      if (found && textsAt(found.spec, "hosts").length === 0) continue;
      const why = found
        ? `${title} delegates to ${namespace}/${name}, which has hosts of its own`
        : `${title} delegates to ${namespace}/${name}, which does not exist`;
      report(document, "HDL032", { path: [...path, "delegate"], why });
    }
  }
};

function hostKey(host: string, namespace: string): string {
  const service = parseServiceHost(host, namespace);
  return service ? toFqdn(service.namespace, service.name) : toFqdn(namespace, host.toLowerCase());
}
