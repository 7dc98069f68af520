const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const MAX_GRPC_VALUE = 99_999_999;

/** By which a caller's sidecar says how long it waits (Envoy). */
export const EXPECTED_TIMEOUT_HEADER = "x-envoy-expected-rq-timeout-ms";
export const GRPC_TIMEOUT_HEADER = "grpc-timeout";

/**
 * `grpc-timeout` in ms (gRPC over HTTP/2: at most eight digits and a unit of H M S m u n); parts of a
 * millisecond stay. 0: the deadline has passed. `undefined`: not of that form; no bound then.
 */
export function parseGrpcTimeout(text: string): number | undefined {
  const unit = UNIT_MS[text.slice(-1)];
  const digits = text.slice(0, -1);
  return unit !== undefined && /^[0-9]{1,8}$/.test(digits) ? Number(digits) * unit : undefined;
}

/** The largest `grpc-timeout` of eight digits that does not say more than `ms`. */
export function formatGrpcTimeout(ms: number): string {
  if (ms < 1) return `${Math.max(0, Math.floor(ms * 1000))}u`;
  for (const unit of ["m", "S", "M"] as const) {
    const value = Math.floor(ms / (UNIT_MS[unit] as number));
    if (value <= MAX_GRPC_VALUE) return `${value}${unit}`;
  }
  return `${Math.min(MAX_GRPC_VALUE, Math.floor(ms / 3_600_000))}H`;
}

/** A header that holds whole milliseconds, at most nine digits. `undefined`: absent or not of that form. */
export function parseTimeoutMs(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The lesser of two bounds; `undefined` is none. */
export function lesserMs(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other !== undefined && other < one ? other : one;
}

/**
 * How long one hop may take, in ms from the request's arrival: the least of what the route allows and
 * what the caller waits for. `x-envoy-upstream-rq-timeout-ms` replaces the route's timeout for this
 * request, 0 meaning none (Envoy; only an app's own sidecar listens to it). `undefined`: no bound.
 * Call it only when one of the three headers is there; otherwise the route's timeout is the bound.
 */
export function hopTimeoutMs(
  routeTimeoutMs: number | undefined,
  header: (name: string) => string | undefined,
): number | undefined {
  const own = parseTimeoutMs(header("x-envoy-upstream-rq-timeout-ms"));
  const allowed = own === undefined ? routeTimeoutMs : own === 0 ? undefined : own;
  const expected = parseTimeoutMs(header(EXPECTED_TIMEOUT_HEADER));
  const grpc = header(GRPC_TIMEOUT_HEADER);
  const waited = lesserMs(expected, grpc === undefined ? undefined : parseGrpcTimeout(grpc));
  return lesserMs(allowed, waited);
}

/**
 * What `x-envoy-expected-rq-timeout-ms` tells the next hop: the least of what is left of the deadline
 * and the time for one try, in whole ms, at least 1. `undefined`: nothing bounds it, send no header.
 */
export function expectedTimeoutMs(
  remainingMs: number | undefined,
  perTryTimeoutMs: number | undefined,
): number | undefined {
  const bound = lesserMs(remainingMs, perTryTimeoutMs);
  return bound === undefined ? undefined : Math.max(1, Math.floor(bound));
}

/** The per-try timeout that counts: one not shorter than the whole is ignored (Envoy). */
export function effectiveTryTimeoutMs(
  perTryTimeoutMs: number | undefined,
  timeoutMs: number | undefined,
): number | undefined {
  if (perTryTimeoutMs === undefined || perTryTimeoutMs === 0) return undefined;
  return timeoutMs !== undefined && perTryTimeoutMs >= timeoutMs ? undefined : perTryTimeoutMs;
}
