/**
 * One end of an edge, as the counting proxy named it.
 * Ids: `workload/shop/reviews-v1`, `outside/127.0.4.17` (a caller without sidecar), `external/api.example`
 * (a destination outside the mesh), `service/shop/reviews` (failed requests that reached no endpoint, or
 * all versions together).
 */
export type TrafficNode = {
  readonly id: string;
  readonly kind: "workload" | "outside" | "external" | "service";
  readonly namespace: string; // "" outside the mesh
  readonly service: string | undefined;
  readonly workload: string | undefined;
  readonly version: string | undefined; // undefined: unversioned
  readonly address: string | undefined; // of outside and external nodes
};

const UNVERSIONED = "latest";

export function workloadNode(peer: {
  readonly namespace: string;
  readonly workload: string;
  readonly service: string | undefined;
  readonly version: string | undefined;
}): TrafficNode {
  return {
    id: `workload/${peer.namespace}/${peer.workload}`,
    kind: "workload",
    namespace: peer.namespace,
    service: peer.service ?? peer.workload,
    workload: peer.workload,
    version: peer.version === UNVERSIONED ? undefined : peer.version,
    address: undefined,
  };
}

export function serviceNode(namespace: string, service: string): TrafficNode {
  return {
    id: `service/${namespace}/${service}`,
    kind: "service",
    namespace,
    service,
    workload: undefined,
    version: undefined,
    address: undefined,
  };
}

export function outsideNode(address: string): TrafficNode {
  return addressNode("outside", address);
}

export function externalNode(host: string): TrafficNode {
  return addressNode("external", host);
}

/** A workload's service; every other node stands for itself. */
export function inServiceView(node: TrafficNode): TrafficNode {
  if (node.kind !== "workload" || node.service === undefined) return node;
  return serviceNode(node.namespace, node.service);
}

/** The name people know it by: `reviews-v2`, `reviews`, an address. */
export function nodeName(node: TrafficNode): string {
  return node.workload ?? node.service ?? node.address ?? node.id;
}

/** `<source id>-><destination id>`. */
export function edgeId(sourceId: string, destinationId: string): string {
  return `${sourceId}->${destinationId}`;
}

/** Takes an edge id apart. `undefined`: not two node ids. */
export function parseEdgeId(
  id: string,
): { readonly sourceId: string; readonly destinationId: string } | undefined {
  const [sourceId, destinationId, ...rest] = id.split("->");
  if (!sourceId || !destinationId || rest.length > 0) return undefined;
  return { sourceId, destinationId };
}

function addressNode(kind: "outside" | "external", address: string): TrafficNode {
  return {
    id: `${kind}/${address}`,
    kind,
    namespace: "",
    service: undefined,
    workload: undefined,
    version: undefined,
    address,
  };
}
