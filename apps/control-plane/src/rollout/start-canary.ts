import { formatId, type ServiceId } from "@heddle/mesh";
import { editYaml, formatRef, type ResourceRef } from "@heddle/resources";
import type { StoredInstance } from "@heddle/store";
import { ChangeRefusedError, NotFoundError } from "../revisions/change-errors.ts";
import type { PlannedDocument } from "../revisions/change-request.ts";
import { parseOne } from "../revisions/parse-one.ts";
import {
  type ConfigSnapshot,
  findVirtualService,
  serviceResource,
} from "../snapshot/config-snapshot.ts";
import type { DocumentOf } from "../snapshot/mesh-document.ts";
import { canaryPercent, findCanary } from "./find-canary.ts";

export type CanaryWish = {
  readonly service: ServiceId;
  /** The version that is to be judged. */
  readonly version: string;
  /** `undefined`: the one that has all the traffic, or the only other there is. */
  readonly stable: string | undefined;
  readonly canaryPercent: number;
};

type Route = DocumentOf<"VirtualService">["resource"]["routes"][number];

/**
 * The VirtualService that gives a version its share beside the one that has all the traffic: the service's plain
 * route is edited, or the rule is made. A subset nobody defines means the version of its name (decision 75), so no
 * DestinationRule is needed. Throws `ChangeRefusedError`, `NotFoundError`.
 */
export function planCanaryStart(
  snapshot: ConfigSnapshot,
  instances: readonly StoredInstance[],
  wish: CanaryWish,
): PlannedDocument {
  const { service, version } = wish;
  requireVersion(instances, service, version);
  if (wish.stable !== undefined) requireVersion(instances, service, wish.stable);
  const canary = subsetOf(snapshot, service, version);
  const document = findVirtualService(snapshot, service);
  if (!document) {
    const stable = subsetOf(snapshot, service, wish.stable ?? onlyOther(instances, wish));
    requireTwo(service, stable, canary);
    const ref = freeName(snapshot, service);
    return { ref, after: parseOne(newRule(ref, wish, stable, canary)) };
  }
  const { resource, yaml } = document;
  const route = resource.routes.find(({ matches }) => matches.length === 0);
  const carrier = carrierOf(snapshot, wish, resource, route);
  const stable =
    wish.stable === undefined
      ? (carrier.destination.subset ?? subsetOf(snapshot, service, onlyOther(instances, wish)))
      : subsetOf(snapshot, service, wish.stable);
  requireTwo(service, stable, canary);
  const { host, port } = carrier.destination;
  const at = (...rest: (string | number)[]) => [
    "spec",
    "http",
    carrier.route.index,
    "route",
    ...rest,
  ];
  const destination = {
    host,
    subset: canary,
    ...(port === undefined ? {} : { port: { number: port } }),
  };
  const edited = editYaml(yaml, [
    { path: at(0, "destination", "subset"), value: stable },
    { path: at(0, "weight"), value: 100 - wish.canaryPercent },
    { path: at(1), value: { destination, weight: wish.canaryPercent } },
  ]);
  return { ref: resource, after: parseOne(edited) };
}

/** Where all plain requests go now: there must be one such place, and it must be the service itself. */
function carrierOf(
  snapshot: ConfigSnapshot,
  { service }: CanaryWish,
  { namespace, name }: ResourceRef,
  route: Route | undefined,
): { readonly route: Route; readonly destination: Route["destinations"][number] } {
  const rule = `VirtualService ${namespace}/${name}`;
  if (!route) throw new ChangeRefusedError(`${rule} has no route without a match; add one first`);
  const found = findCanary(snapshot, formatId(service));
  const share = found && Math.round(canaryPercent(found));
  if (found && share !== 0 && share !== 100) {
    throw new ChangeRefusedError(
      `${formatId(service)} has ${found.canary.subset} on trial at ${share} %: promote it or roll it back first, or change its share (heddle canary weight)`,
    );
  }
  const carrying = route.destinations.filter(
    ({ weight }) => weight > 0 || route.destinations.length === 1,
  );
  const [destination, ...others] = carrying;
  const isOwn =
    destination !== undefined &&
    (formatId(destination.service) === formatId(service) || destination.host === service.name);
  if (!isOwn || others.length > 0 || route.destinations.length > 2) {
    const why = "its plain route does not send everything to one version of the service itself";
    throw new ChangeRefusedError(`${rule} cannot begin a canary: ${why}; edit it (heddle apply)`);
  }
  return { route, destination };
}

function requireVersion(
  instances: readonly StoredInstance[],
  service: ServiceId,
  version: string,
): void {
  const there = versionsOf(instances);
  if (there.includes(version)) return;
  const known = there.length === 0 ? "none is registered" : `there are ${there.join(", ")}`;
  throw new NotFoundError(
    `${formatId(service)} has no workload of version ${version}: ${known}. Start it first (heddle run --service ${service.name} --version ${version} …)`,
  );
}

function onlyOther(instances: readonly StoredInstance[], { service, version }: CanaryWish): string {
  const others = versionsOf(instances).filter((one) => one !== version);
  const [only, ...more] = others;
  if (only !== undefined && more.length === 0) return only;
  throw new ChangeRefusedError(
    only === undefined
      ? `${formatId(service)} has no other version that ${version} could be judged against`
      : `${formatId(service)} has several other versions (${others.join(", ")}): say which is stable (--stable)`,
  );
}

function versionsOf(instances: readonly StoredInstance[]): string[] {
  return [...new Set(instances.flatMap(({ labels }) => labels["version"] ?? []))].sort();
}

/** What a DestinationRule calls the version; without one its own name. */
function subsetOf(snapshot: ConfigSnapshot, service: ServiceId, version: string): string {
  const { subsets } = serviceResource(snapshot, service);
  const defined = subsets.find(
    ({ labels }) => labels["version"] === version && Object.keys(labels).length === 1,
  );
  return defined?.name ?? version;
}

function requireTwo(service: ServiceId, stable: string, canary: string): void {
  if (stable !== canary) return;
  throw new ChangeRefusedError(`${formatId(service)}: ${canary} has all the traffic already`);
}

function freeName(snapshot: ConfigSnapshot, { namespace, name }: ServiceId): ResourceRef {
  const plain = { kind: "VirtualService", namespace, name } as const;
  const isTaken = snapshot.documents.has(formatRef(plain));
  return isTaken ? { ...plain, name: `${name}-canary` } : plain;
}

function newRule(ref: ResourceRef, wish: CanaryWish, stable: string, canary: string): string {
  const host = wish.service.name;
  const to = (subset: string, weight: number) => ({ destination: { host, subset }, weight });
  return JSON.stringify({
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: ref.name, namespace: ref.namespace },
    spec: {
      hosts: [host],
      http: [{ route: [to(stable, 100 - wish.canaryPercent), to(canary, wish.canaryPercent)] }],
    },
  });
}
