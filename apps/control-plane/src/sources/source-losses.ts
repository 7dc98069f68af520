import { formatId, type ServiceId } from "@heddle/mesh";
import { formatRef } from "@heddle/resources";
import { carries } from "../snapshot/caller-class.ts";
import { type ConfigSnapshot, compileSnapshot } from "../snapshot/config-snapshot.ts";
import { isOf, type MeshDocument } from "../snapshot/mesh-document.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import type { ServiceLoss } from "./take-reading.ts";

/** What each service would lose if `next` were what sources name; only services of documents that differ. */
export function findSourceLosses(
  mesh: MeshView,
  next: ReadonlyMap<string, MeshDocument>,
  isOfSource: (document: MeshDocument) => boolean,
): ServiceLoss[] {
  const { snapshot } = mesh;
  const differing = [...snapshot.sourced].filter(
    ([key, one]) => isOfSource(one) && next.get(key)?.yaml !== one.yaml,
  );
  if (differing.length === 0) return [];
  const candidate = compileSnapshot(snapshot.revision, snapshot.documents, snapshot, next);
  const byService = new Map<string, { readonly service: ServiceId; readonly refs: string[] }>();
  for (const [, document] of differing) {
    for (const service of servicesOf(document, snapshot)) {
      const key = formatId(service);
      const known = byService.get(key) ?? { service, refs: [] };
      known.refs.push(formatRef(document.resource));
      byService.set(key, known);
    }
  }
  return [...byService].map(([key, { service, refs }]) => ({
    service: key,
    before: mesh.knownEndpoints(service).length,
    after: mesh.endpointsUnder(candidate, service).length,
    refs,
  }));
}

/** The services that would not be served the same without a document. */
function servicesOf(document: MeshDocument, { declared }: ConfigSnapshot): ServiceId[] {
  const of = [...declared.values()]
    .filter(({ sources }) => sources.includes(document))
    .map(({ service }) => service);
  if (!isOf(document, "WorkloadEntry")) return of;
  const { namespace, labels } = document.resource;
  const app = labels["app"];
  const selecting = [...declared.values()].filter(({ selectors }) =>
    selectors.some((one) => one.namespace === namespace && carries(labels, one.labels)),
  );
  return [
    ...(app === undefined ? [] : [{ namespace, name: app }]),
    ...selecting
      .map(({ service }) => service)
      .filter(({ namespace: other, name }) => other !== namespace || name !== app),
  ];
}
