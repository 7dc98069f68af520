import type {
  GraphSnapshot,
  LadderWorkload,
  PreflightCaller,
  WorkloadState,
} from "@heddle/contracts";

/** One workload with what it demands of its callers and what they do. */
export interface MtlsRow {
  /** `namespace/name`. */
  readonly id: string;
  /** Its rung, who is in its way and the one next act, as the control plane has it. */
  readonly ladder: LadderWorkload;
  /** As registered; `undefined`: it has gone since the ladder was read. */
  readonly state: WorkloadState | undefined;
  /** Share of the requests it received over mutual TLS, 0–1; `undefined`: none received, or nobody reported. */
  readonly mtlsRatio: number | undefined;
  readonly requestsPerSecond: number;
}

/** A row for each workload of the ladder, in its order: the riskiest first. */
export function mtlsRows(
  ladder: readonly LadderWorkload[],
  workloads: readonly WorkloadState[],
  graph: GraphSnapshot | undefined,
): MtlsRow[] {
  const states = new Map(workloads.map((one) => [`${one.namespace}/${one.name}`, one]));
  const edges = Map.groupBy(graph?.edges ?? [], ({ destination }) => destination);
  return ladder.map((one) => {
    const id = `${one.namespace}/${one.workload}`;
    const incoming = edges.get(`workload/${id}`) ?? [];
    return {
      id,
      ladder: one,
      state: states.get(id),
      mtlsRatio: encryptedShare(incoming),
      requestsPerSecond: incoming.reduce((sum, { signals }) => sum + signals.requestsPerSecond, 0),
    };
  });
}

/** "legacy-billing", "One of cart-v1, reviews-v1", "Not known": a label begins a line in upper case unless it is a name. */
export function callerTitle({ names, label }: Pick<PreflightCaller, "names" | "label">): string {
  return names.length === 1 ? label : label.charAt(0).toUpperCase() + label.slice(1);
}

/** How a sentence names a caller: by its name where just one is known, else by its address. */
export function callerInWords({ names, label, sourceAddress }: PreflightCaller): string {
  return names.length === 1 ? label : sourceAddress;
}

/** Requests over mutual TLS among all whose receiving proxy reported; `undefined`: there were none. */
export function encryptedShare(edges: GraphSnapshot["edges"]): number | undefined {
  const reported = edges.filter(
    (edge) => edge.mtlsRatio !== undefined && edge.signals.requests > 0,
  );
  const requests = reported.reduce((sum, edge) => sum + edge.signals.requests, 0);
  if (requests === 0) return undefined;
  const encrypted = reported.reduce(
    (sum, edge) => sum + (edge.mtlsRatio ?? 0) * edge.signals.requests,
    0,
  );
  return encrypted / requests;
}
