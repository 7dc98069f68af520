import { formatId, type ServiceId } from "@heddle/mesh";
import { type Fault, formatRef } from "@heddle/resources";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { describeDropped, findDelegate } from "../snapshot/delegates.ts";
import { type DocumentOf, isVisibleTo } from "../snapshot/mesh-document.ts";
import { targetsOf, type WrittenTarget } from "../snapshot/rule-index.ts";
import { type CodedWarning, coded } from "./coded-warning.ts";

type Outcome = { readonly faults: Fault[]; readonly warnings: CodedWarning[] };

/** The documents as they are to be and as they are, and who serves now. */
export type TargetContext = {
  readonly next: ConfigSnapshot;
  readonly before: ConfigSnapshot;
  /** Version labels of those who serve a service now. */
  readonly versionsOf: (service: ServiceId) => ReadonlySet<string | undefined>;
};

/**
 * Where a VirtualService sends. A subset that no DestinationRule defines stands for the version of that
 * name; it is a fault where one defined it until now, or where others serve and none is of that version:
 * requests that are answered now would fail. A port must be a declared one.
 */
export function checkTargets(
  document: DocumentOf<"VirtualService">,
  context: TargetContext,
): Outcome {
  const snapshot = context.next;
  const outcome: Outcome = { faults: [], warnings: [] };
  for (const place of targetsOf(document.resource)) {
    const service = snapshot.hosts.ofRef(place.to, document.resource.namespace);
    checkSubset(outcome, document, place, service, context);
    checkPort(outcome, document, place, service, snapshot);
  }
  const findDocument = (ref: string) => snapshot.documents.get(ref);
  const dropped = describeDropped(document, snapshot.hosts, findDocument);
  const ref = formatRef(document.resource);
  outcome.warnings.push(
    ...coded(
      [],
      dropped.map((one) => `${ref}: ${one}`),
    ),
  );
  for (const route of document.resource.routes) {
    const { delegate, index } = route;
    if (!delegate) continue;
    if (findDelegate(document, route, findDocument)) continue;
    const text = `${ref}: spec.http[${index}].delegate: there is no VirtualService ${formatId(delegate)} without hosts that is exported to ${document.resource.namespace}; the route takes no request until there is`;
    outcome.warnings.push({ text, codes: ["HDL032"] });
  }
  return outcome;
}

function checkSubset(
  { faults, warnings }: Outcome,
  { resource }: DocumentOf<"VirtualService">,
  { at, to }: WrittenTarget,
  service: ServiceId,
  { next, before, versionsOf }: TargetContext,
): void {
  const { subset } = to;
  if (subset === undefined) return;
  const views = viewsOf(resource, service, next);
  const without = views.filter(({ names }) => !names.has(subset));
  if (without.length === 0) return;
  const field = `${formatRef(resource)}: spec.${at}.subset`;
  const id = formatId(service);
  if (without.length < views.length) {
    const whom = without.map(({ caller }) => caller.namespace ?? "other namespaces");
    const named = [...new Set(whom)].join(", ");
    const text = `${field}: callers of ${named} see another DestinationRule of ${id}, without subset ${JSON.stringify(subset)}; for them it is version ${subset}`;
    warnings.push({ text, codes: [] });
    return;
  }
  const versions = versionsOf(service);
  const isTakenAway = viewsOf(resource, service, before).some(({ names }) => names.has(subset));
  const failsNow = versions.size > 0 && !versions.has(subset);
  const known = [...new Set(views.flatMap(({ names }) => [...names]))].sort();
  const said = `subsets of ${id} (from its DestinationRule): ${known.join(", ") || "none"}`;
  if (isTakenAway || failsNow) {
    faults.push({ field, message: `is ${JSON.stringify(subset)}; ${said}` });
    return;
  }
  const text = `${field}: is ${JSON.stringify(subset)}; ${said}. It stands for workloads of version ${subset}${versions.size === 0 ? "; none of the service is in the mesh yet" : ""}`;
  warnings.push({ text, codes: ["HDL001", "IST0101"] });
}

/** The subsets that DestinationRules define, for each set of callers that see the VirtualService. */
function viewsOf(
  { visibleTo }: DocumentOf<"VirtualService">["resource"],
  service: ServiceId,
  snapshot: ConfigSnapshot,
) {
  return snapshot
    .service(service)
    .ruleSets.filter(({ caller }) => isVisibleTo(visibleTo, caller.namespace))
    .map(({ caller, rules }) => {
      const defined = rules.subsets.filter(({ origin }) => origin !== undefined);
      return { caller, names: new Set(defined.map(({ rule }) => rule.name)) };
    });
}

function checkPort(
  { faults }: Outcome,
  { resource }: DocumentOf<"VirtualService">,
  { at, to }: WrittenTarget,
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
