import type { ServiceId } from "@heddle/mesh";
import { type Fault, formatRef } from "@heddle/resources";
import { MAX_CALLER_CLASSES } from "../snapshot/caller-class.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { isOf, type MeshDocument } from "../snapshot/mesh-document.ts";
import { hostOf } from "../snapshot/service-host.ts";
import type { CheckContext } from "./check-context.ts";
import { checkTargets, type TargetContext } from "./check-targets.ts";
import { type CodedWarning, coded } from "./coded-warning.ts";
import { findRivals } from "./find-rivals.ts";
import { warnOf } from "./warn-of-document.ts";

/** What speaks against running these documents together, and what is odd about the changed ones. */
export type CheckOutcome = {
  readonly faults: readonly Fault[];
  readonly warnings: readonly CodedWarning[];
};

/**
 * Checks documents against each other. Faults: two VirtualServices for one host and caller (Istio ignores
 * the younger in silence), a route to a subset that is not there or a port that is not declared, two MeshConfigs, more sets of
 * callers than a service may be told apart by. `changed`: the refs whose warnings are wanted.
 */
export function checkDocuments(...asked: Parameters<typeof checkInSteps>): CheckOutcome {
  const steps = checkInSteps(...asked);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same, stopping after each document that takes time, for who must not keep others waiting. */
export function* checkInSteps(
  snapshot: ConfigSnapshot,
  before: ConfigSnapshot,
  changed: ReadonlySet<string>,
  context: CheckContext & Pick<TargetContext, "versionsOf">,
): Generator<void, CheckOutcome> {
  const { all } = snapshot;
  const targets = [];
  for (const document of all) {
    if (!isOf(document, "VirtualService")) continue;
    const { versionsOf } = context;
    targets.push({ document, ...checkTargets(document, { next: snapshot, before, versionsOf }) });
    yield;
  }
  const isChanged = (document: (typeof all)[number]) => changed.has(formatRef(document.resource));
  const foreign = all.filter(isChanged).flatMap((one) => findForeignHosts(one, snapshot, context));
  return {
    faults: [
      ...findRivals(all, snapshot),
      ...targets.flatMap(({ faults }) => faults),
      ...findSecondMeshConfig(snapshot),
      ...findTooManyCallers(snapshot),
      ...foreign.filter(({ isTaken }) => isTaken).map(({ fault }) => fault),
    ],
    warnings: [
      ...targets.filter(({ document }) => isChanged(document)).flatMap(({ warnings }) => warnings),
      ...all.filter(isChanged).flatMap((document) => warnOf(document, snapshot, context)),
      ...coded(
        [],
        foreign
          .filter(({ isTaken }) => !isTaken)
          .map(({ fault: { field, message } }) => `${field}: ${message}`),
      ),
    ],
  };
}

function findSecondMeshConfig({ documents, meshConfig }: ConfigSnapshot): Fault[] {
  const others = [...documents.values()].filter(
    (one) => isOf(one, "MeshConfig") && one.resource !== meshConfig?.resource,
  );
  return others.map(({ resource }) => ({
    field: formatRef(resource),
    message: `there is ${meshConfig ? formatRef(meshConfig.resource) : "another"} already; the mesh has one MeshConfig: change that one`,
  }));
}

/**
 * ServiceEntries for services of another namespace. Where workloads serve it (`isTaken`), whoever may change one
 * namespace could so add endpoints to the services of all others; a name nobody serves is Istio's to give.
 */
function findForeignHosts(
  document: MeshDocument,
  { rootNamespace }: ConfigSnapshot,
  { workloads }: CheckContext,
): { readonly fault: Fault; readonly isTaken: boolean }[] {
  if (!isOf(document, "ServiceEntry")) return [];
  const { namespace, hosts } = document.resource;
  return hosts.flatMap(({ host, service }, index) => {
    const isForeign = service.namespace !== "" && service.namespace !== namespace;
    if (!isForeign || host !== hostOf(service) || namespace === rootNamespace) return [];
    const isTaken = workloads().some(
      (one) => one.namespace === service.namespace && one.labels["app"] === service.name,
    );
    const message = isTaken
      ? `${host} is a service of the namespace ${service.namespace}: only a ServiceEntry there or in ${rootNamespace} may declare it`
      : `${host} is a name of the namespace ${service.namespace}; declare it there, or in ${rootNamespace}: once workloads serve it, it is refused here`;
    return [
      {
        fault: { field: `${formatRef(document.resource)}: spec.hosts[${index}]`, message },
        isTaken,
      },
    ];
  });
}

function findTooManyCallers(snapshot: ConfigSnapshot): Fault[] {
  const keys = new Set([...snapshot.namedKeys, ...snapshot.context.rules.policyKeys()]);
  return [...keys]
    .map((key) => snapshot.service(idOf(key)))
    .filter(({ isComplete }) => !isComplete)
    .map(({ sources, resource }) => ({
      field: sources.policies[0] ? formatRef(sources.policies[0].resource) : resource.key,
      message: `the rules for ${resource.key.slice("service/".length)} tell more than ${MAX_CALLER_CLASSES} sets of callers apart; let fewer of them depend on namespaces and labels`,
    }));
}

function idOf(key: string): ServiceId {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
