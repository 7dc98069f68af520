import type { ConnectionPool } from "@heddle/mesh";
import { z } from "zod";
import { fields, warnIf, withoutEffect } from "../schema/field-status.ts";
import { count, countOrUnset, durationMs, durationOrZeroMs } from "./fields.ts";
import { withoutUndefined } from "./http-match.ts";

const tcpFields = {
  maxConnections: countOrUnset("max connections must be non-negative").optional(),
  connectTimeout: durationMs.optional(),
  maxConnectionDuration: durationMs.optional(),
  idleTimeout: durationOrZeroMs.optional(),
};

const tcp = warnIf(
  fields({
    ...tcpFields,
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

const httpFields = {
  http1MaxPendingRequests: countOrUnset(
    "http1 max pending requests must be non-negative",
  ).optional(),
  http2MaxRequests: countOrUnset("http2 max requests must be non-negative").optional(),
  maxRequestsPerConnection: count({
    message: "max requests per connection must be non-negative",
  }).optional(),
  idleTimeout: durationMs.optional(),
};
const maxConcurrentStreams = countOrUnset("max concurrent streams must be non-negative").optional();
const maxRetries = countOrUnset("max retries must be non-negative").optional();
const h2UpgradePolicy = z.enum(["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"]).optional();
const useClientProtocol = z.boolean().optional();
const keepAlive = fields({ interval: durationMs, timeout: durationMs }).optional();

const http = warnIf(
  fields({
    ...httpFields,
    maxRetries,
    h2UpgradePolicy,
    useClientProtocol,
    maxConcurrentStreams,
    http2KeepAlive: withoutEffect(
      "Heddle notices a dead HTTP/2 connection by its requests' timeouts and TCP keep-alive; it sends no PING frames",
      keepAlive,
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

const APPS_PROTOCOL = "what an app speaks is its port's protocol (heddle run --protocol)";
const inboundTcp = warnIf(
  fields({
    ...tcpFields,
    connectTimeout: withoutEffect(
      "the app is on the proxy's own host, which takes or refuses a connection at once",
      durationMs.optional(),
    ),
    tcpKeepalive: withoutEffect(
      "the app is on the proxy's own host, and its end is noticed without probes",
      z.unknown().optional(),
    ),
  }),
  ({ maxConnections }) => zeros({ maxConnections }),
);
const inboundHttp = warnIf(
  fields({
    ...httpFields,
    maxRetries: withoutEffect(
      "an app's own proxy retries nothing a rule could ask for",
      maxRetries,
    ),
    h2UpgradePolicy: withoutEffect(APPS_PROTOCOL, h2UpgradePolicy),
    useClientProtocol: withoutEffect(APPS_PROTOCOL, useClientProtocol),
    maxConcurrentStreams: withoutEffect(
      "an app that takes fewer streams says so itself (SETTINGS_MAX_CONCURRENT_STREAMS)",
      maxConcurrentStreams,
    ),
    http2KeepAlive: withoutEffect("the app is on the proxy's own host", keepAlive),
  }),
  ({ http1MaxPendingRequests, http2MaxRequests }) =>
    zeros({ http1MaxPendingRequests, http2MaxRequests }),
);

/** The same for the connections a proxy opens to its own app. */
export const inboundConnectionPool = fields({
  tcp: inboundTcp.optional(),
  http: inboundHttp.optional(),
}).transform(({ tcp, http }, context): ConnectionPool => {
  if (tcp === undefined && http === undefined) {
    context.addIssue("connection pool must have at least one field; expected tcp or http");
  }
  return withoutUndefined({
    maxConnections: tcp?.maxConnections,
    maxConnectionDurationMs: tcp?.maxConnectionDuration,
    tcpIdleTimeoutMs: tcp?.idleTimeout,
    maxPendingRequests: http?.http1MaxPendingRequests,
    maxRequests: http?.http2MaxRequests,
    maxRequestsPerConnection: http?.maxRequestsPerConnection,
    httpIdleTimeoutMs: http?.idleTimeout,
  });
});

/** Istio's schema cannot tell 0 from "not given". */
function zeros(written: Readonly<Record<string, number | undefined>>) {
  return Object.entries(written).flatMap(([field, value]) => {
    if (value !== 0) return [];
    return [
      { at: [field], message: "is 0, which means the default (no limit) and not none at all" },
    ];
  });
}
