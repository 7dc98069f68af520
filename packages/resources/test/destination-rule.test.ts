import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, read } from "./documents.ts";

const policy = (text: string) => `{host: a, trafficPolicy: {${text}}}`;
const policyOf = (text: string) => read("DestinationRule", policy(text)).resource.trafficPolicy;

const reads: Record<string, { policy: string; value: unknown }> = {
  "no balancing at all as least requests": {
    policy: "loadBalancer: {}",
    value: { loadBalancer: { algorithm: { kind: "least-request" } } },
  },
  "a hash by cookie, for the session": {
    policy: "loadBalancer: {consistentHash: {httpCookie: {name: c, path: /, ttl: 0s}}}",
    value: {
      loadBalancer: {
        algorithm: {
          kind: "ring-hash",
          key: { kind: "cookie", name: "c", path: "/", ttlSeconds: 0 },
          minimumRingSize: 1024,
        },
      },
    },
  },
  "a maglev hash by header": {
    policy: "loadBalancer: {consistentHash: {httpHeaderName: X-User, maglev: {tableSize: 65537}}}",
    value: {
      loadBalancer: {
        algorithm: {
          kind: "maglev",
          key: { kind: "header", name: "x-user" },
          tableSize: 65_537,
        },
      },
    },
  },
  "localities by share, and warm-up": {
    policy:
      'loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {distribute: [{from: eu/*, to: {eu/a: 80, "us/*": 20}}]}, warmup: {duration: 30s, minimumPercent: 5, aggression: 2}}',
    value: {
      loadBalancer: {
        algorithm: { kind: "round-robin" },
        locality: { kind: "distribute", from: [{ from: "eu/*", to: { "eu/a": 80, "us/*": 20 } }] },
        warmup: { durationMs: 30_000, minimumRatio: 0.05, aggression: 2 },
      },
    },
  },
  "failover between regions": {
    policy:
      "outlierDetection: {}, loadBalancer: {localityLbSetting: {failover: [{from: eu, to: us}], failoverPriority: [rack]}}",
    value: {
      loadBalancer: {
        algorithm: { kind: "least-request" },
        locality: { kind: "failover", failover: { eu: "us" }, priorityLabels: ["rack"] },
      },
      outlierDetection: {
        consecutive5xxErrors: 5,
        consecutiveGatewayErrors: 0,
        consecutiveLocalOriginFailures: 0,
        splitsLocalOrigin: false,
        errorCodes: [],
        intervalMs: 10_000,
        baseEjectionMs: 30_000,
        maxEjectionRatio: 0.1,
        minHealthRatio: 0,
      },
    },
  },
  "limits, where 0 is none": {
    policy:
      "connectionPool: {tcp: {maxConnections: 0, connectTimeout: 1s, idleTimeout: 0s, tcpKeepalive: {time: 60s}}, http: {http1MaxPendingRequests: 7, maxRetries: 0, maxRequestsPerConnection: 1, h2UpgradePolicy: UPGRADE}}",
    value: {
      connectionPool: {
        connectTimeoutMs: 1000,
        tcpIdleTimeoutMs: 0,
        tcpKeepaliveMs: 60_000,
        maxPendingRequests: 7,
        maxRequestsPerConnection: 1,
        upgradesToHttp2: true,
      },
    },
  },
  "TLS without mode as none (Istio's enum)": {
    policy: "tls: {sni: x.example}",
    value: { tls: { mode: "DISABLE", sni: "x.example" } },
  },
  "a retry budget": {
    policy: "retryBudget: {percent: 30}",
    value: { retryBudget: { ratio: 0.3, minConcurrency: 3 } },
  },
  "a port's own policy": {
    policy: "portLevelSettings: [{port: {number: 81}, tls: {mode: SIMPLE}}]",
    value: { ports: { 81: { tls: { mode: "SIMPLE" } } } },
  },
};
for (const [what, { policy: text, value }] of Object.entries(reads)) {
  test(`reads ${what}`, () => assert.deepEqual(policyOf(text), value));
}

const refused: Record<string, { spec: string; fault: RegExp }> = {
  "an empty policy": { spec: policy(""), fault: /traffic policy must have at least one field/ },
  "an empty pool": {
    spec: policy("connectionPool: {}"),
    fault: /connection pool must have at least one field/,
  },
  "a hash without key": {
    spec: policy("loadBalancer: {consistentHash: {useSourceIp: false}}"),
    fault: /exactly one of httpHeaderName, httpCookie, useSourceIp/,
  },
  "simple and hash": {
    spec: policy("loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}"),
    fault: /one of simple, consistentHash and latencyAware/,
  },
  "a maglev table without size": {
    spec: policy("loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}"),
    fault: /tableSize must be set for maglev/,
  },
  "a maglev table that is no prime": {
    spec: policy("loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 65536}}}"),
    fault: /must be a prime number/,
  },
  "shares that do not sum to 100": {
    spec: policy("loadBalancer: {localityLbSetting: {distribute: [{from: eu, to: {us: 90}}]}}"),
    fault: /total locality weight 90 != 100/,
  },
  "a share of 0": {
    spec: policy(
      "loadBalancer: {localityLbSetting: {distribute: [{from: eu, to: {us: 0, eu: 100}}]}}",
    ),
    fault: /locality weight must be in range \[1, 100\]/,
  },
  "distribute and failover": {
    spec: policy(
      "loadBalancer: {localityLbSetting: {distribute: [{from: eu, to: {us: 100}}], failover: [{from: eu, to: us}]}}",
    ),
    fault: /can not simultaneously specify 'distribute' and 'failover'/,
  },
  "failover to the same region": {
    spec: policy("loadBalancer: {localityLbSetting: {failover: [{from: eu, to: eu}]}}"),
    fault: /must specify different regions/,
  },
  "local failures that are not split off": {
    spec: policy("outlierDetection: {consecutiveLocalOriginFailures: 3}"),
    fault: /split external local origin errors is set to false/,
  },
  "an error code of 99": {
    spec: policy("outlierDetection: {outlierDetectionHttpErrorCodes: [99]}"),
    fault: /from 100 to 599/,
  },
  "an ejection of more than all": {
    spec: policy("outlierDetection: {maxEjectionPercent: 101}"),
    fault: /not in range 0\.\.100/,
  },
  "the client's protocol and an upgrade": {
    spec: policy("connectionPool: {http: {useClientProtocol: true, h2UpgradePolicy: UPGRADE}}"),
    fault: /use client protocol must not be true/,
  },
  "mutual TLS without a certificate": {
    spec: policy("tls: {mode: MUTUAL}"),
    fault: /client certificate required for mutual tls/,
  },
  "the mesh's own TLS with a file": {
    spec: policy("tls: {mode: ISTIO_MUTUAL, caCertificates: /ca.pem}"),
    fault: /ISTIO_MUTUAL uses the mesh's own certificates/,
  },
  "no verification with a CA": {
    spec: policy("tls: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: /ca.pem}"),
    fault: /when InsecureSkipVerify is set true/,
  },
  "a Kubernetes secret": {
    spec: policy("tls: {mode: SIMPLE, credentialName: x}"),
    fault: /credentialName: .*Heddle does not serve this field: Kubernetes secrets are not read/,
  },
  "a tunnel": {
    spec: policy("tunnel: {targetHost: a.example, targetPort: 443}"),
    fault: /spec\.trafficPolicy\.tunnel: .*does not serve/,
  },
  "one port twice": {
    spec: policy(
      "portLevelSettings: [{port: {number: 81}, tls: {mode: SIMPLE}}, {port: {number: 81}, tls: {mode: DISABLE}}]",
    ),
    fault: /portLevelSettings\[1\]\.port\.number: .*earlier entry's port/,
  },
  "a port without policy": {
    spec: policy("portLevelSettings: [{port: {number: 81}}]"),
    fault: /port traffic policy must have at least one field/,
  },
  "a subset named twice": {
    spec: "{host: a, subsets: [{name: v1}, {name: v1}]}",
    fault: /subsets\[1\]\.name: .*duplicate subset names: v1/,
  },
  "a rule for some workloads exported": {
    spec: "{host: a, workloadSelector: {matchLabels: {app: x}}, exportTo: [bank]}",
    fault: /cannot have exportTo beyond current namespace/,
  },
};
for (const [what, { spec, fault }] of Object.entries(refused)) {
  test(`refuses ${what}`, () => {
    assert.match(faultsOf("DestinationRule", spec).join("\n"), fault);
  });
}

const warned: Record<string, { policy: string; warning: RegExp }> = {
  "TLS without mode": {
    policy: "tls: {}",
    warning: /^spec\.trafficPolicy\.tls: mode is not given, which means DISABLE/,
  },
  "no verification": {
    policy: "tls: {mode: SIMPLE, insecureSkipVerify: true}",
    warning: /certificate is not checked/,
  },
  "maxRetries of 0": {
    policy: "connectionPool: {http: {maxRetries: 0}}",
    warning:
      /^spec\.trafficPolicy\.connectionPool\.http\.maxRetries: is 0, which means the default/,
  },
  "an ejection of 0 %": {
    policy: "outlierDetection: {maxEjectionPercent: 0}",
    warning: /maxEjectionPercent: is 0, which means the default/,
  },
  "the old name of consecutive errors": {
    policy: "outlierDetection: {consecutiveErrors: 5}",
    warning: /consecutiveErrors: outlier detection consecutive errors is deprecated/,
  },
  "failover without outlier detection": {
    policy: "loadBalancer: {localityLbSetting: {failover: [{from: eu, to: us}]}}",
    warning: /outlier detection policy must be provided for failover/,
  },
  "warm-up beside random": {
    policy: "loadBalancer: {simple: RANDOM, warmup: {duration: 1s}}",
    warning: /loadBalancer\.warmup: has no effect/,
  },
  "a port that drops what the rule says": {
    policy: "outlierDetection: {}, portLevelSettings: [{port: {number: 81}, tls: {mode: SIMPLE}}]",
    warning:
      /portLevelSettings\[0\]: replaces the whole policy for port 81: outlierDetection of the level above does not hold/,
  },
  "PING frames": {
    policy: "connectionPool: {http: {http2KeepAlive: {interval: 15s, timeout: 5s}}}",
    warning: /http2KeepAlive: has no effect/,
  },
};
for (const [what, { policy: text, warning }] of Object.entries(warned)) {
  test(`takes ${what}, and warns`, () => {
    const { warnings } = read("DestinationRule", policy(text));
    assert.ok(
      warnings.some((one) => warning.test(one)),
      JSON.stringify(warnings),
    );
  });
}

test("a rule for a wildcard of services names no service", () => {
  const { resource } = read(
    "DestinationRule",
    '{host: "*.Production.svc.cluster.local", trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}',
  );
  assert.equal(resource.host, "*.production.svc.cluster.local");
  assert.equal(resource.service.namespace, "");
});

test("a rule for some workloads is seen in its own namespace alone", () => {
  const { resource } = read(
    "DestinationRule",
    "{host: a, workloadSelector: {matchLabels: {app: x}}}",
  );
  assert.deepEqual(resource.workloadSelector, { app: "x" });
  assert.deepEqual(resource.visibleTo, ["shop"]);
});
