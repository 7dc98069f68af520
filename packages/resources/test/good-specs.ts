import type { ResourceKindName } from "../src/index.ts";

const POLICY =
  "loadBalancer: {consistentHash: {httpCookie: {name: c, path: /, ttl: 1s}, ringHash: {minimumRingSize: 8}}, localityLbSetting: {failover: [{from: eu, to: us}]}, warmup: {duration: 1s, minimumPercent: 5}}, connectionPool: {tcp: {maxConnections: 9, connectTimeout: 1s, tcpKeepalive: {time: 9s}}, http: {http1MaxPendingRequests: 3, maxRetries: 2, idleTimeout: 1m}}, outlierDetection: {consecutive5xxErrors: 3, interval: 1s, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2}, tls: {mode: MUTUAL, clientCertificate: /c, privateKey: /k, caCertificates: /a, subjectAltNames: [x], sni: y}, retryBudget: {percent: 10}";

/** One good spec of each kind that says much, in YAML's flow style. */
export const GOOD_SPECS: Readonly<Record<ResourceKindName, string>> = {
  VirtualService:
    '{hosts: [a, "*.example.com"], gateways: [mesh, gw], exportTo: [., bank], http: [{name: one, match: [{uri: {prefix: /a}, headers: {x: {regex: "a.*"}}, withoutHeaders: {y: {}}, queryParams: {q: {exact: "1"}}, port: 80, sourceLabels: {app: web}}, {gateways: [gw]}], route: [{destination: {host: a, subset: v1, port: {number: 80}}, weight: 1, headers: {request: {set: {host: b, x-a: "%REQ(x-b)%"}, remove: [c]}}}, {destination: {host: b.example.com}, weight: 3}], timeout: 1s, retries: {attempts: 2, retryOn: "5xx,503", perTryTimeout: 1s, backoff: 10ms}, fault: {delay: {percentage: {value: 1}, fixedDelay: 1s}, abort: {percentage: {value: 2}, httpStatus: 503}}, mirrors: [{destination: {host: c}, percentage: {value: 5}}], corsPolicy: {allowOrigins: [{prefix: "https://"}], allowMethods: [GET], maxAge: 1m}, rewrite: {uriRegexRewrite: {match: "^/(a)", rewrite: "/\\\\1"}}}, {match: [{uri: {prefix: /r}}], redirect: {prefixRewrite: /n, redirectCode: 302}}, {match: [{uri: {exact: /d}}], directResponse: {status: 200, body: {string: hi}}}, {delegate: {name: d, namespace: n}}], tcp: [{match: [{port: 25, destinationSubnets: [10.0.0.0/8]}], route: [{destination: {host: a}}]}], tls: [{match: [{sniHosts: [a.example.com]}], route: [{destination: {host: a}}]}]}',
  DestinationRule: `{host: a, exportTo: ["*"], trafficPolicy: {${POLICY}, portLevelSettings: [{port: {number: 81}, tls: {mode: SIMPLE}}]}, subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}, {name: v2}]}`,
  ServiceEntry:
    "{hosts: [a.example, b.example], addresses: [10.1.0.0/16], ports: [{number: 443, name: https, protocol: TLS, targetPort: 8443}], location: MESH_INTERNAL, resolution: STATIC, endpoints: [{address: 10.0.0.1, ports: {https: 9443}, labels: {a: b}, locality: eu/a, weight: 2}], exportTo: [bank], subjectAltNames: [x]}",
  Sidecar:
    '{workloadSelector: {labels: {app: a}}, ingress: [{port: {number: 80, protocol: HTTP, name: http}, defaultEndpoint: "127.0.0.1:8080", connectionPool: {tcp: {maxConnections: 3}}}], egress: [{port: {number: 80}, hosts: [./*]}, {hosts: [bank/a.example, ~x/*]}], outboundTrafficPolicy: {mode: ALLOW_ANY}}',
  WorkloadEntry:
    "{address: 10.0.0.1, ports: {http: 80}, labels: {app: a}, locality: eu/a, weight: 2, network: n, serviceAccount: s}",
  WorkloadGroup:
    "{metadata: {labels: {a: b}}, template: {serviceAccount: s, ports: {http: 80}}, probe: {httpGet: {port: 80, path: /, httpHeaders: [{name: a, value: b}]}, periodSeconds: 3}}",
  PeerAuthentication:
    '{selector: {matchLabels: {app: a}}, mtls: {mode: STRICT}, portLevelMtls: {"80": {mode: PERMISSIVE}}}',
  AuthorizationPolicy:
    '{selector: {matchLabels: {app: a}}, action: DENY, rules: [{from: [{source: {principals: ["*/sa/a"], notIpBlocks: [10.0.0.0/8], trustDomains: [x]}}], to: [{operation: {methods: [GET], paths: ["/{*}/a"], ports: ["80"], hosts: ["*.example"]}}], when: [{key: "request.headers[x]", values: [a*]}, {key: source.ip, notValues: [10.0.0.1]}]}]}',
  RequestAuthentication:
    '{jwtRules: [{issuer: i, audiences: [a], jwksUri: "https://x.example/k", fromHeaders: [{name: a, prefix: b}], outputClaimToHeaders: [{claim: a, header: b}], timeout: 1s, presence: REQUIRED}]}',
  Telemetry:
    "{tracing: [{providers: [{name: a}], randomSamplingPercentage: 10, customTags: {a: {literal: {value: b}}, c: {header: {name: d, defaultValue: e}}}}], metrics: [{overrides: [{match: {metric: REQUEST_COUNT, mode: CLIENT}, tagOverrides: {a: {operation: REMOVE}}}]}], accessLogging: [{filter: {expression: response.code >= 400}}]}",
  Service:
    "{type: ClusterIP, selector: {app: a}, ports: [{name: http, port: 80, targetPort: web, appProtocol: http}, {name: grpc, port: 81, targetPort: 8081, protocol: TCP}]}",
  MeshConfig:
    "{outboundTrafficPolicy: {mode: ALLOW_ANY}, pathNormalization: {normalization: BASE}, numTrustedProxies: 1, extensionProviders: [{name: a, zipkin: {port: 1}}], defaultHttpRetryPolicy: {attempts: 1}, localityLbSetting: {distribute: [{from: eu, to: {us: 100}}]}, defaultTrafficPolicy: {outlierDetection: {}}}",
  TrafficPolicy: `{sources: [{namespace: n, service: s, workload: w, labels: {a: b}}], destinations: [{host: a, subset: v1}], ${POLICY}, timeout: 1s, retries: {attempts: 1}, fault: {scope: upstream, abort: {httpStatus: 500, percentage: {value: 1}}}}`,
  RateLimit:
    "{selector: {matchLabels: {app: a}}, limits: [{name: n, match: [{uri: {prefix: /a}, headers: {x: {}}}], key: {header: x-user}, requests: 5, per: 1m, burst: 3, shadow: true}]}",
  Bypass:
    '{source: {service: web, workload: web-v1}, destination: {host: reviews}, until: "2026-11-21T23:15:00Z"}',
  DnsSource:
    "{service: db, lookups: [{name: db.example.com, type: A, port: 5432, labels: {version: v1}, locality: eu/west, weight: 2}, {name: _pg._tcp.db.example.com}], port: {number: 5432, name: tcp, protocol: TCP}, servers: ['127.0.0.1:8600'], minInterval: 5s, maxInterval: 60s}",
  InstanceOverride:
    '{workload: web-v1, address: "10.0.0.7:15006", drain: true, weight: 3, labels: {a: b}, locality: eu/west, until: "2026-11-21T23:15:00Z"}',
  ProxyFilter:
    "{selector: {matchLabels: {app: a}}, filters: [{name: audit, direction: outbound, settings: {a: [1, {b: c}]}, onFailure: skip, budget: 5ms}]}",
};
