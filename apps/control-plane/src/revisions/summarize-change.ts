import { formatId } from "@heddle/mesh";
import {
  formatRef,
  type HostRef,
  type Labels,
  type PeerAuthenticationDocument,
  type Resource,
  type VirtualService,
} from "@heddle/resources";

/** One document before and after, parsed. */
export type ChangedResource = {
  readonly before: Resource | undefined;
  readonly after: Resource | undefined;
};

/** With more subjects than these, the last ones are only counted. */
const MAX_NAMED = 3;

/** A change in one sentence: "payments v2 to 10 %", "shipping-v3 set to STRICT", "3 documents for reviews and cart". */
export function summarizeChange(changes: readonly ChangedResource[]): string {
  const [first] = changes;
  if (!first) return "Nothing changed";
  if (changes.length > 1) return summarizeMany(changes);
  return summarizeSplit(first) ?? summarizeMode(first) ?? summarizePlainly(first);
}

/** What finds the services a document shapes. */
export type ShapedServices = {
  /** Services whose instances a selector takes in, `namespace/name`. */
  readonly selectedBy: (policy: {
    readonly namespace: string;
    readonly selector: Labels | undefined;
  }) => readonly string[];
  /** The services whose endpoints bear a workload's name, `namespace/name`. */
  readonly servicesOfWorkload: (workload: {
    readonly namespace: string;
    readonly workload: string;
  }) => readonly string[];
  /** The service a host of a document means, `namespace/name`. */
  readonly keyOf: (ref: HostRef, namespace: string) => string;
};

/** Services whose traffic a change shapes, `namespace/name`; those under a wildcard are not listed. */
export function servicesShaped(
  changes: readonly ChangedResource[],
  services: ShapedServices,
): string[] {
  const shaped = changes.flatMap(({ before, after }) =>
    [before, after].flatMap((resource) => (resource ? servicesOf(resource, services) : [])),
  );
  return [...new Set(shaped)].sort();
}

function servicesOf(
  resource: Resource,
  { selectedBy, servicesOfWorkload, keyOf }: ShapedServices,
): readonly string[] {
  const { namespace, name } = resource;
  const keysOf = (refs: readonly HostRef[]) =>
    refs.filter(({ host }) => !host.startsWith("*")).map((ref) => keyOf(ref, namespace));
  switch (resource.kind) {
    case "VirtualService":
    case "ServiceEntry":
      return keysOf(resource.hosts);
    case "DestinationRule":
      return keysOf([resource]);
    case "TrafficPolicy":
      return keysOf(resource.destinations);
    case "Bypass":
      return resource.target.kind === "pair" ? keysOf([resource.target.destination]) : [];
    case "Service":
      return [formatId({ namespace, name })];
    case "DnsSource":
      return [formatId({ namespace, name: resource.service })];
    case "InstanceOverride":
      return servicesOfWorkload(resource);
    case "WorkloadEntry": {
      const app = resource.labels["app"];
      return app === undefined ? [] : [formatId({ namespace, name: app })];
    }
    case "PeerAuthentication":
    case "AuthorizationPolicy":
    case "RequestAuthentication":
    case "Telemetry":
    case "RateLimit":
    case "ProxyFilter":
      return selectedBy(resource);
    default: // Sidecar, WorkloadGroup and MeshConfig shape what callers see, not one service
      return [];
  }
}

function summarizeSplit({ before, after }: ChangedResource): string | undefined {
  if (after?.kind !== "VirtualService") return undefined;
  const now = plainSplit(after);
  const [service] = after.services;
  if (!now || !service) return undefined;
  const was = before?.kind === "VirtualService" ? plainSplit(before) : undefined;
  if (was && JSON.stringify(was) === JSON.stringify(now)) return undefined; // something else changed
  const [, canary] = now;
  if (now.length === 2 && canary) return `${service.name} ${canary.subset} to ${canary.percent} %`;
  return `${service.name} split ${now.map(({ percent }) => percent).join(" / ")}`;
}

function plainSplit(document: VirtualService) {
  const route = document.routes.find(({ matches }) => matches.length === 0);
  if (!route || route.destinations.length < 2) return undefined;
  const sum = route.destinations.reduce((total, { weight }) => total + weight, 0);
  return route.destinations.map(({ service, subset, weight }) => ({
    subset: subset ?? service.name,
    percent: Math.round((weight / sum) * 1000) / 10,
  }));
}

function summarizeMode({ before, after }: ChangedResource): string | undefined {
  if (after?.kind !== "PeerAuthentication") return undefined;
  if (before?.kind === "PeerAuthentication" && before.mode === after.mode) return undefined;
  const name = subjectOf(after);
  const subject = after.selector ? name : `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  return `${subject} set to ${after.mode ?? "UNSET"}`;
}

function subjectOf({ namespace, selector }: PeerAuthenticationDocument): string {
  if (!selector) return namespace === "istio-system" ? "the mesh" : `namespace ${namespace}`;
  const { app, version, ...others } = selector;
  const rest = Object.entries(others).map(([key, value]) => `${key}=${value}`);
  return [app === undefined ? [] : [version === undefined ? app : `${app}-${version}`], rest]
    .flat()
    .join(", ");
}

function summarizePlainly(change: ChangedResource): string {
  const resource = change.after ?? change.before;
  return resource ? `${verbOf(change)} ${formatRef(resource)}` : "Nothing changed";
}

/** Says what became of the traffic if that is one thing, else counts: the changes themselves list every document. */
function summarizeMany(changes: readonly ChangedResource[]): string {
  const split = summarizeNewSubsets(changes);
  if (split) return split;
  const subjects = [
    ...new Set(changes.flatMap(({ before, after }) => nameSubject(after ?? before))),
  ];
  const shown = subjects.length > MAX_NAMED ? subjects.slice(0, MAX_NAMED - 1) : subjects;
  const rest = subjects.length - shown.length;
  const [last, ...others] = [...shown, ...(rest > 0 ? [`${rest} more`] : [])].reverse();
  const list = others.length > 0 ? `${others.reverse().join(", ")} and ${last}` : last;
  const isDeletion = changes.every(({ after }) => !after);
  return `${isDeletion ? "Deleted " : ""}${changes.length} documents for ${list}`;
}

/** A split together with the new DestinationRule that names its subsets is still that split. */
function summarizeNewSubsets(changes: readonly ChangedResource[]): string | undefined {
  const splits = changes.filter(({ after }) => after?.kind === "VirtualService");
  const [split] = splits;
  if (split?.after?.kind !== "VirtualService" || splits.length > 1) return undefined;
  const [service] = split.after.services;
  const isOfSplit = ({ before, after }: ChangedResource) =>
    !before &&
    after?.kind === "DestinationRule" &&
    service !== undefined &&
    formatId(after.service) === formatId(service);
  if (!changes.every((change) => change === split || isOfSplit(change))) return undefined;
  return summarizeSplit(split);
}

function nameSubject(resource: Resource | undefined): string[] {
  if (!resource) return [];
  switch (resource.kind) {
    case "VirtualService":
      return resource.services.length > 0
        ? resource.services.map(({ name }) => name)
        : [resource.name];
    case "DestinationRule":
      return [resource.service.name];
    case "PeerAuthentication":
      return [subjectOf(resource)];
    case "ServiceEntry":
      return resource.hosts.map(({ host }) => host);
    case "WorkloadEntry":
      return [resource.labels["app"] ?? resource.name];
    default:
      return [resource.name];
  }
}

function verbOf({ before, after }: ChangedResource): string {
  if (!before) return "Created";
  return after ? "Updated" : "Deleted";
}
