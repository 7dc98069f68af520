import { formatId, type MtlsMode, type TrafficPolicy } from "@heddle/mesh";
import { formatRef } from "@heddle/resources";
import { carries } from "../snapshot/caller-class.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { type DocumentOf, isOf, type MeshDocument } from "../snapshot/mesh-document.ts";
import { wildcardSuffix } from "../snapshot/service-host.ts";
import type { CheckContext } from "./check-context.ts";

type ClientMode = NonNullable<TrafficPolicy["tls"]>["mode"];
type Called = ReturnType<CheckContext["workloads"]>[number];

/** Why callers that do what a rule says are not understood by a sidecar in this mode; `undefined`: they are. */
function trapOf(client: ClientMode, server: MtlsMode): string | undefined {
  if (client === "DISABLE" && server === "STRICT") return "STRICT, and refuses plaintext";
  if (client === "ISTIO_MUTUAL" && server === "DISABLE") return "DISABLE: its sidecar ends no TLS";
  if ((client === "SIMPLE" || client === "MUTUAL") && server === "STRICT") {
    return "STRICT, and refuses TLS without a certificate of the mesh";
  }
  return undefined;
}

const ADVICE = "leave tls out, and callers choose for each endpoint by themselves";

/** A DestinationRule's `tls` against what the workloads it leads to demand. */
export function warnOfClientTls(
  { resource }: DocumentOf<"DestinationRule">,
  snapshot: ConfigSnapshot,
  { workloads }: CheckContext,
  concerns: (workload: Called) => boolean = () => true,
): string[] {
  if (wildcardSuffix(resource.host) !== undefined) return [];
  const service = snapshot.hosts.ofRef(resource, resource.namespace);
  const called = workloads().filter(
    (one) => one.namespace === service.namespace && one.labels["app"] === service.name,
  );
  const warnings = modesOf(resource).flatMap(({ field, mode, labels }) =>
    called.flatMap((workload) => {
      if (!carries(workload.labels, labels) || !concerns(workload)) return [];
      const trap = trapOf(mode, snapshot.workloads.effectiveMtls(workload).mode);
      if (trap === undefined) return [];
      const version = workload.labels["version"];
      const name = `${formatId(service)}${version === undefined ? "" : `, version ${version},`}`;
      return [`${field}.tls.mode: ${mode}, but ${name} is ${trap}; ${ADVICE}`];
    }),
  );
  return [...new Set(warnings)];
}

/** The same from the other side: rules that what a PeerAuthentication changes makes a trap of. */
export function warnOfRulesAgainst(
  { resource }: DocumentOf<"PeerAuthentication">,
  snapshot: ConfigSnapshot,
  context: CheckContext,
): string[] {
  const isOfPolicy = (workload: Called) => {
    const { policy } = snapshot.workloads.effectiveMtls(workload);
    return policy?.namespace === resource.namespace && policy.name === resource.name;
  };
  return [...snapshot.documents.values()]
    .filter((one: MeshDocument) => isOf(one, "DestinationRule"))
    .flatMap((rule) =>
      warnOfClientTls(rule, snapshot, context, isOfPolicy).map(
        (warning) => `${formatRef(rule.resource)}: ${warning}`,
      ),
    );
}

function modesOf({ trafficPolicy, subsets }: DocumentOf<"DestinationRule">["resource"]) {
  const levels = [
    { field: "spec.trafficPolicy", policy: trafficPolicy, labels: {} },
    ...subsets.map((subset, index) => ({
      field: `spec.subsets[${index}].trafficPolicy`,
      policy: subset.trafficPolicy,
      labels: subset.labels,
    })),
  ];
  return levels.flatMap(({ field, policy, labels }) => {
    const ports = Object.entries(policy?.ports ?? {}).map(([port, settings]) => ({
      field: `${field}.portLevelSettings[${port}]`,
      mode: settings.tls?.mode,
    }));
    return [{ field, mode: policy?.tls?.mode }, ...ports].flatMap(({ field: at, mode }) =>
      mode === undefined ? [] : [{ field: at, mode, labels }],
    );
  });
}
