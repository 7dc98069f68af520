import type { MtlsGuard } from "@heddle/contracts";
import { formatCounted } from "../../../lib/numbers.ts";
import type { Status } from "../../../ui/status.ts";

/** A guard that runs and the last one that ended of those that concern a workload (or, without one, a scope). */
export function guardOf(guards: readonly MtlsGuard[], workload: string): MtlsGuard | undefined {
  return guards.find((guard) => guard.workloads.includes(workload) || isOf(guard, workload));
}

function isOf({ scope }: MtlsGuard, workload: string): boolean {
  return scope.kind === "workload" && `${scope.namespace}/${scope.workload}` === workload;
}

const STATUSES = {
  running: "unknown",
  held: "healthy",
  "taken-back": "failing",
  overtaken: "idle",
  cancelled: "idle",
} as const satisfies Record<MtlsGuard["status"], Status>;

export function guardStatus({ status, refused }: MtlsGuard): Status {
  return status === "running" && refused > 0 ? "degraded" : STATUSES[status];
}

export const GUARD_TITLES: Readonly<Record<MtlsGuard["status"], string>> = {
  running: "Guard runs",
  held: "STRICT held",
  "taken-back": "Taken back",
  overtaken: "Overtaken",
  cancelled: "Guard cancelled",
};

/** "2 of 5 refusals": the guard takes STRICT back with the one after the last. */
export function refusalsInWords({ refused, maxRefusals }: MtlsGuard): string {
  if (maxRefusals === 0) return formatCounted(refused, "refusal");
  return `${refused} of ${formatCounted(maxRefusals, "refusal")} allowed`;
}

/** Share of the time watched, 0–1. */
export function guardProgress({ startedAtMs, endsAtMs }: MtlsGuard, nowMs: number): number {
  const share = (nowMs - startedAtMs) / Math.max(1, endsAtMs - startedAtMs);
  return Math.min(Math.max(share, 0), 1);
}
