import {
  EffectiveResponse,
  EndpointsResponse,
  type OpenBreaker,
  type TrafficFeature,
  TrafficFeaturesResponse,
} from "@heddle/contracts";
import { formatId, parseId, type ServiceId } from "@heddle/mesh";
import type { Context } from "hono";
import { z } from "zod";
import { OverrideAuthors } from "../overrides/describe-override.ts";
import { serviceKeyOf } from "../registry/instance.ts";
import type { ProxyObservation } from "../registry/observations.ts";
import { NotFoundError } from "../revisions/change-errors.ts";
import { describeEndpoints } from "../traffic/describe-endpoints.ts";
import { effectiveTable } from "../traffic/effective-table.ts";
import { featuresOf, rateLimitFeatures } from "../traffic/traffic-features.ts";
import { ApiRoutes } from "./api-routes.ts";
import { readParams } from "./input.ts";
import type { ApiEnv, ApiParts } from "./parts.ts";

const ServicePath = z.object({ namespace: z.string(), service: z.string() });
const MAX_BREAKERS = 100;

/** What holds for a service's traffic, and what the proxies see of its endpoints. */
export function trafficRoutes(parts: ApiParts) {
  const { mesh, registry } = parts;
  const authors = new OverrideAuthors(parts.db);
  return new ApiRoutes()
    .get(
      "/services/:namespace/:service/endpoints",
      {
        summary: "List a service's endpoints and what proxies see of them",
        role: "viewer",
        params: ServicePath,
        answer: EndpointsResponse,
      },
      async (context) => {
        const service = readService(context, parts);
        const answer: EndpointsResponse = await describeEndpoints(service, { ...parts, authors });
        return context.json(answer);
      },
    )
    .get(
      "/services/:namespace/:service/effective",
      {
        summary: "Show the rules that hold for a service, each with its document",
        role: "viewer",
        params: ServicePath,
        answer: EffectiveResponse,
      },
      (context) => {
        const service = readService(context, parts);
        const answer: EffectiveResponse = effectiveTable(service, mesh, registry.instances());
        return context.json(answer);
      },
    )
    .get(
      "/traffic-features",
      {
        summary: "List what documents do to each service's traffic",
        role: "viewer",
        answer: TrafficFeaturesResponse,
      },
      (context) => context.json(listFeatures(parts)),
    );
}

function readService(context: Context<ApiEnv>, { mesh }: ApiParts): ServiceId {
  const { namespace, service: name } = readParams(context, ServicePath);
  const service = { namespace, name };
  if (mesh.isService(formatId(service))) return service;
  throw new NotFoundError(`there is no service ${formatId(service)}`);
}

function listFeatures({ mesh, registry, observations }: ApiParts): TrafficFeaturesResponse {
  const { snapshot } = mesh;
  const limits = limitsByService(mesh, registry);
  const seen = Map.groupBy(observations.all(), ({ service }) => formatId(service));
  const keys = new Set([
    ...[...registry.serviceKeys(), ...snapshot.namedKeys],
    ...[...limits.keys(), ...seen.keys()],
  ]);
  const services = [...keys].sort().flatMap((key) => {
    const service = parseId(key);
    if (!service || !mesh.isService(key)) return [];
    const features = [...featuresOf(snapshot.service(service)), ...(limits.get(key) ?? [])];
    const openBreakers = openOf(seen.get(key) ?? [], service, mesh);
    if (features.length + openBreakers.length === 0) return [];
    return [{ namespace: service.namespace, service: service.name, features, openBreakers }];
  });
  return { revision: snapshot.revision, services };
}

function limitsByService(
  { snapshot }: ApiParts["mesh"],
  registry: ApiParts["registry"],
): Map<string, TrafficFeature[]> {
  const limits = new Map<string, Map<string, TrafficFeature>>();
  for (const instance of registry.instances()) {
    const selecting = snapshot.workloads.selecting("RateLimit", instance);
    if (selecting.length === 0) continue;
    const key = serviceKeyOf(instance);
    const known = limits.get(key) ?? new Map<string, TrafficFeature>();
    limits.set(key, known);
    for (const one of rateLimitFeatures(selecting)) known.set(JSON.stringify(one), one);
  }
  return new Map([...limits].map(([key, features]) => [key, [...features.values()]]));
}

function openOf(
  observations: readonly ProxyObservation[],
  service: ServiceId,
  mesh: ApiParts["mesh"],
): OpenBreaker[] {
  const workloads = new Map(
    mesh.knownEndpoints(service).map(({ endpoint }) => [endpoint.id, endpoint]),
  );
  const open = observations.flatMap((one): OpenBreaker[] => {
    const { source, subset, endpointId, state, reason, sinceMs, untilMs } = one;
    if (state !== "ejected" && state !== "open") return [];
    const endpoint = workloads.get(endpointId);
    return [
      {
        source,
        ...(subset === undefined ? {} : { subset }),
        endpointId,
        ...(endpoint
          ? { workload: formatId({ namespace: endpoint.namespace, name: endpoint.workload }) }
          : {}),
        state,
        reason,
        sinceMs,
        ...(untilMs === undefined ? {} : { untilMs }),
      },
    ];
  });
  return open.sort((a, b) => b.sinceMs - a.sinceMs).slice(0, MAX_BREAKERS);
}
