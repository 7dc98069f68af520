import type { MtlsScope } from "@heddle/contracts";
import type { StoredGuard, StoredGuardCaller } from "@heddle/store";

type Standing = { readonly refused: number; readonly callers: readonly StoredGuardCaller[] };

/** "shipping is PERMISSIVE again: 6 requests were refused in 10 s, all from 10.0.4.17." */
export function takenBackWords(
  guard: StoredGuard,
  { refused, callers }: Standing,
  nowMs: number,
): string {
  const time = formatTime(nowMs - guard.startedAtMs);
  return `${scopeWords(guard.scope)} is ${guard.previousMode} again: ${counted(refused, "request was", "requests were")} refused in ${time}, ${fromWhom(refused, callers)}.`;
}

export function heldWords(guard: StoredGuard, { refused, callers }: Standing): string {
  const time = formatTime(guard.windowMs);
  const name = scopeWords(guard.scope);
  if (refused === 0) return `${name} stays STRICT: nobody was refused in ${time}.`;
  return `${name} stays STRICT: ${counted(refused, "request was", "requests were")} refused in ${time}, at most ${guard.maxRefusals} may be; ${fromWhom(refused, callers)}.`;
}

export function overtakenWords(guard: StoredGuard, revision: number | undefined): string {
  const by = revision === undefined ? "a later change" : `revision ${revision}`;
  return `Overtaken by ${by}: ${scopeWords(guard.scope)} was changed while the guard watched.`;
}

export function cancelledWords(guard: StoredGuard, by: string): string {
  return `Cancelled by ${by}: ${scopeWords(guard.scope)} stays STRICT, and nobody watches.`;
}

export function runningWords(
  guard: StoredGuard,
  { refused }: Standing,
  waitingFor: readonly string[],
  nowMs: number,
): string {
  const leftMs = guard.startedAtMs + guard.windowMs - nowMs;
  const so = `${refused} refused, taken back after ${guard.maxRefusals}`;
  if (leftMs > 0) return `${so}; ${formatTime(leftMs)} left.`;
  if (waitingFor.length === 0) return `${so}; the time is over, the last counts come in.`;
  return `${so}; the time is over, but nothing was heard of ${waitingFor.join(", ")}.`;
}

/** "shipping", "Namespace shop", "The mesh". */
export function scopeWords(scope: MtlsScope): string {
  if (scope.kind === "workload") return scope.workload;
  return scope.kind === "namespace" ? `Namespace ${scope.namespace}` : "The mesh";
}

/** 38 s, 5 min 38 s, 2 h 5 min. */
export function formatTime(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return join(minutes, "min", seconds % 60, "s");
  return join(Math.floor(minutes / 60), "h", minutes % 60, "min");
}

/** 0.6 rps, 42.1 rps, 214 rps, 1.3k rps; "< 0.1 rps" where a zero would be false. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return "0 rps";
  if (perSecond < 0.05) return "< 0.1 rps";
  if (perSecond >= 999.5) return `${(perSecond / 1000).toFixed(1)}k rps`;
  return `${perSecond < 99.95 ? Number(perSecond.toFixed(1)) : Math.round(perSecond)} rps`;
}

export function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

function fromWhom(refused: number, callers: readonly StoredGuardCaller[]): string {
  const byAddress = new Map<string, number>();
  for (const { sourceAddress, refused } of callers) {
    byAddress.set(sourceAddress, (byAddress.get(sourceAddress) ?? 0) + refused);
  }
  const [most] = [...byAddress].sort((a, b) => b[1] - a[1]);
  if (!most) return "from whom is not known";
  const [address, count] = most;
  if (byAddress.size === 1) return refused === 1 ? `from ${address}` : `all from ${address}`;
  return `${count.toLocaleString("en-US")} of them from ${address}`;
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
