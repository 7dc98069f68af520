import type { EndpointsResource } from "@heddle/contracts";
import { formatId, formatSpiffeId, type ServiceId } from "@heddle/mesh";
import type { DeclaredPort, EntryEndpoint } from "@heddle/resources";
import type { StoredInstance } from "@heddle/store";
import { isFit } from "../registry/instance.ts";
import { carries } from "./caller-class.ts";
import { contentVersion } from "./content-version.ts";
import { type DeclaredService, isReachable } from "./declared-service.ts";
import type { DocumentOf, MeshDocument } from "./mesh-document.ts";

type Endpoint = EndpointsResource["endpoints"][number];

/** One address of a service, and where it is known from. */
export type KnownEndpoint = {
  readonly endpoint: Endpoint;
  readonly instance: StoredInstance | undefined;
  readonly document: MeshDocument | undefined;
  /** What somebody has set for it by hand. */
  readonly override?: DocumentOf<"InstanceOverride">;
};

/** Who may serve, for `collectEndpoints`. */
export type EndpointSources = {
  readonly trustDomain: string;
  readonly registered: (serviceKey: string) => readonly StoredInstance[];
  readonly instancesOf: (namespace: string) => readonly StoredInstance[];
  /** All WorkloadEntries of the mesh. */
  readonly entries: readonly DocumentOf<"WorkloadEntry">[];
  /** The app ports at which an instance's sidecar ends no TLS. */
  readonly plaintextPortsOf: (instance: StoredInstance) => ReadonlySet<number>;
};

/**
 * All addresses of a service, those that drain too, in the order of their ids.
 * Without a declaration: the instances and WorkloadEntries (label `app`) that bear its name.
 */
export function collectEndpoints(
  service: ServiceId,
  declared: DeclaredService | undefined,
  sources: EndpointSources,
): KnownEndpoint[] {
  const key = formatId(service);
  const ports = declared?.ports ?? [];
  const instances = new Set(
    declared?.takesRegistered === false ? [] : sources.registered(key).filter(serves),
  );
  const entries = new Set(
    declared?.takesRegistered === false ? [] : sources.entries.filter((one) => bears(one, service)),
  );
  for (const { namespace, labels } of declared?.selectors ?? []) {
    for (const instance of sources.instancesOf(namespace)) {
      if (serves(instance) && carries(instance.labels, labels)) instances.add(instance);
    }
    for (const entry of sources.entries) {
      const { resource } = entry;
      const isMember = resource.namespace === namespace && carries(resource.labels, labels);
      if (isMember && isReachable(resource)) entries.add(entry);
    }
  }
  const known = [
    ...[...instances].map((one) => toInstanceEndpoint(one, ports, sources)),
    ...[...entries].flatMap((one) => toEntryEndpoint(one, ports)),
    ...(declared?.endpoints ?? []).map((one) => ({
      endpoint: toWrittenEndpoint(one.id, one.document, one.endpoint, ports),
      instance: undefined,
      document: one.document,
    })),
  ];
  return known.sort((a, b) => (a.endpoint.id < b.endpoint.id ? -1 : 1));
}

/**
 * What proxies are told: those that drain take no new requests, nor do those whose app is not well. Where
 * that is more than half of them, all are told, as Envoy does in its panic (healthy_panic_threshold 50 %):
 * so many at once say more of the check, or of what all of them need, than of one of them; and the others
 * would not bear their load.
 */
export function toEndpointsResource(
  service: ServiceId,
  known: readonly KnownEndpoint[],
): EndpointsResource {
  const content = {
    kind: "endpoints" as const,
    key: `endpoints/${formatId(service)}`,
    service: { namespace: service.namespace, name: service.name },
    endpoints: fitOnes(known.filter(takesRequests)).map(({ endpoint }) => endpoint),
  };
  return { ...content, version: contentVersion(content) };
}

/** Neither about to end nor taken out by hand. */
export function takesRequests({ instance, override }: KnownEndpoint): boolean {
  return instance?.isDraining !== true && override?.resource.isDrained !== true;
}

function fitOnes(known: readonly KnownEndpoint[]): readonly KnownEndpoint[] {
  const fit = known.filter(({ instance }) => instance === undefined || isFit(instance));
  return fit.length * 2 < known.length ? known : fit;
}

function serves(instance: StoredInstance): boolean {
  return instance.appPort !== undefined; // without a port it only calls
}

/** Whether a WorkloadEntry is an endpoint of the service its label `app` names. */
function bears({ resource }: DocumentOf<"WorkloadEntry">, { namespace, name }: ServiceId): boolean {
  return (
    resource.namespace === namespace &&
    resource.labels["app"] === name &&
    resource.port !== undefined &&
    isReachable(resource)
  );
}

function toInstanceEndpoint(
  instance: StoredInstance,
  declared: readonly DeclaredPort[],
  { trustDomain, plaintextPortsOf }: EndpointSources,
): KnownEndpoint {
  const workload = { namespace: instance.namespace, name: instance.workload };
  const served = instancePorts(instance, declared);
  const ports = Object.fromEntries(
    [...served].map(([key, { inboundPort }]) => [String(key), inboundPort]),
  );
  const first = declared[0] && ports[String(declared[0].number)];
  const hasProxy = instance.source === undefined;
  const plaintext = hasProxy ? plaintextKeys(instance, served, plaintextPortsOf(instance)) : [];
  const endpoint = {
    id: instance.instanceId,
    namespace: instance.namespace,
    workload: instance.workload,
    labels: { ...instance.labels },
    address: instance.address,
    port: first ?? instance.inboundPort,
    ...(Object.keys(ports).length === 0 ? {} : { ports }),
    ...(hasProxy ? { identity: formatSpiffeId({ trustDomain, workload }) } : {}),
    ...(plaintext.length === 0 ? {} : { plaintextPorts: plaintext }),
    ...(instance.locality === undefined ? {} : { locality: instance.locality }),
    ...(instance.weight === undefined ? {} : { weight: instance.weight }),
    ...(instance.servesSinceMs === undefined ? {} : { servesSinceMs: instance.servesSinceMs }),
  };
  return { endpoint, instance, document: undefined };
}

type OwnPort = Pick<StoredInstance["morePorts"][number], "appPort" | "inboundPort" | "name">;

/**
 * Where an instance's sidecar serves the service's ports: by target port's number or name, and, where the
 * instance has but one port, that one. Nothing declared: by app port, if it has several.
 */
function instancePorts(
  instance: StoredInstance,
  declared: readonly DeclaredPort[],
): Map<number, OwnPort> {
  const { appPort = 0, inboundPort, morePorts } = instance;
  const own: OwnPort[] = [{ name: undefined, appPort, inboundPort }, ...morePorts];
  if (declared.length === 0) {
    if (morePorts.length === 0) return new Map();
    return new Map(own.map((port) => [port.appPort, port]));
  }
  const mapped = declared.flatMap(({ number, name, targetPort = number }): [number, OwnPort][] => {
    const wanted = [targetPort, name].filter((one) => one !== undefined);
    const found = wanted
      .map((target) => own.find((port) => port.appPort === target || port.name === target))
      .find((port) => port !== undefined);
    const served = found ?? (own.length === 1 ? own[0] : undefined);
    return served ? [[number, served]] : [];
  });
  return new Map(mapped);
}

/** Those of an endpoint's port keys behind which no TLS ends; of one without keys, its only app port. */
function plaintextKeys(
  { appPort }: StoredInstance,
  served: ReadonlyMap<number, OwnPort>,
  plaintext: ReadonlySet<number>,
): number[] {
  if (served.size === 0) return appPort !== undefined && plaintext.has(appPort) ? [appPort] : [];
  return [...served].filter(([, port]) => plaintext.has(port.appPort)).map(([key]) => key);
}

function toEntryEndpoint(
  document: DocumentOf<"WorkloadEntry">,
  declared: readonly DeclaredPort[],
): KnownEndpoint[] {
  const { resource } = document;
  if (resource.port === undefined && declared.length === 0) return []; // it serves on no known port
  const id = `entry/${formatId(resource)}`;
  const endpoint = toWrittenEndpoint(id, document, resource, declared);
  return [{ endpoint, instance: undefined, document }];
}

function toWrittenEndpoint(
  id: string,
  { resource }: MeshDocument,
  { address, ports: named, labels, locality, weight }: EntryEndpoint,
  declared: readonly DeclaredPort[],
): Endpoint {
  const ports = writtenPorts(named, declared);
  const [first] = declared;
  return {
    id,
    namespace: resource.namespace,
    workload: resource.name,
    labels: { ...labels },
    address,
    port: (first ? ports[String(first.number)] : Object.values(named)[0]) ?? 80,
    ...(Object.keys(ports).length > 1 ? { ports } : {}),
    ...(locality === undefined ? {} : { locality }),
    ...(weight === undefined || weight < 1 ? {} : { weight }),
  };
}

/** By service port: the endpoint's own of that port's name, else the target port, else the same number. */
function writtenPorts(
  named: Readonly<Record<string, number>>,
  declared: readonly DeclaredPort[],
): Record<string, number> {
  if (declared.length === 0) {
    return Object.fromEntries(Object.values(named).map((port) => [String(port), port]));
  }
  return Object.fromEntries(
    declared.map(({ number, name, targetPort }) => {
      const target = typeof targetPort === "number" ? targetPort : number;
      return [String(number), (name === undefined ? undefined : named[name]) ?? target];
    }),
  );
}
