/** The state of a node or an edge, computed once by the collector and shown everywhere alike. */
export type HealthState = "healthy" | "degraded" | "failing" | "idle" | "unknown";

/** A state with its start and its reason in words, e.g. "8.7 % of 126 requests failed". */
export type Health = {
  readonly state: HealthState;
  readonly sinceMs: number;
  readonly reason: string;
};
