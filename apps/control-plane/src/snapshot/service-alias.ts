import { formatId, type ServiceId, serviceOfHost } from "@heddle/mesh";
import { type DocumentOf, isOf, type MeshDocument } from "./mesh-document.ts";

/** Only the mesh can mean such a host; `a.b` may as well be one that DNS knows. */
const MESH_HOST = /\.svc(\.cluster\.local)?$/;

/** The service of the mesh that a Service of type ExternalName is another name for. */
export function aliasedService({ resource }: DocumentOf<"Service">): ServiceId | undefined {
  const { externalName, namespace } = resource;
  if (externalName === undefined || !MESH_HOST.test(externalName)) return undefined;
  return serviceOfHost(externalName, namespace);
}

/**
 * Who is meant by each service that is but another name, by `namespace/name`: the one at the end where
 * names lead to further names, and nobody where they lead back.
 */
export function findAliases(documents: readonly MeshDocument[]): ReadonlyMap<string, ServiceId> {
  const next = new Map<string, ServiceId>();
  for (const document of documents) {
    const service = isOf(document, "Service") ? aliasedService(document) : undefined;
    if (service) next.set(formatId(document.resource), service);
  }
  const ends = [...next.keys()].flatMap((key): [string, ServiceId][] => {
    const passed = new Set([key]);
    let service = next.get(key);
    while (service && next.has(formatId(service)) && !passed.has(formatId(service))) {
      passed.add(formatId(service));
      service = next.get(formatId(service));
    }
    return service && !passed.has(formatId(service)) ? [[key, service]] : [];
  });
  return new Map(ends);
}
