import { formatId } from "@heddle/mesh";
import {
  formatRef,
  type HostRef,
  isDnsLabel,
  type Labels,
  MTLS_DRY_RUN,
  type Resource,
} from "@heddle/resources";
import { carries } from "../snapshot/caller-class.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { byAge, type DocumentOf, isOf, type MeshDocument } from "../snapshot/mesh-document.ts";
import { hostOf, wildcardSuffix } from "../snapshot/service-host.ts";
import type { CheckContext } from "./check-context.ts";
import { type CodedWarning, coded } from "./coded-warning.ts";
import { warnOfAuthorization } from "./warn-of-authorization.ts";
import { warnOfClientTls, warnOfRulesAgainst } from "./warn-of-client-tls.ts";

/** What is odd about a document among the others: it works, though perhaps not as its author thinks. */
export function warnOf(
  document: MeshDocument,
  snapshot: ConfigSnapshot,
  context: CheckContext,
): CodedWarning[] {
  const ref = formatRef(document.resource);
  return warnings(document, snapshot, context).map(({ text, codes }) => {
    return { text: `${ref}: ${text}`, codes };
  });
}

/** Of hosts that are not there: a route's, a rule's. */
const NO_HOST = ["IST0101", "IST0174"] as const;
const TLS_TRAP = ["HDL006"] as const;

function warnings(
  document: MeshDocument,
  snapshot: ConfigSnapshot,
  context: CheckContext,
): CodedWarning[] {
  const { resource } = document;
  switch (resource.kind) {
    case "VirtualService": {
      if (!resource.isForMesh) return [];
      const targets = [...resource.routes, ...resource.tcpRoutes, ...resource.tlsRoutes].flatMap(
        ({ destinations }) => destinations,
      );
      return coded(
        NO_HOST,
        warnOfHosts([...resource.hosts, ...targets], resource, snapshot, context),
      );
    }
    case "DestinationRule":
      return [
        ...coded(NO_HOST, warnOfHosts([resource], resource, snapshot, context)),
        ...(isOf(document, "DestinationRule")
          ? coded(TLS_TRAP, warnOfClientTls(document, snapshot, context))
          : []),
      ];
    case "TrafficPolicy":
      return [
        ...coded(NO_HOST, warnOfHosts(resource.destinations, resource, snapshot, context)),
        ...coded([], warnOfPolicySubsets(resource, snapshot)),
      ];
    case "PeerAuthentication":
      return [
        ...coded(["HDL031"], warnOfPeerAuthentication(document, snapshot)),
        ...(isOf(document, "PeerAuthentication")
          ? coded(TLS_TRAP, warnOfRulesAgainst(document, snapshot, context))
          : []),
      ];
    case "Sidecar":
      return coded(
        ["IST0110", "IST0111"],
        warnOfRival(document, snapshot, resource.workloadSelector),
      );
    case "AuthorizationPolicy":
      return coded(["HDL024", "HDL025"], warnOfAuthorization(resource, snapshot));
    case "Telemetry":
      return coded(["IST0159", "IST0160"], warnOfRival(document, snapshot, resource.selector));
    case "Service":
      return coded([], warnOfSelector(resource, context));
    case "MeshConfig":
      return coded([], warnOfMeshConfig(resource, context));
    default:
      return [];
  }
}

function warnOfHosts(
  refs: readonly HostRef[],
  { namespace }: Resource,
  snapshot: ConfigSnapshot,
  context: CheckContext,
): string[] {
  const unknown = refs.flatMap((ref) => {
    if (wildcardSuffix(ref.host) !== undefined) return [];
    const service = snapshot.hosts.ofRef(ref, namespace);
    const key = formatId(service);
    if (snapshot.declared.has(key) || context.isServed(service)) return [];
    if (isDnsLabel(service.name)) return [`no workload of service ${key} is in the mesh yet`];
    return [`no ServiceEntry names the host ${hostOf(service)} (yet)`];
  });
  return [...new Set(unknown)];
}

function warnOfPolicySubsets(
  resource: Extract<Resource, { kind: "TrafficPolicy" }>,
  snapshot: ConfigSnapshot,
): string[] {
  return resource.destinations.flatMap((ref, index) => {
    if (ref.subset === undefined || wildcardSuffix(ref.host) !== undefined) return [];
    const service = snapshot.hosts.ofRef(ref, resource.namespace);
    const known = snapshot.service(service).ruleSets.some(({ rules }) => {
      return rules.subsets.some(({ rule }) => rule.name === ref.subset);
    });
    if (known) return [];
    return [
      `spec.destinations[${index}].subset: ${formatId(service)} has no subset ${JSON.stringify(ref.subset)}; the policy holds for nothing there`,
    ];
  });
}

function warnOfPeerAuthentication(document: MeshDocument, snapshot: ConfigSnapshot): string[] {
  const { resource, createdAtMs } = document;
  if (resource.kind !== "PeerAuthentication") return [];
  if (resource.selector && resource.namespace === snapshot.rootNamespace) {
    return [`ignored, a policy with a selector has no effect in ${snapshot.rootNamespace}`];
  }
  const selector = JSON.stringify(resource.selector);
  const older = [...snapshot.documents.values()].find(
    (other) =>
      other.resource.kind === "PeerAuthentication" &&
      other.resource !== resource &&
      other.resource.namespace === resource.namespace &&
      JSON.stringify(other.resource.selector) === selector &&
      other.createdAtMs <= createdAtMs,
  );
  if (older) return [`ignored, ${formatRef(older.resource)} is older and covers the same`];
  if (resource.isStrictDryRun !== true || resource.mode === "PERMISSIVE") return [];
  const mode = resource.mode ?? "UNSET";
  return [
    `${MTLS_DRY_RUN} has no effect with mode ${mode}: a dry run of STRICT goes with PERMISSIVE`,
  ];
}

/** Of two that cover a whole namespace, or the same labels of it, the oldest holds (IST0110, 0111, 0159, 0160). */
function warnOfRival(
  document: MeshDocument,
  { documents }: ConfigSnapshot,
  selector: Labels | undefined,
): string[] {
  const { kind, namespace } = document.resource;
  const rival = [...documents.values()].toSorted(byAge).find(({ resource }) => {
    if (resource.kind !== kind || resource.namespace !== namespace) return false;
    return resource !== document.resource && sameLabels(selectorOf(resource), selector);
  });
  if (!rival) return [];
  const what = selector ? "the same workloads" : `all of namespace ${namespace}`;
  const [holds, other] = byAge(rival, document) < 0 ? ["that", "this"] : ["this", "that"];
  const effect =
    kind === "Sidecar"
      ? `${holds} one is older and holds, ${other} one is ignored`
      : "what the younger says takes the place of what the older does";
  return [`${formatRef(rival.resource)} covers ${what} too; ${effect}`];
}

function selectorOf(resource: Resource): Labels | undefined {
  if (resource.kind === "Sidecar") return resource.workloadSelector;
  return resource.kind === "Telemetry" ? resource.selector : undefined;
}

function sameLabels(a: Labels | undefined, b: Labels | undefined): boolean {
  if (!a || !b) return a === b;
  return carries(a, b) && carries(b, a);
}

function warnOfSelector(
  { namespace, selector }: DocumentOf<"Service">["resource"],
  { workloads }: CheckContext,
): string[] {
  if (!selector || Object.keys(selector).length === 0) return [];
  const isServed = workloads().some(
    (one) => one.namespace === namespace && carries(one.labels, selector),
  );
  if (isServed) return [];
  const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  return [`spec.selector: no workload of namespace ${namespace} has ${labels.join(", ")} yet`];
}

function warnOfMeshConfig(
  { trustDomain }: DocumentOf<"MeshConfig">["resource"],
  context: CheckContext,
): string[] {
  const atStart = "is set when the control plane starts (HEDDLE_TRUST_DOMAIN)";
  return [
    ...(trustDomain !== undefined && trustDomain !== context.trustDomain
      ? [`trustDomain ${atStart}; it stays ${context.trustDomain}`]
      : []),
  ];
}
