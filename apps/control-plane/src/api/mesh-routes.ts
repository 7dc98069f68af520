import { StatusResponse, type WorkloadState, WorkloadsResponse } from "@heddle/contracts";
import { formatId, formatSpiffeId } from "@heddle/mesh";
import type { StoredInstance } from "@heddle/store";
import packageJson from "../../package.json" with { type: "json" };
import { describeInstance } from "../registry/describe-instance.ts";
import { serviceKeyOf, workloadKeyOf } from "../registry/instance.ts";
import { ApiRoutes } from "./api-routes.ts";
import type { ApiParts } from "./parts.ts";

/** Who is in the mesh, and which mode each workload has. */
export function meshRoutes(parts: ApiParts) {
  const { registry, hub, mesh, authority } = parts;
  return new ApiRoutes()
    .get(
      "/status",
      {
        summary: "Show what mesh this is and how it stands",
        role: "viewer",
        answer: StatusResponse,
      },
      (context) => {
        const answer: StatusResponse = {
          trustDomain: parts.trustDomain,
          caCreatedAtMs: authority().createdAtMs,
          controlAddress: parts.controlAddress(),
          controlAddresses: [
            ...new Set([
              parts.controlAddress(),
              ...parts.replicas.others.map((one) => one.controlAddress),
            ]),
          ],
          proxiesConnected: hub.size,
          revision: mesh.snapshot.revision,
          version: packageJson.version,
        };
        return context.json(answer);
      },
    )
    .get(
      "/workloads",
      {
        summary: "List the workloads and their instances",
        role: "viewer",
        answer: WorkloadsResponse,
      },
      (context) => {
        const byWorkload = Map.groupBy(registry.instances(), workloadKeyOf);
        const workloads = [...byWorkload.values()].flatMap(
          (instances) => toWorkload(parts, instances) ?? [],
        );
        workloads.sort((a, b) => (formatId(a) < formatId(b) ? -1 : 1));
        const answer: WorkloadsResponse = { workloads };
        return context.json(answer);
      },
    );
}

function toWorkload(
  { registry, mesh, observations, trustDomain }: ApiParts,
  instances: readonly StoredInstance[],
): WorkloadState | undefined {
  const [first] = instances;
  if (!first) return undefined;
  const id = { namespace: first.namespace, name: first.workload };
  const { mode, policy } = mesh.snapshot.workloads.effectiveMtls(first);
  const dryRun = mesh.snapshot.workloads.strictDryRun(first);
  const found = observations.protocols().get(serviceKeyOf(first)) ?? [];
  const suggestions = [...found]
    .filter(([port]) => instances.some((one) => isUndeclared(one, port)))
    .map(([port, protocol]) => ({ port, protocol }));
  const notAfter = instances.flatMap((one) => one.certificateNotAfterMs ?? []);
  return {
    ...id,
    service: first.service,
    ...(first.version === undefined ? {} : { version: first.version }),
    labels: { ...first.labels },
    identity: formatSpiffeId({ trustDomain, workload: id }),
    mtlsMode: mode,
    ...(policy === undefined ? {} : { mtlsPolicy: formatId(policy) }),
    ...(dryRun === undefined ? {} : { isStrictDryRun: true }),
    ...(notAfter.length === 0 ? {} : { certificateNotAfterMs: Math.min(...notAfter) }),
    ...(suggestions.length === 0 ? {} : { protocolSuggestions: suggestions }),
    instances: instances.map((one) => describeInstance(one, registry.findProxy(one.proxyId))),
  };
}

function isUndeclared({ appPort, protocol, morePorts }: StoredInstance, port: number): boolean {
  const ports = [{ appPort, protocol }, ...morePorts];
  return ports.some((one) => one.appPort === port && one.protocol === "auto");
}
