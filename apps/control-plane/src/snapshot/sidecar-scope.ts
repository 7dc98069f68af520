import type { ServiceId } from "@heddle/mesh";
import type { EgressHost, Labels } from "@heddle/resources";
import { carries } from "./caller-class.ts";
import { byAge, type DocumentOf, isOf, type MeshDocument } from "./mesh-document.ts";
import { coversHost, hostOf } from "./service-host.ts";

type Caller = { readonly namespace: string; readonly labels: Labels };

/** Which Sidecar document holds for a workload, and what it lets the workload reach. */
export class SidecarScopes {
  /** Equal texts: every workload reaches the same. */
  readonly signature: string;
  readonly #byNamespace: ReadonlyMap<string, readonly DocumentOf<"Sidecar">[]>;
  readonly #rootNamespace: string;

  constructor(documents: readonly MeshDocument[], rootNamespace: string) {
    const sidecars = documents.filter((one) => isOf(one, "Sidecar")).toSorted(byAge);
    this.#byNamespace = Map.groupBy(sidecars, ({ resource }) => resource.namespace);
    this.#rootNamespace = rootNamespace;
    this.signature = JSON.stringify([rootNamespace, ...sidecars.map(({ resource }) => resource)]);
  }

  /** The oldest that selects the workload, else its namespace's, else the root namespace's. */
  find({ namespace, labels }: Caller): DocumentOf<"Sidecar"> | undefined {
    const own = this.#byNamespace.get(namespace) ?? [];
    const root = this.#byNamespace.get(this.#rootNamespace) ?? [];
    const isGeneral = ({ resource }: DocumentOf<"Sidecar">) =>
      resource.workloadSelector === undefined;
    return (
      own.find(({ resource: { workloadSelector } }) => {
        return workloadSelector !== undefined && carries(labels, workloadSelector);
      }) ??
      own.find(isGeneral) ??
      root.find(isGeneral)
    );
  }

  /** Whether a workload may reach a service. Without a Sidecar, or with one that does not say, it may. */
  reaches(caller: Caller, service: ServiceId): boolean {
    const egress = this.find(caller)?.resource.egress;
    if (!egress) return true;
    const host = hostOf(service);
    const hosts = egress.flatMap((listener) => [...listener.hosts]);
    const covers = (one: EgressHost) =>
      (one.namespace === "*" || one.namespace === service.namespace) && coversHost(one.host, host);
    if (hosts.some((one) => one.isExcluded && covers(one))) return false;
    return hosts.some((one) => !one.isExcluded && covers(one));
  }
}
