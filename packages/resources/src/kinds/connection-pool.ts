import type { ConnectionPool } from "@heddle/mesh";
import { z } from "zod";
import { fields, warnIf, withoutEffect } from "../schema/field-status.ts";
import { count, countOrUnset, durationMs, durationOrZeroMs } from "./fields.ts";
import { withoutUndefined } from "./http-match.ts";

const tcp = warnIf(
  fields({
    maxConnections: countOrUnset("max connections must be non-negative").optional(),
    connectTimeout: durationMs.optional(),
    maxConnectionDuration: durationMs.optional(),
    idleTimeout: durationOrZeroMs.optional(),
    tcpKeepalive: fields({
      time: durationMs.optional(),
      probes: withoutEffect(
        "the number of probes is the operating system's (tcp_keepalive_probes)",
        count().optional(),
      ),
      interval: withoutEffect(
        "the interval between probes is the operating system's (tcp_keepalive_intvl)",
        durationMs.optional(),
      ),
    }).optional(),
  }),
  ({ maxConnections }) => zeros({ maxConnections }),
);

const http = warnIf(
  fields({
    http1MaxPendingRequests: countOrUnset(
      "http1 max pending requests must be non-negative",
    ).optional(),
    http2MaxRequests: countOrUnset("http2 max requests must be non-negative").optional(),
    maxRequestsPerConnection: count({
      message: "max requests per connection must be non-negative",
    }).optional(),
    maxRetries: countOrUnset("max retries must be non-negative").optional(),
    idleTimeout: durationMs.optional(),
    h2UpgradePolicy: z.enum(["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"]).optional(),
    useClientProtocol: z.boolean().optional(),
    maxConcurrentStreams: countOrUnset("max concurrent streams must be non-negative").optional(),
    http2KeepAlive: withoutEffect(
      "Heddle notices a dead HTTP/2 connection by its requests' timeouts and TCP keep-alive; it sends no PING frames",
      fields({ interval: durationMs, timeout: durationMs }).optional(),
    ),
  }).refine(
    (written) => written.h2UpgradePolicy !== "UPGRADE" || written.useClientProtocol !== true,
    "use client protocol must not be true when H2UpgradePolicy is UPGRADE",
  ),
  ({ http1MaxPendingRequests, http2MaxRequests, maxRetries, maxConcurrentStreams }) =>
    zeros({ http1MaxPendingRequests, http2MaxRequests, maxRetries, maxConcurrentStreams }),
);

/** ConnectionPoolSettings. Limits hold per proxy, as in Istio. */
export const connectionPool = fields({ tcp: tcp.optional(), http: http.optional() }).transform(
  ({ tcp, http }, context): ConnectionPool => {
    if (tcp === undefined && http === undefined) {
      context.addIssue("connection pool must have at least one field; expected tcp or http");
    }
    return withoutUndefined({
      maxConnections: tcp?.maxConnections,
      connectTimeoutMs: tcp?.connectTimeout,
      maxConnectionDurationMs: tcp?.maxConnectionDuration,
      tcpIdleTimeoutMs: tcp?.idleTimeout,
      tcpKeepaliveMs: tcp?.tcpKeepalive?.time,
      maxPendingRequests: http?.http1MaxPendingRequests,
      maxRequests: http?.http2MaxRequests,
      maxRetries: http?.maxRetries,
      maxRequestsPerConnection: http?.maxRequestsPerConnection,
      httpIdleTimeoutMs: http?.idleTimeout,
      maxConcurrentStreams: http?.maxConcurrentStreams,
      upgradesToHttp2: http?.h2UpgradePolicy === "UPGRADE" ? true : undefined,
      usesClientProtocol: http?.useClientProtocol,
    });
  },
);

/** Istio's schema cannot tell 0 from "not given". */
function zeros(written: Readonly<Record<string, number | undefined>>) {
  return Object.entries(written).flatMap(([field, value]) => {
    if (value !== 0) return [];
    return [
      { at: [field], message: "is 0, which means the default (no limit) and not none at all" },
    ];
  });
}
