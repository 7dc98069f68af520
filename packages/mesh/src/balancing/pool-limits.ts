import type { ConnectionPool } from "./traffic-policy.ts";

/** What is under way to one destination, from this proxy. The owner counts up and down. */
export type PoolUsage = {
  connections: number;
  /** Requests that wait for a connection. */
  pending: number;
  /** Requests on a connection, not yet ended. */
  requests: number;
  /** Of `requests`, those that are tried again. */
  retries: number;
};

/** The limit that was reached, by its name in DestinationRule, and its value. */
export type Overflow = { readonly limit: PoolLimitName; readonly value: number };
export type PoolLimitName =
  | "tcp.maxConnections"
  | "http.http1MaxPendingRequests"
  | "http.http2MaxRequests"
  | "http.maxRetries";

/** The limits of a destination, ready to be held against its usage. */
export type PoolLimits = {
  readonly maxConnections: number;
  readonly maxPending: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  /** The verdicts, made once: a refusal allocates nothing either. */
  readonly overflows: Readonly<Record<PoolLimitName, Overflow>>;
};

/** A usage of nothing, for a destination just made. */
export function emptyUsage(): PoolUsage {
  return { connections: 0, pending: 0, requests: 0, retries: 0 };
}

/**
 * Prepares the limits of a connection pool. A limit left out is none (Istio's 2^32-1). As in Envoy, the
 * pending limit bounds the requests that wait, so one of 0 admits only what finds a connection.
 */
export function compilePoolLimits(pool: ConnectionPool | undefined): PoolLimits {
  const maxConnections = pool?.maxConnections ?? Number.POSITIVE_INFINITY;
  const maxPending = pool?.maxPendingRequests ?? Number.POSITIVE_INFINITY;
  const maxRequests = pool?.maxRequests ?? Number.POSITIVE_INFINITY;
  const maxRetries = pool?.maxRetries ?? Number.POSITIVE_INFINITY;
  return {
    maxConnections,
    maxPending,
    maxRequests,
    maxRetries,
    overflows: {
      "tcp.maxConnections": { limit: "tcp.maxConnections", value: maxConnections },
      "http.http1MaxPendingRequests": { limit: "http.http1MaxPendingRequests", value: maxPending },
      "http.http2MaxRequests": { limit: "http.http2MaxRequests", value: maxRequests },
      "http.maxRetries": { limit: "http.maxRetries", value: maxRetries },
    },
  };
}

/** Whether one more request may be under way. */
export function admitRequest(limits: PoolLimits, usage: PoolUsage): "admitted" | Overflow {
  if (usage.requests < limits.maxRequests) return "admitted";
  return limits.overflows["http.http2MaxRequests"];
}

/**
 * Whether one more request may wait for a connection. Asked only when none is free; a request that
 * finds one never counts against this limit.
 */
export function admitPending(limits: PoolLimits, usage: PoolUsage): "admitted" | Overflow {
  if (usage.pending < limits.maxPending) return "admitted";
  return limits.overflows["http.http1MaxPendingRequests"];
}

/**
 * Whether one more connection may be opened. An overflow fails no HTTP request by itself: it waits
 * (`admitPending`) until one is free. A TCP connection it closes.
 */
export function admitConnection(limits: PoolLimits, usage: PoolUsage): "admitted" | Overflow {
  if (usage.connections < limits.maxConnections) return "admitted";
  return limits.overflows["tcp.maxConnections"];
}

/** Whether one more try beyond the first may be under way; a retry budget takes this limit's place. */
export function admitRetry(limits: PoolLimits, usage: PoolUsage): "admitted" | Overflow {
  if (usage.retries < limits.maxRetries) return "admitted";
  return limits.overflows["http.maxRetries"];
}

/** The verdict in words: `http.http2MaxRequests: 100 reached`. */
export function describeOverflow({ limit, value }: Overflow): string {
  return `${limit}: ${value} reached`;
}
