import { formatId } from "@heddle/mesh";
import { type Fault, formatRef } from "@heddle/resources";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { type DocumentOf, isOf, type MeshDocument, overlaps } from "../snapshot/mesh-document.ts";
import { wildcardSuffix } from "../snapshot/service-host.ts";

type Claim = { readonly document: DocumentOf<"VirtualService">; readonly field: string };

/**
 * VirtualServices that name one host for the same callers. Istio lets the oldest win and is silent about
 * the others; here the second is refused. A wildcard and a host under it are no rivals.
 */
export function findRivals(documents: readonly MeshDocument[], { hosts }: ConfigSnapshot): Fault[] {
  const claims = new Map<string, Claim[]>();
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
        (claim) =>
          claim.document === document ||
          overlaps(claim.document.resource.visibleTo, resource.visibleTo),
      );
      if (rival) faults.push({ field, message: describe(name, rival, document) });
      else claims.set(name, [...known, { document, field }]);
    });
  }
  return faults;
}

function describe(name: string, rival: Claim, { resource }: DocumentOf<"VirtualService">): string {
  if (rival.document.resource === resource) return `means ${name}, as ${rival.field} does already`;
  const owner = formatRef(rival.document.resource);
  return `${name} is routed by ${owner} already; only one VirtualService may name a host for the same callers: move the routes into that one, let it delegate to this one (take the hosts out here), or part the callers by exportTo`;
}
