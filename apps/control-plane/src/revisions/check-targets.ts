import { formatId, type ServiceId } from "@heddle/mesh";
import { type Fault, formatRef, type HostRef } from "@heddle/resources";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { describeDropped, findDelegate } from "../snapshot/delegates.ts";
import { type DocumentOf, isVisibleTo } from "../snapshot/mesh-document.ts";

type Target = HostRef & {
  readonly subset?: string | undefined;
  readonly port?: number | undefined;
};
type Outcome = { readonly faults: Fault[]; readonly warnings: string[] };
type Place = { readonly at: string; readonly to: Target };

/**
 * Where a VirtualService sends: every subset must be one that some caller of it has, every port one that
 * is declared, every delegate there.
 */
export function checkTargets(
  document: DocumentOf<"VirtualService">,
  snapshot: ConfigSnapshot,
): Outcome {
  const outcome: Outcome = { faults: [], warnings: [] };
  for (const place of placesOf(document)) {
    const service = snapshot.hosts.ofRef(place.to, document.resource.namespace);
    checkSubset(outcome, document, place, service, snapshot);
    checkPort(outcome, document, place, service, snapshot);
  }
  const findDocument = (ref: string) => snapshot.documents.get(ref);
  const dropped = describeDropped(document, snapshot.hosts, findDocument);
  outcome.warnings.push(...dropped.map((one) => `${formatRef(document.resource)}: ${one}`));
  for (const route of document.resource.routes) {
    const { delegate, index } = route;
    if (!delegate) continue;
    if (findDelegate(document, route, findDocument)) continue;
    outcome.warnings.push(
      `${formatRef(document.resource)}: spec.http[${index}].delegate: there is no VirtualService ${formatId(delegate)} without hosts that is exported to ${document.resource.namespace}; the route takes no request until there is`,
    );
  }
  return outcome;
}

function placesOf({ resource }: DocumentOf<"VirtualService">): Place[] {
  const http = resource.routes.flatMap(({ index, destinations, mirrors = [] }) => [
    ...destinations.map((to, at) => ({ at: `http[${index}].route[${at}].destination`, to })),
    ...mirrors.map(({ destination: to }, at) => ({ at: `http[${index}].mirrors[${at}]`, to })),
  ]);
  const l4 = (["tcp", "tls"] as const).flatMap((kind) =>
    resource[`${kind}Routes`].flatMap(({ index, destinations }) =>
      destinations.map((to, at) => ({ at: `${kind}[${index}].route[${at}].destination`, to })),
    ),
  );
  return [...http, ...l4];
}

function checkSubset(
  { faults, warnings }: Outcome,
  { resource }: DocumentOf<"VirtualService">,
  { at, to }: Place,
  service: ServiceId,
  snapshot: ConfigSnapshot,
): void {
  const { subset } = to;
  if (subset === undefined) return;
  const views = snapshot
    .service(service)
    .ruleSets.filter(({ caller }) => isVisibleTo(resource.visibleTo, caller.namespace))
    .map(({ caller, rules }) => ({ caller, names: rules.subsets.map(({ rule }) => rule.name) }));
  const without = views.filter(({ names }) => !names.includes(subset));
  if (without.length === 0 && views.length > 0) return;
  const field = `${formatRef(resource)}: spec.${at}.subset`;
  if (without.length === views.length) {
    const known = new Set(views.flatMap(({ names }) => names));
    const names = known.size === 0 ? "none" : [...known].sort().join(", ");
    const message = `is ${JSON.stringify(subset)}; subsets of ${formatId(service)} (from its DestinationRule): ${names}`;
    faults.push({ field, message });
    return;
  }
  const whom = without.map(({ caller }) => caller.namespace ?? "other namespaces");
  warnings.push(
    `${field}: callers of ${[...new Set(whom)].join(", ")} see another DestinationRule of ${formatId(service)}, without subset ${JSON.stringify(subset)}; their requests fail there`,
  );
}

function checkPort(
  { faults }: Outcome,
  { resource }: DocumentOf<"VirtualService">,
  { at, to }: Place,
  service: ServiceId,
  snapshot: ConfigSnapshot,
): void {
  const ports = snapshot.declared.get(formatId(service))?.ports ?? [];
  if (to.port === undefined || ports.length === 0) return;
  if (ports.some(({ number }) => number === to.port)) return;
  const names = ports.map(({ number, name }) =>
    name === undefined ? `${number}` : `${number} (${name})`,
  );
  faults.push({
    field: `${formatRef(resource)}: spec.${at}.port.number`,
    message: `is ${to.port}; ports of ${formatId(service)}: ${names.join(", ")}`,
  });
}
