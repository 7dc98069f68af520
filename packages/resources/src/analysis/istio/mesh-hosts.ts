import { parseServiceHost } from "../../service-host.ts";
import { type AnalysisDocument, keyOf } from "../analysis-document.ts";
import type { Analyzer } from "../analyzer.ts";
import { isForMesh } from "../destinations.ts";
import { textsAt } from "../fields.ts";
import { hostsMeet, scopesOf, toFqdn } from "../host-index.ts";
import { push } from "../label-index.ts";

/** IST0109: VirtualServices that name one host for the same callers. */
export const checkMeshHosts: Analyzer = (mesh, report) => {
  /** By scope (`*`: everybody), then by host. */
  const claims = new Map<string, Map<string, AnalysisDocument[]>>();
  for (const document of mesh.of("VirtualService")) {
    if (!isForMesh(document)) continue;
    const { namespace, spec } = document;
    const hosts = new Set(textsAt(spec, "hosts").map((host) => hostKey(host, namespace)));
    for (const scope of scopesOf(textsAt(spec, "exportTo"), namespace)) {
      const ofScope = claims.get(scope) ?? new Map<string, AnalysisDocument[]>();
      claims.set(scope, ofScope);
      for (const host of hosts) push(ofScope, host, document);
    }
  }
  const ofAll = claims.get("*") ?? new Map<string, AnalysisDocument[]>();
  const told = new Set<AnalysisDocument>();
  for (const [scope, byHost] of claims) {
    for (const [host, own] of byHost) {
      const all = scope === "*" ? own : [...own, ...meeting(host, ofAll)];
      if (all.length < 2) continue;
      const names = [...new Set(all.map(keyOf))].sort().join(", ");
      for (const document of all) {
        if (told.has(document)) continue;
        told.add(document);
        const why = `${names} all name the host ${host} for the same callers`;
        report(document, "IST0109", { path: ["spec", "hosts"], why });
      }
    }
  }
};

/** The VirtualServices for everybody whose hosts meet this one. */
function meeting(
  host: string,
  ofAll: ReadonlyMap<string, readonly AnalysisDocument[]>,
): readonly AnalysisDocument[] {
  if (host.startsWith("*")) {
    return [...ofAll].flatMap(([other, documents]) => (hostsMeet(host, other) ? documents : []));
  }
  const found = [...(ofAll.get(host) ?? [])];
  for (let at = 0; at <= host.length; at++) found.push(...(ofAll.get(`*${host.slice(at)}`) ?? []));
  return found;
}

/** One name for all ways to write a service's host. */
function hostKey(host: string, namespace: string): string {
  const service = host.startsWith("*") ? undefined : parseServiceHost(host, namespace);
  return service ? toFqdn(service.namespace, service.name) : host.toLowerCase();
}
