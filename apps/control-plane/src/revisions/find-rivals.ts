import { formatId } from "@heddle/mesh";
import { type Fault, formatRef } from "@heddle/resources";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { type DocumentOf, isOf, type MeshDocument, overlaps } from "../snapshot/mesh-document.ts";
import { wildcardSuffix } from "../snapshot/service-host.ts";

/**
 * VirtualServices that name one host for the same callers. Istio lets the oldest win and is silent about
 * the others; here the second is refused. A wildcard and a host under it are no rivals.
 */
export function findRivals(documents: readonly MeshDocument[], { hosts }: ConfigSnapshot): Fault[] {
  const claims = new Map<string, DocumentOf<"VirtualService">[]>();
  const faults: Fault[] = [];
  for (const document of documents) {
    if (!isOf(document, "VirtualService") || !document.resource.isForMesh) continue;
    const { resource } = document;
    resource.hosts.forEach((ref, index) => {
      const isWild = wildcardSuffix(ref.host) !== undefined;
      const name = isWild ? ref.host : formatId(hosts.ofRef(ref, resource.namespace));
      const field = `${formatRef(resource)}: spec.hosts[${index}]`;
      const known = claims.get(name) ?? [];
      const rival = known.find(
        (owner) => owner !== document && overlaps(owner.resource.visibleTo, resource.visibleTo),
      );
      if (rival) faults.push({ field, message: describe(name, rival) });
      else claims.set(name, [...known, document]);
    });
  }
  return faults;
}

function describe(name: string, rival: DocumentOf<"VirtualService">): string {
  const owner = formatRef(rival.resource);
  return `${name} is routed by ${owner} already; only one VirtualService may name a host for the same callers: move the routes into that one, let it delegate to this one (take the hosts out here), or part the callers by exportTo`;
}
