import type { Denial, GraphEdge, WorkloadState } from "@heddle/contracts";

/** What policies said no to on one edge in the window. */
export type DeniedOnEdge = {
  /** Requests that were answered 403. */
  readonly denied: number;
  /** Requests that passed although a policy in shadow would have denied them. */
  readonly wouldDeny: number;
  /** The most frequent first, enforced ones before those in shadow. */
  readonly denials: readonly Denial[];
};

/**
 * Denials by the edge they happened on, by its id; edges without any are left out. In the service view, where ends are
 * services, a workload is found by the service it is registered for.
 */
export function deniedByEdge(
  denials: readonly Denial[],
  edges: readonly GraphEdge[],
  workloads: readonly WorkloadState[],
): ReadonlyMap<string, DeniedOnEdge> {
  if (denials.length === 0) return NONE;
  const services = new Map(
    workloads.map((one) => [`${one.namespace}/${one.name}`, `${one.namespace}/${one.service}`]),
  );
  const known = new Set(edges.map(({ id }) => id));
  const byEdge = new Map<string, Denial[]>();
  for (const denial of denials) {
    const ids = endsOf(denial.source, services).flatMap((source) =>
      endsOf(denial.destination, services).map((destination) => `${source}->${destination}`),
    );
    for (const id of ids.filter((one) => known.has(one))) {
      byEdge.set(id, [...(byEdge.get(id) ?? []), denial]);
    }
  }
  return new Map([...byEdge].map(([id, own]) => [id, summed(own)]));
}

const NONE: ReadonlyMap<string, DeniedOnEdge> = new Map();

/** The ids one end may have: as a workload, as a service, or outside. */
function endsOf(
  { namespace, workload, address }: Denial["source"],
  services: ReadonlyMap<string, string>,
): string[] {
  if (workload === undefined) return address === undefined ? [] : [`outside/${address}`];
  const id = `${namespace ?? ""}/${workload}`;
  const service = services.get(id);
  return [`workload/${id}`, ...(service === undefined ? [] : [`service/${service}`])];
}

function summed(denials: readonly Denial[]): DeniedOnEdge {
  const sumOf = (effect: Denial["effect"]) =>
    denials.filter((one) => one.effect === effect).reduce((sum, { count }) => sum + count, 0);
  const isShadow = ({ effect }: Denial): number => (effect === "denied" ? 0 : 1);
  return {
    denied: sumOf("denied"),
    wouldDeny: sumOf("would-deny"),
    denials: denials.toSorted((a, b) => isShadow(a) - isShadow(b) || b.count - a.count),
  };
}
