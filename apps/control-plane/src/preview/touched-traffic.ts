import { WORKLOAD_LABEL } from "@heddle/contracts";
import { type Caller, formatId, type ServiceId, selectsCaller } from "@heddle/mesh";
import type { ObservedNode } from "@heddle/store";
import { hostOf } from "../snapshot/service-host.ts";
import type { TouchedTraffic } from "./blast-radius.ts";
import { type CountedEdge, keyOfNode, type ObservedTraffic } from "./observed-traffic.ts";
import { type PreviewScene, toService } from "./preview-scene.ts";
import { type RulePair, targetsOfPair } from "./rule-pairs.ts";

/** Requests per second of a pair's callers to what its service's rules lead to. */
export function rateOfPair(
  pair: RulePair,
  inward: readonly CountedEdge[],
  scene: PreviewScene,
): number {
  const targets = new Set([formatId(pair.service), ...targetsOfPair(pair).map(formatId)]);
  return inward
    .filter(({ source, destination }) => {
      const service = serviceOfNode(destination, scene);
      if (service === undefined || !targets.has(service)) return false;
      return pairOfCaller(source, pair.service, scene) === pair;
    })
    .reduce((sum, { perSecond }) => sum + perSecond, 0);
}

/** Of all that was looked at, what comes to the touched services and workloads themselves. */
export function touchedTraffic(
  traffic: ObservedTraffic | undefined,
  scene: PreviewScene,
): TouchedTraffic | undefined {
  if (traffic === undefined) return undefined;
  const services = new Set([...scene.touched.services, ...scene.touched.endpoints]);
  const isTouched = (node: ObservedNode) =>
    scene.touchedWorkloads.has(keyOfNode(node) ?? "") ||
    services.has(serviceOfNode(node, scene) ?? "");
  return {
    inward: traffic.inward.filter(
      ({ source, destination }) =>
        isTouched(destination) && isConcerned(source, destination, scene),
    ),
    onward: traffic.onward.filter(
      ({ source, destination }) => isTouched(source) && !isTouched(destination),
    ),
    serviceOf: (node) => serviceOfNode(node, scene),
  };
}

/** Whether something changes for this caller. */
function isConcerned(
  source: ObservedNode,
  destination: ObservedNode,
  scene: PreviewScene,
): boolean {
  if (scene.touchedWorkloads.has(keyOfNode(destination) ?? "")) return true;
  const service = serviceOfNode(destination, scene);
  const pairs = service === undefined ? [] : scene.pairsOf(toService(service));
  const [first] = pairs;
  if (!first || pairs.every(({ isChanged }) => !isChanged)) return true;
  return pairOfCaller(source, first.service, scene)?.isChanged ?? true;
}

/** The rules of a service that hold for a caller. */
export function pairOfCaller(
  node: ObservedNode,
  service: ServiceId,
  scene: PreviewScene,
): RulePair | undefined {
  const caller = callerOf(node, scene);
  return scene.pairsOf(service).find((one) => selectsCaller(one.source, caller));
}

/** A caller as rules tell callers apart. */
export function callerOf(node: ObservedNode, scene: PreviewScene): Caller {
  const workload = keyOfNode(node);
  return {
    namespace: node.namespace,
    labels: {
      ...(workload ? scene.labelsOf(workload) : {}),
      ...(node.workload ? { [WORKLOAD_LABEL]: node.workload } : {}),
    },
  };
}

/** The service a node stands for, `namespace/name`. */
export function serviceOfNode(node: ObservedNode, scene: PreviewScene): string | undefined {
  const workload = keyOfNode(node);
  const own = workload === undefined ? undefined : scene.serviceOf(workload);
  if (own !== undefined) return own;
  if (node.service) return formatId({ namespace: node.namespace, name: node.service });
  if (node.kind !== "external") return undefined;
  const host = node.id.slice("external/".length);
  const found = scene.services.find((one) => hostOf(one) === host);
  return found && formatId(found);
}
