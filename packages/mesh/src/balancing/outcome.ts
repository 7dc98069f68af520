/**
 * What became of one attempt: the HTTP status of the answer, a gRPC status as `grpcOutcome` gives it, a
 * failure before there was an answer, "connected" (a TCP connection was made, more is not known), or
 * "cancelled" (nobody waits for it any more; says nothing of the endpoint but that it took at least so
 * long). Numbers and constant strings, so none is allocated.
 */
export type Outcome = number | LocalFailure | "connected" | "cancelled";

/** Seen by the proxy alone: no connection, a connection lost before the answer, no answer in time. */
export type LocalFailure = "connect-failure" | "reset" | "timeout";

const FIRST_GRPC = 1000;

// The names of gRPC's statuses 0 to 16 and the HTTP codes Envoy counts them as (grpcToHttpStatus).
const GRPC_STATUSES: readonly (readonly [name: string, httpStatus: number])[] = [
  ["OK", 200],
  ["CANCELLED", 499],
  ["UNKNOWN", 500],
  ["INVALID_ARGUMENT", 400],
  ["DEADLINE_EXCEEDED", 504],
  ["NOT_FOUND", 404],
  ["ALREADY_EXISTS", 409],
  ["PERMISSION_DENIED", 403],
  ["RESOURCE_EXHAUSTED", 429],
  ["FAILED_PRECONDITION", 400],
  ["ABORTED", 409],
  ["OUT_OF_RANGE", 400],
  ["UNIMPLEMENTED", 501],
  ["INTERNAL", 500],
  ["UNAVAILABLE", 503],
  ["DATA_LOSS", 500],
  ["UNAUTHENTICATED", 401],
];

/** The outcome of an answer that ended with this `grpc-status`; an unknown status counts as UNKNOWN. */
export function grpcOutcome(grpcStatus: number): Outcome {
  return FIRST_GRPC + (GRPC_STATUSES[grpcStatus] === undefined ? 2 : grpcStatus);
}

/**
 * The HTTP status an outcome counts as. Failures of the proxy's own count as Envoy counts them where
 * they are not counted apart: 503, a timeout 504. `undefined`: a cancelled attempt counts as nothing.
 */
export function countedStatus(outcome: Outcome): number | undefined {
  if (typeof outcome === "number") {
    return outcome < FIRST_GRPC ? outcome : GRPC_STATUSES[outcome - FIRST_GRPC]?.[1];
  }
  if (outcome === "cancelled") return undefined;
  if (outcome === "connected") return 200;
  return outcome === "timeout" ? 504 : 503;
}

/** An outcome in words, for "5 times … in a row": `503`, `UNAVAILABLE`, `no connection`. */
export function describeOutcome(outcome: Outcome): string {
  if (typeof outcome === "number") {
    return outcome < FIRST_GRPC
      ? String(outcome)
      : (GRPC_STATUSES[outcome - FIRST_GRPC]?.[0] ?? "UNKNOWN");
  }
  return outcome === "connect-failure" ? "no connection" : outcome;
}
