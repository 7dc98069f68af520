import type { RetryCondition, RetryPolicy } from "./retry-policy.ts";

/** How a try ended without a response head. */
export type TryFailure =
  /** No connection: refused, unreachable, TLS failed, connecting took too long. Nothing was sent. */
  | "connect-failure"
  /** The peer said it did not process it (HTTP/2 REFUSED_STREAM, or above GOAWAY's last id). */
  | "refused"
  /** The connection ended before the first byte of the request was written. */
  | "reset-before-request"
  /** It ended later, before the response head. */
  | "reset"
  /** The per-try timeout passed; the route's own timeout is never tried again. */
  | "try-timeout";

/** What of a response decides on another try. */
export interface ResponseFacts {
  readonly status: number;
  /** By lower-case name. */
  header(name: string): string | undefined;
}

/** A RetryPolicy made ready for many outcomes. */
export type CompiledRetry = {
  readonly policy: RetryPolicy;
  /** One bit per condition. */
  readonly mask: number;
  readonly statusCodes: ReadonlySet<number>;
  /** Names whose presence in a response means another try (`x-envoy-retriable-header-names`). */
  readonly headerNames: readonly string[];
};

const BITS: Readonly<Record<RetryCondition, number>> = {
  "5xx": 1 << 0,
  "gateway-error": 1 << 1,
  reset: 1 << 2,
  "reset-before-request": 1 << 3,
  "connect-failure": 1 << 4,
  "envoy-ratelimited": 1 << 5,
  "retriable-4xx": 1 << 6,
  "refused-stream": 1 << 7,
  "retriable-status-codes": 1 << 8,
  "retriable-headers": 1 << 9,
  "http3-post-connect-failure": 1 << 10,
  cancelled: 1 << 11,
  "deadline-exceeded": 1 << 12,
  internal: 1 << 13,
  "resource-exhausted": 1 << 14,
  unavailable: 1 << 15,
};
/** Envoy counts every end without a response as a 5xx and as a gateway error. */
const ANY_FAILURE = BITS["5xx"] | BITS["gateway-error"] | BITS.reset;
const ON_FAILURE: Readonly<Record<TryFailure, number>> = {
  "connect-failure": ANY_FAILURE | BITS["connect-failure"] | BITS["reset-before-request"],
  refused: ANY_FAILURE | BITS["refused-stream"],
  "reset-before-request": ANY_FAILURE | BITS["reset-before-request"],
  reset: ANY_FAILURE,
  "try-timeout": ANY_FAILURE,
};
const ON_GRPC_STATUS: Readonly<Record<string, number>> = {
  "1": BITS.cancelled,
  "4": BITS["deadline-exceeded"],
  "8": BITS["resource-exhausted"],
  "13": BITS.internal,
  "14": BITS.unavailable,
};
const ON_ANY_GRPC_STATUS =
  BITS.cancelled |
  BITS["deadline-exceeded"] |
  BITS["resource-exhausted"] |
  BITS.internal |
  BITS.unavailable;
const ON_HEADERS = BITS["retriable-headers"] | BITS["envoy-ratelimited"];

export function compileRetry(
  policy: RetryPolicy,
  headerNames: readonly string[] = [],
): CompiledRetry {
  let mask = 0;
  for (const condition of policy.conditions) mask |= BITS[condition];
  return { policy, mask, statusCodes: new Set(policy.statusCodes), headerNames };
}

/** Whether the policy's conditions name this end of a try; `maySendAgain` must hold too. */
export function retriesFailure({ mask }: CompiledRetry, failure: TryFailure): boolean {
  return (mask & ON_FAILURE[failure]) !== 0;
}

/**
 * Whether the policy's conditions name this response (Envoy's retry state): the status, gRPC's status
 * in the response head (one in trailers comes too late), named headers. An answer marked
 * `x-envoy-ratelimited` is tried again only under that condition. A response of the proxy itself is
 * none. `maySendAgain` must hold too.
 */
export function retriesResponse(retry: CompiledRetry, response: ResponseFacts): boolean {
  const { mask } = retry;
  const { status } = response;
  if (status < 400 && (mask & (ON_ANY_GRPC_STATUS | ON_HEADERS)) === 0)
    return isListed(retry, status);
  if (response.header("x-envoy-ratelimited") !== undefined) {
    return (mask & BITS["envoy-ratelimited"]) !== 0;
  }
  return (
    (status >= 500 && (mask & BITS["5xx"]) !== 0) ||
    (isGatewayError(status) && (mask & BITS["gateway-error"]) !== 0) ||
    (status === 409 && (mask & BITS["retriable-4xx"]) !== 0) ||
    isListed(retry, status) ||
    isGrpcRetriable(mask, response) ||
    hasRetriableHeader(retry, response)
  );
}

/**
 * Heddle's guard (reference: Istio issues 13851 and 50506, payments made twice). A request may be sent
 * again when the rule has switched the guard off; or when it was never processed: no connection, the
 * first byte not written, or refused by a peer that says so (RFC 9113 §8.7); or when its method is
 * idempotent (RFC 9110 §9.2.2: GET, HEAD, OPTIONS, TRACE, PUT, DELETE). A response always means that
 * the request was processed, gRPC's UNAVAILABLE too.
 */
export function maySendAgain(
  policy: RetryPolicy,
  isIdempotentMethod: boolean,
  outcome: TryFailure | "response",
): boolean {
  if (!policy.idempotentOnly || isIdempotentMethod) return true;
  return (
    outcome === "connect-failure" || outcome === "refused" || outcome === "reset-before-request"
  );
}

/**
 * Full-jitter exponential wait before the `retry`-th repeat (from 1), given a draw in [0, 1): in
 * [0, (2^retry - 1) × base), and less than ten times the base (Envoy's default cap).
 */
export function backoffMs(baseMs: number, retry: number, draw: number): number {
  const bound = Math.min(2 ** retry - 1, 10) * baseMs;
  return draw * bound;
}

function isListed({ mask, statusCodes }: CompiledRetry, status: number): boolean {
  return (mask & BITS["retriable-status-codes"]) !== 0 && statusCodes.has(status);
}

function isGatewayError(status: number): boolean {
  return status === 502 || status === 503 || status === 504;
}

function isGrpcRetriable(mask: number, response: ResponseFacts): boolean {
  if ((mask & ON_ANY_GRPC_STATUS) === 0) return false;
  const status = response.header("grpc-status");
  return status !== undefined && (mask & (ON_GRPC_STATUS[status] ?? 0)) !== 0;
}

function hasRetriableHeader(
  { mask, headerNames }: CompiledRetry,
  response: ResponseFacts,
): boolean {
  if ((mask & BITS["retriable-headers"]) === 0) return false;
  return headerNames.some((name) => response.header(name) !== undefined);
}
