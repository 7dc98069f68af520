import { formatId, parseId, type ServiceId } from "@heddle/mesh";
import { serviceKeyOf, workloadKeyOf } from "../registry/instance.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import type { Foreseen, MeshView } from "../snapshot/mesh-view.ts";
import { hostOf } from "../snapshot/service-host.ts";
import type { KnownInstances } from "../study/known-instances.ts";
import type { ServingWorkload } from "./destination-groups.ts";
import { type AccessPair, ForeseenAccess } from "./foreseen-access.ts";
import { type CountedEdge, keyOfNode, type WeightedSample } from "./observed-traffic.ts";
import { parseCluster } from "./recorded-request.ts";
import { type RulePair, rulePairs } from "./rule-pairs.ts";
import type { SimulationContext } from "./simulate-traffic.ts";

/** With more touched services, routes and simulation tell of the first ones alone. */
export const MAX_SERVICES = 50;

/** The mesh before and after a change, as everything about a preview looks things up in it. */
export class PreviewScene {
  readonly after: ConfigSnapshot;
  readonly touched: Foreseen;
  /** The touched services, the first ones of many. */
  readonly services: readonly ServiceId[];
  /** `namespace/name`. */
  readonly touchedWorkloads: ReadonlySet<string>;
  readonly #mesh: MeshView;
  readonly #instances: KnownInstances;
  readonly #before: ConfigSnapshot;
  readonly #pairs = new Map<string, readonly RulePair[]>();
  readonly #labels = new Map<string, Readonly<Record<string, string>>>();
  readonly #serviceOfWorkload = new Map<string, string>();
  readonly #instanceCounts = new Map<string, number>();
  readonly #serving = new Map<string, readonly ServingWorkload[]>();
  readonly #requests = new Map<string, number>();

  constructor(
    { mesh, instances }: { readonly mesh: MeshView; readonly instances: KnownInstances },
    before: ConfigSnapshot,
    after: ConfigSnapshot,
    touched: Foreseen,
  ) {
    this.#mesh = mesh;
    this.#instances = instances;
    this.#before = before;
    this.after = after;
    this.touched = touched;
    this.services = touched.services.slice(0, MAX_SERVICES).map(toService);
    this.touchedWorkloads = new Set(
      touched.workloads.map(({ instance }) => workloadKeyOf(instance)),
    );
    for (const instance of instances.instances()) {
      const key = workloadKeyOf(instance);
      this.#labels.set(key, instance.labels);
      this.#serviceOfWorkload.set(key, serviceKeyOf(instance));
      this.#instanceCounts.set(key, (this.#instanceCounts.get(key) ?? 0) + 1);
    }
  }

  /** What was counted: of a service's workloads, those that got more requests weigh more. */
  noteRequests(inward: readonly CountedEdge[]): void {
    for (const { destination, requests } of inward) {
      const key = keyOfNode(destination);
      if (key) this.#requests.set(key, (this.#requests.get(key) ?? 0) + requests);
    }
  }

  /** The service a workload serves, `namespace/name` both. */
  serviceOf(workload: string): string | undefined {
    return this.#serviceOfWorkload.get(workload);
  }

  labelsOf(workload: string): Readonly<Record<string, string>> | undefined {
    return this.#labels.get(workload);
  }

  pairsOf(service: ServiceId): readonly RulePair[] {
    const key = formatId(service);
    const known = this.#pairs.get(key);
    if (known) return known;
    const made = rulePairs(service, this.#before, this.after);
    this.#pairs.set(key, made);
    return made;
  }

  changedPairs(): RulePair[] {
    return this.services.flatMap((service) =>
      this.pairsOf(service).filter(({ isChanged }) => isChanged),
    );
  }

  /** What the simulation looks things up in. */
  get context(): SimulationContext {
    return {
      pairsOf: (service) => this.pairsOf(service),
      revisionOf: (service) => this.#before.service(service).resource.revision,
      labelsOf: (workload) => this.labelsOf(workload),
      servingOf: (service) => this.servingOf(service),
      subsetLabels: (service, subset) => this.#subsetLabels(service, subset),
      access: new ForeseenAccess(this.#mesh.trustDomain, (workload) => this.#accessOf(workload)),
      limits: {
        accessOf: (workload) => this.#accessOf(workload),
        instancesOf: (workload) => this.#instanceCounts.get(workload) ?? 0,
      },
      serviceAsked: (sample) => this.#serviceAsked(sample),
    };
  }

  /** The touched service a sampled request asked for; any service, if it came to a touched workload. */
  #serviceAsked({
    service,
    operation,
    destination,
    cluster,
  }: WeightedSample): ServiceId | undefined {
    const isTouched = (key: string) => this.services.some((one) => formatId(one) === key);
    const came = this.touchedWorkloads.has(destination);
    if (service !== null) {
      if (!came && !isTouched(service)) return undefined;
      return parseId(service) ?? undefined;
    }
    // Spans from before proxies told the service's namespace.
    const name = operation.slice(operation.indexOf(" ") + 1);
    const named = this.services.filter((one) => one.name === name);
    const host = parseCluster(cluster)?.host;
    const found = named.find((one) => hostOf(one) === host) ?? named[0];
    if (found || !came) return found;
    const own = this.serviceOf(destination);
    return own === undefined ? undefined : toService(own);
  }

  #accessOf(workload: string): AccessPair | undefined {
    const changed = this.touched.workloads.find(
      ({ instance }) => workloadKeyOf(instance) === workload,
    );
    if (changed) return changed;
    for (const instance of this.#instances.instances()) {
      if (workloadKeyOf(instance) !== workload) continue;
      const resource = this.#mesh.workload(instance);
      return { before: resource, after: resource };
    }
    return undefined;
  }

  servingOf(service: ServiceId): readonly ServingWorkload[] {
    const key = formatId(service);
    const known = this.#serving.get(key);
    if (known) return known;
    const endpoints = this.#mesh.endpointsUnder(this.after, service);
    const groups = Map.groupBy(endpoints, ({ endpoint }) =>
      formatId({ namespace: endpoint.namespace, name: endpoint.workload }),
    );
    const made = [...groups].map(([workload, all]) => ({
      workload,
      labels: all[0]?.endpoint.labels ?? {},
      requests: this.#requests.get(workload) ?? 0,
      endpoints: all.length,
    }));
    this.#serving.set(key, made);
    return made;
  }

  #subsetLabels(service: ServiceId, name: string) {
    for (const snapshot of [this.after, this.#before]) {
      for (const { rules } of snapshot.service(service).ruleSets.toReversed()) {
        const found = rules.subsets.find(({ rule }) => rule.name === name);
        if (found) return found.rule.labels;
      }
    }
    return undefined;
  }
}

/** `namespace/name`, the name perhaps with slashes. */
export function toService(key: string): ServiceId {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
