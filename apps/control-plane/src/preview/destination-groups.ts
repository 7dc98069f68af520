import { formatId, type Route, type RouteDestination, type ServiceId } from "@heddle/mesh";
import { carries } from "../snapshot/caller-class.ts";
import { hostOf } from "../snapshot/service-host.ts";
import type { RulePair } from "./rule-pairs.ts";

/** Who serves a service under the change, and how much each got. */
export type ServingWorkload = {
  readonly workload: string; // namespace/name
  readonly labels: Readonly<Record<string, string>>;
  readonly requests: number;
  readonly endpoints: number;
};

/** `reviews.shop.svc.cluster.local|v2`: how a destination is named in spans and here. */
export function destinationKey({
  service,
  subset,
}: Pick<RouteDestination, "service" | "subset">): string {
  return `${hostOf(service)}|${subset ?? ""}`;
}

/**
 * The parts of the services one pair of rules leads to. Where one side sends to a whole service and the other to its
 * subsets, the whole is taken apart: before by what each workload got, after by its number of endpoints.
 */
export class DestinationGroups {
  readonly #labels = new Map<string, Readonly<Record<string, string>>>();
  readonly #serving: (service: ServiceId) => readonly ServingWorkload[];
  readonly #split: ReadonlySet<string>;
  readonly #byService = new Map<string, string[]>();
  readonly #services = new Map<string, ServiceId>();

  constructor(
    pair: RulePair,
    serving: (service: ServiceId) => readonly ServingWorkload[],
    labelsOf: (service: ServiceId, subset: string) => Readonly<Record<string, string>> | undefined,
  ) {
    this.#serving = serving;
    const whole = new Set<string>();
    for (const { destinations } of [...pair.before.routes, ...pair.after.routes]) {
      for (const to of destinations) {
        const service = formatId(to.service);
        const key = destinationKey(to);
        this.#services.set(key, to.service);
        if (to.subset === undefined) whole.add(service);
        else {
          this.#labels.set(key, labelsOf(to.service, to.subset) ?? { version: to.subset });
          const known = this.#byService.get(service) ?? [];
          if (!known.includes(to.subset)) this.#byService.set(service, [...known, to.subset]);
        }
      }
    }
    this.#split = new Set([...whole].filter((service) => this.#byService.has(service)));
  }

  /** The key of the part a request went to, which had been sent to `key` and came to `workload`. */
  reached(key: string, workload: string): string {
    const service = this.#services.get(key);
    if (service === undefined || !key.endsWith("|") || !this.#split.has(formatId(service)))
      return key;
    const labels = this.#serving(service).find((one) => one.workload === workload)?.labels;
    const part = labels && this.#partOf(service, labels);
    return part === undefined ? key : destinationKey({ service, subset: part });
  }

  /** Routes whose whole destinations are taken apart; the same ones where none is. */
  expand(routes: readonly Route[], by: "requests" | "endpoints"): readonly Route[] {
    if (this.#split.size === 0) return routes;
    return routes.map((route) => ({
      ...route,
      destinations: route.destinations.flatMap((to) => this.#parts(to, by, route)),
    }));
  }

  /** Workloads that serve a part. */
  workloadsOf(key: string): readonly ServingWorkload[] {
    const service = this.#services.get(key);
    if (service === undefined) return [];
    const labels = this.#labels.get(key) ?? {};
    return this.#serving(service).filter((one) => carries(one.labels, labels));
  }

  #parts(to: RouteDestination, by: "requests" | "endpoints", route: Route): RouteDestination[] {
    if (to.subset !== undefined || !this.#split.has(formatId(to.service))) return [to];
    const serving = this.#serving(to.service);
    const total = serving.reduce((sum, one) => sum + one[by], 0);
    const weight = route.destinations.length === 1 ? 1 : to.weight;
    if (total === 0) return [{ ...to, weight }];
    const sums = new Map<string | undefined, number>();
    for (const one of serving) {
      const part = this.#partOf(to.service, one.labels);
      sums.set(part, (sums.get(part) ?? 0) + one[by]);
    }
    return [...sums].map(([subset, sum]) => ({
      ...to,
      ...(subset === undefined ? {} : { subset }),
      weight: (weight * sum) / total,
    }));
  }

  #partOf(service: ServiceId, labels: Readonly<Record<string, string>>): string | undefined {
    return this.#byService.get(formatId(service))?.find((subset) => {
      return carries(labels, this.#labels.get(destinationKey({ service, subset })) ?? {});
    });
  }
}
