import type { EndpointDetail, EndpointsResponse, ObservedEndpoint } from "@heddle/contracts";
import { formatId, type ServiceId } from "@heddle/mesh";
import { formatRef } from "@heddle/resources";
import { describeOverride, type OverrideAuthors } from "../overrides/describe-override.ts";
import type { Observations, ProxyObservation } from "../registry/observations.ts";
import type { Registry } from "../registry/registry.ts";
import type { KnownEndpoint } from "../snapshot/endpoint-set.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import { hostOf } from "../snapshot/service-host.ts";

/** Every endpoint of a service with its lease, and what the proxies that call it see of it. */
export async function describeEndpoints(
  service: ServiceId,
  {
    mesh,
    registry,
    observations,
    authors,
  }: {
    readonly mesh: MeshView;
    readonly registry: Registry;
    readonly observations: Observations;
    readonly authors: OverrideAuthors;
  },
): Promise<EndpointsResponse> {
  const { isExternal = false, resolution = "registry", ports = [] } = mesh.service(service);
  const seen = observations.ofService(formatId(service));
  const known = mesh.knownEndpoints(service);
  const ids = new Set(known.map(({ endpoint }) => endpoint.id));
  return {
    namespace: service.namespace,
    service: service.name,
    host: hostOf(service),
    isExternal,
    resolution,
    ports,
    endpoints: await Promise.all(
      known.map(async (one) => {
        const own = seen.filter(({ endpointId }) => endpointId === one.endpoint.id);
        const { override } = one;
        const isOut = override?.resource.isDrained === true;
        return {
          ...toDetail(one, registry),
          ...(isOut ? { state: "draining" as const } : {}),
          ...(override ? { override: await describeOverride(override, authors) } : {}),
          observed: own.map((seen) => toObserved(seen, registry)),
        };
      }),
    ),
    unlisted: seen
      .filter(({ endpointId }) => !ids.has(endpointId))
      .map((one) => ({ ...toObserved(one, registry), endpointId: one.endpointId })),
  };
}

function toDetail(
  { endpoint, instance: stored, document }: KnownEndpoint,
  registry: Registry,
): Omit<EndpointDetail, "observed"> {
  const { identity, weight = 1, labels, ...rest } = endpoint;
  const version = labels["version"];
  const about = {
    ...rest,
    labels,
    weight,
    ...(version === undefined ? {} : { version }),
    hasSidecar: identity !== undefined,
  };
  const instance = stored && (registry.findInstance(stored.instanceId) ?? stored);
  if (!instance) {
    const isEntry = document?.resource.kind === "WorkloadEntry";
    return {
      ...about,
      origin: isEntry ? "WorkloadEntry" : "ServiceEntry",
      ...(document ? { document: formatRef(document.resource) } : {}),
      ...(document?.origin ? { source: document.origin.source } : {}),
      state: "serving",
    };
  }
  const proxy = registry.findProxy(instance.proxyId);
  const isConnected = instance.source !== undefined || proxy?.isConnected === true;
  return {
    ...about,
    origin: "registry",
    state: instance.isDraining ? "draining" : isConnected ? "serving" : "disconnected",
    leaseEndsAtMs: instance.leaseEndsAtMs,
    proxyName: proxy?.name ?? instance.source ?? instance.proxyId,
  };
}

function toObserved(observation: ProxyObservation, registry: Registry): ObservedEndpoint {
  const { service: _, endpointId: __, ...rest } = observation;
  return { ...rest, proxyName: registry.findProxy(rest.proxyId)?.name ?? rest.proxyId };
}
