import type {
  GraphSnapshot,
  MtlsModeWire,
  PlaintextCaller,
  WorkloadState,
} from "@heddle/contracts";
import type { z } from "zod";

export type MtlsMode = z.infer<typeof MtlsModeWire>;

/** One workload with what it demands of its callers and what they do. */
export interface MtlsRow {
  readonly workload: WorkloadState;
  /** `namespace/name`. */
  readonly id: string;
  /** Share of the requests it received over mutual TLS, 0–1; `undefined`: none received, or nobody reported. */
  readonly mtlsRatio: number | undefined;
  readonly requestsPerSecond: number;
  /** Who sent it plaintext in the window, or was refused, most requests first. */
  readonly callers: readonly PlaintextCaller[];
}

/** Rows with the riskiest first: plaintext accepted now, then once; then open without need; closed last. */
export function mtlsRows(
  workloads: readonly WorkloadState[],
  graph: GraphSnapshot | undefined,
  callers: readonly PlaintextCaller[],
): MtlsRow[] {
  const rows = workloads.map((workload) => rowOf(workload, graph, callers));
  return rows.sort((a, b) => riskOf(b) - riskOf(a) || a.id.localeCompare(b.id));
}

/** The rows in an order they had before; rows that order does not know follow in their own. */
export function inOrder(rows: readonly MtlsRow[], ids: readonly string[]): MtlsRow[] {
  const place = new Map(ids.map((id, index) => [id, index]));
  const placeOf = (row: MtlsRow): number => place.get(row.id) ?? ids.length;
  return [...rows].sort((a, b) => placeOf(a) - placeOf(b)); // sorting is stable
}

/** Callers whose requests were taken in plaintext: the ones STRICT would refuse. */
export function acceptedCallers(row: MtlsRow): readonly PlaintextCaller[] {
  return row.callers.filter((caller) => caller.requests > 0);
}

/** How a caller is named: what its WorkloadEntry says, else that nobody knows it. */
export function callerName(caller: PlaintextCaller): string {
  return caller.sourceName ?? "Not known";
}

function rowOf(
  workload: WorkloadState,
  graph: GraphSnapshot | undefined,
  callers: readonly PlaintextCaller[],
): MtlsRow {
  const id = `${workload.namespace}/${workload.name}`;
  const edges = graph?.edges.filter((edge) => edge.destination === `workload/${id}`) ?? [];
  return {
    workload,
    id,
    mtlsRatio: encryptedShare(edges),
    requestsPerSecond: edges.reduce((sum, edge) => sum + edge.signals.requestsPerSecond, 0),
    callers: callers
      .filter((one) => one.namespace === workload.namespace && one.workload === workload.name)
      .sort((a, b) => b.requestsPerSecond - a.requestsPerSecond || b.requests - a.requests),
  };
}

/** Requests over mutual TLS among all whose receiving proxy reported; `undefined`: there were none. */
export function encryptedShare(edges: GraphSnapshot["edges"]): number | undefined {
  const reported = edges.filter(
    (edge) => edge.mtlsRatio !== undefined && edge.signals.requests > 0,
  );
  const requests = reported.reduce((sum, edge) => sum + edge.signals.requests, 0);
  if (requests === 0) return undefined;
  return (
    reported.reduce((sum, edge) => sum + (edge.mtlsRatio ?? 0) * edge.signals.requests, 0) /
    requests
  );
}

function riskOf(row: MtlsRow): number {
  const accepted = acceptedCallers(row);
  const live = accepted.reduce((sum, caller) => sum + caller.requestsPerSecond, 0);
  const open = row.workload.mtlsMode === "STRICT" ? 0 : row.workload.mtlsMode === "DISABLE" ? 3 : 1;
  if (open === 0) return row.callers.some((caller) => caller.refused > 0) ? 0.5 : 0;
  if (live > 0) return 1000 + live;
  return accepted.length > 0 ? 100 + accepted.length : open;
}
