import type { Tone } from "./chip.tsx";

/** Every state the console shows. `tcp` is traffic without requests; the rest is the collector's verdict. */
export type Status = "healthy" | "degraded" | "failing" | "idle" | "unknown" | "tcp";

export const STATUS_WORDS: Readonly<Record<Status, string>> = {
  healthy: "Healthy",
  degraded: "Degraded",
  failing: "Failing",
  idle: "Idle",
  unknown: "Unknown",
  tcp: "TCP",
};

export const STATUS_TONES = {
  healthy: "ok",
  degraded: "warn",
  failing: "bad",
  idle: "idle",
  unknown: "idle",
  tcp: "tcp",
} as const satisfies Record<Status, Tone>;

/** Worst first. */
const SEVERITY: readonly Status[] = ["failing", "degraded", "unknown", "healthy", "tcp", "idle"];

/** The worst of several; `unknown` when there is none. */
export function worstStatus(statuses: readonly Status[]): Status {
  return SEVERITY.find((status) => statuses.includes(status)) ?? "unknown";
}

/** For sorting worst first. */
export function compareStatus(a: Status, b: Status): number {
  return SEVERITY.indexOf(a) - SEVERITY.indexOf(b);
}
