import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResourceKindName } from "../src/index.ts";
import { faultsOf, read } from "./documents.ts";

const refused: [kind: ResourceKindName, what: string, spec: string, fault: RegExp][] = [
  [
    "AuthorizationPolicy",
    "DENY without rules",
    "{action: DENY}",
    /DENY action without `rules` is meaningless/,
  ],
  [
    "AuthorizationPolicy",
    "CUSTOM and nobody to ask",
    "{action: CUSTOM, rules: [{}]}",
    /`provider\.name` must not be empty/,
  ],
  [
    "AuthorizationPolicy",
    "CUSTOM without rules",
    "{action: CUSTOM, provider: {name: a}}",
    /CUSTOM action without `rules` is meaningless/,
  ],
  [
    "AuthorizationPolicy",
    "somebody to ask and another action",
    "{action: DENY, provider: {name: a}, rules: [{}]}",
    /`provider` must not be with non CUSTOM action, found DENY/,
  ],
  [
    "AuthorizationPolicy",
    "an identity in a CUSTOM rule",
    "{action: CUSTOM, provider: {name: a}, rules: [{}, {from: [{source: {namespaces: [a]}}]}]}",
    /rules\[1\]: .*from\.source\.namespaces is not supported in a CUSTOM rule/,
  ],
  [
    "AuthorizationPolicy",
    "a claim in a CUSTOM rule",
    "{action: CUSTOM, provider: {name: a}, rules: [{when: [{key: 'request.auth.claims[a]', values: [b]}]}]}",
    /request\.auth\.claims\[a\] is not supported in a CUSTOM rule/,
  ],
  [
    "AuthorizationPolicy",
    "an empty source",
    "{rules: [{from: [{source: {}}]}]}",
    /`from.source` must not be empty/,
  ],
  [
    "AuthorizationPolicy",
    "an empty operation",
    "{rules: [{to: [{operation: {}}]}]}",
    /`to.operation` must not be empty/,
  ],
  [
    "AuthorizationPolicy",
    "a port in words",
    "{rules: [{to: [{operation: {ports: [http]}}]}]}",
    /ports\[0\]: .*expected a port/,
  ],
  [
    "AuthorizationPolicy",
    "an address that is none",
    "{rules: [{from: [{source: {ipBlocks: [10.0.0.0/40]}}]}]}",
    /ipBlocks\[0\]: .*expected an IP address or CIDR/,
  ],
  [
    "AuthorizationPolicy",
    "a template after its rest",
    "{rules: [{to: [{operation: {paths: ['/{**}/{*}']}}]}]}",
    /not the last operator/,
  ],
  [
    "AuthorizationPolicy",
    "a star beside a template",
    "{rules: [{to: [{operation: {paths: ['/{*}/a*']}}]}]}",
    /contains '\*' beyond a supported path template/,
  ],
  [
    "AuthorizationPolicy",
    "an attribute nobody knows",
    "{rules: [{when: [{key: request.body, values: [x]}]}]}",
    /unknown attribute/,
  ],
  [
    "AuthorizationPolicy",
    "a condition without values",
    "{rules: [{when: [{key: source.ip}]}]}",
    /at least one of `values` or `notValues`/,
  ],
  [
    "AuthorizationPolicy",
    "an address that is none in a condition",
    "{rules: [{when: [{key: source.ip, values: [x]}]}]}",
    /values\[0\]/,
  ],
  ["RateLimit", "no limit", "{limits: []}", /expected at least one limit/],
  [
    "RateLimit",
    "a limit of nothing",
    "{limits: [{requests: 0, per: 1s}]}",
    /a whole number from 1/,
  ],
  [
    "RateLimit",
    "two keys",
    "{limits: [{requests: 1, per: 1s, key: {sourceWorkload: {}, header: x}}]}",
    /exactly one of sourceWorkload/,
  ],
  [
    "RateLimit",
    "a name twice",
    "{limits: [{name: a, requests: 1, per: 1s}, {name: a, requests: 1, per: 1s}]}",
    /limits\[1\]\.name: .*earlier limit's name/,
  ],
  [
    "ProxyFilter",
    "a name that is a path",
    "{filters: [{name: ../x}]}",
    /lower-case letters, digits and hyphens/,
  ],
  [
    "Telemetry",
    "an expression that looks at headers",
    "{accessLogging: [{filter: {expression: request.path == 5}}]}",
    /filter\.expression: .*"request\.path" is not known/,
  ],
  ["ProxyFilter", "a budget of a minute", "{filters: [{name: x, budget: 1m}]}", /from 1ms to 10s/],
  ["TrafficPolicy", "nothing to say", "{destinations: [{host: a}]}", /says nothing/],
  [
    "TrafficPolicy",
    "an empty source",
    "{sources: [{}], destinations: [{host: a}], timeout: 1s}",
    /at least one of namespace, service/,
  ],
  [
    "MeshConfig",
    "hidden documents by default",
    "{defaultServiceExportTo: ['.']}",
    /does not serve/,
  ],
  [
    "MeshConfig",
    "a provider of two kinds",
    "{extensionProviders: [{name: x, zipkin: {}, opentelemetry: {}}]}",
    /exactly one kind of provider/,
  ],
  [
    "MeshConfig",
    "two providers of one name",
    "{extensionProviders: [{name: x, zipkin: {}}, {name: x, zipkin: {}}]}",
    /extensionProviders\[1\]\.name: .*another provider is called "x" already/,
  ],
  [
    "MeshConfig",
    "an authorizer over gRPC",
    "{extensionProviders: [{name: x, envoyExtAuthzGrpc: {service: a, port: 1}}]}",
    /does not serve this field: authorizers are asked over HTTP/,
  ],
  [
    "MeshConfig",
    "an authorizer's path without slash",
    "{extensionProviders: [{name: x, envoyExtAuthzHttp: {service: a, port: 1, pathPrefix: check}}]}",
    /pathPrefix: .*expected a path that begins with/,
  ],
  [
    "MeshConfig",
    "an authorizer's status that is none",
    "{extensionProviders: [{name: x, envoyExtAuthzHttp: {service: a, port: 1, statusOnError: '999'}}]}",
    /statusOnError: .*expected an HTTP status/,
  ],
  [
    "MeshConfig",
    "an authorizer that is to get whole films",
    "{extensionProviders: [{name: x, envoyExtAuthzHttp: {service: a, port: 1, includeRequestBodyInCheck: {maxRequestBytes: 100000000}}}]}",
    /maxRequestBytes: .*expected at most 1048576/,
  ],
  [
    "Telemetry",
    "a sampling of more than all",
    "{tracing: [{randomSamplingPercentage: 101}]}",
    /in range \[0\.0, 100\.0\]/,
  ],
  [
    "Telemetry",
    "a tag of two kinds",
    "{tracing: [{customTags: {a: {literal: {value: x}, header: {name: y}}}}]}",
    /exactly one of literal, environment and header/,
  ],
  [
    "RequestAuthentication",
    "keys that are none",
    "{jwtRules: [{issuer: x, jwks: '{'}]}",
    /jwks parse error/,
  ],
  [
    "RequestAuthentication",
    "a claim in a header that frames",
    "{jwtRules: [{issuer: x, outputClaimToHeaders: [{header: Content-Length, claim: a}]}]}",
    /outputClaimToHeaders\[0\]\.header: .*proxies write or read this header themselves/,
  ],
];
for (const [kind, what, spec, fault] of refused) {
  test(`refuses a ${kind} with ${what}`, () => {
    assert.match(faultsOf(kind, spec).join("\n"), fault);
  });
}

const warned: [kind: ResourceKindName, what: string, spec: string, warning: RegExp][] = [
  ["AuthorizationPolicy", "no rules", "{}", /allows nothing/],
  [
    "AuthorizationPolicy",
    "a DENY of HTTP fields alone",
    "{action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}",
    /will deny all traffic to TCP ports/,
  ],
  [
    "AuthorizationPolicy",
    "a waypoint's target",
    "{targetRef: {kind: Service, name: a}, rules: [{}]}",
    /targetRef: has no effect: it is for waypoints/,
  ],
  [
    "AuthorizationPolicy",
    "a DENY of a bare host",
    "{action: DENY, rules: [{to: [{operation: {hosts: [secret.example]}}]}]}",
    /hosts\[0\]: denies secret\.example alone: .*"secret\.example:\*", "secret\.example\."/,
  ],
  [
    "AuthorizationPolicy",
    "an Envoy filter's metadata",
    "{rules: [{when: [{key: experimental.envoy.filters.a, values: [x]}]}]}",
    /there are no Envoy filters here/,
  ],
  [
    "RequestAuthentication",
    "a secret among its keys",
    '{jwtRules: [{issuer: x, jwks: \'{"keys": [{"kty": "oct", "k": "aGk"}]}\'}]}',
    /private or symmetric key parts/,
  ],
  [
    "Telemetry",
    "changed metrics",
    "{metrics: [{overrides: [{disabled: true}]}]}",
    /spec\.metrics: has no effect/,
  ],
  [
    "RateLimit",
    "a key that callers choose",
    "{limits: [{requests: 1, per: 1s, key: {header: x-user}}]}",
    /a caller chooses a header's value itself/,
  ],
];
for (const [kind, what, spec, warning] of warned) {
  test(`takes a ${kind} with ${what}, and warns`, () => {
    const { warnings } = read(kind, spec);
    assert.ok(
      warnings.some((one) => warning.test(one)),
      JSON.stringify(warnings),
    );
  });
}

test("a DENY of a host in all its forms is taken without a warning about it", () => {
  const { warnings } = read(
    "AuthorizationPolicy",
    '{action: DENY, rules: [{to: [{operation: {hosts: [a.b, "a.b:*", "a.b.", "a.b.:*"], ports: ["80"]}}]}]}',
  );
  assert.deepEqual(
    warnings.filter((one) => one.includes("a.b")),
    [],
  );
});

test("an external authorizer is read with its defaults", () => {
  const { resource } = read(
    "MeshConfig",
    '{extensionProviders: [{name: x, envoyExtAuthzHttp: {service: shop/ext.shop, port: 8000, pathPrefix: /check/, includeHeadersInCheck: [X-Auth-*], includeAdditionalHeadersInCheck: {X-A: b}, statusOnError: "503", includeRequestBodyInCheck: {maxRequestBytes: 10}}}, {name: y, zipkin: {port: 1}}]}',
  );
  assert.equal(resource.kind, "MeshConfig");
  const [authorizer, other] = resource.kind === "MeshConfig" ? resource.extensionProviders : [];
  assert.deepEqual(other, { name: "y", type: "zipkin" });
  assert.deepEqual(authorizer, {
    name: "x",
    type: "envoyExtAuthzHttp",
    authorizer: {
      ...{ name: "x", host: "ext.shop", port: 8000, pathPrefix: "/check", timeoutMs: 10_000 },
      ...{ failsOpen: false, statusOnError: 503, requestHeaders: ["x-auth-*"] },
      ...{ addedHeaders: { "x-a": "b" }, headersToUpstream: [], headersToDownstreamOnAllow: [] },
      ...{ headersToDownstreamOnDeny: [], body: { maxBytes: 10, allowsPartial: false } },
    },
  });
});

test("an AuthorizationPolicy is read with its accounts in its own namespace", () => {
  const { resource } = read(
    "AuthorizationPolicy",
    "{selector: {matchLabels: {app: a}}, rules: [{from: [{source: {serviceAccounts: [web, bank/api]}}], to: [{operation: {paths: [/a], ports: ['80']}}], when: [{key: source.namespace, notValues: [x]}]}]}",
    ', annotations: {istio.io/dry-run: "true"}',
  );
  assert.deepEqual(resource, {
    kind: "AuthorizationPolicy",
    namespace: "shop",
    name: "it",
    selector: { app: "a" },
    targetRefs: [],
    action: "ALLOW",
    isShadow: true,
    rules: [
      {
        from: [{ serviceAccounts: ["shop/web", "bank/api"] }],
        to: [{ paths: ["/a"], ports: ["80"] }],
        when: [{ key: "source.namespace", notValues: ["x"] }],
      },
    ],
  });
});

test("a PeerAuthentication is read with the modes of its ports, UNSET ones left out", () => {
  const { resource } = read(
    "PeerAuthentication",
    '{selector: {matchLabels: {app: a}}, mtls: {mode: UNSET}, portLevelMtls: {"80": {mode: STRICT}, "81": {mode: UNSET}}}',
  );
  assert.equal(resource.mode, undefined);
  assert.deepEqual(resource.portModes, { 80: "STRICT" });
});

test("a RateLimit is read, its burst being its requests unless it says", () => {
  const { resource } = read(
    "RateLimit",
    "{limits: [{name: writes, match: [{method: {exact: POST}}], key: {sourceWorkload: {}}, requests: 10, per: 1m, shadow: true}, {requests: 5000000, per: 720h, burst: 100}]}",
  );
  assert.deepEqual(resource.limits, [
    {
      name: "writes",
      matches: [{ method: { kind: "exact", value: "POST" } }],
      key: { kind: "source-workload" },
      requests: 10,
      windowMs: 60_000,
      burst: 10,
      isShadow: true,
    },
    {
      name: "limit-2",
      matches: [],
      requests: 5_000_000,
      windowMs: 2_592_000_000,
      burst: 100,
      isShadow: false,
    },
  ]);
});

test("a ProxyFilter without choices runs inbound and fails closed", () => {
  const { resource } = read("ProxyFilter", "{filters: [{name: audit, settings: {a: [1]}}]}");
  assert.deepEqual(resource.filters, [
    { name: "audit", direction: "inbound", settings: { a: [1] }, onFailure: "fail", budgetMs: 50 },
  ]);
});

test("a TrafficPolicy is read with Heddle's own balancing and faults below the retries", () => {
  const { resource } = read(
    "TrafficPolicy",
    "{sources: [{service: web}, {namespace: bank, labels: {tier: x}}], destinations: [{host: ratings}, {host: api.example.com, subset: v1}], loadBalancer: {latencyAware: {decay: 5s}}, timeout: 2s, retries: {attempts: 1}, fault: {scope: upstream, abort: {httpStatus: 503, percentage: {value: 50}}}}",
  );
  assert.deepEqual(resource.policy, {
    loadBalancer: { algorithm: { kind: "peak-ewma", decayMs: 5000, failurePenaltyMs: 5000 } },
  });
  assert.deepEqual(resource.fault, { abort: { ratio: 0.5, httpStatus: 503 }, scope: "attempt" });
  assert.equal(resource.timeoutMs, 2000);
  assert.deepEqual(
    resource.destinations.map(({ host, subset }) => [host, subset]),
    [
      ["ratings.shop.svc.cluster.local", undefined],
      ["api.example.com", "v1"],
    ],
  );
});

test("a MeshConfig is read by Istio's names", () => {
  const { resource } = read(
    "MeshConfig",
    "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}, pathNormalization: {normalization: MERGE_SLASHES}, numTrustedProxies: 2, rootNamespace: mesh, defaultHttpRetryPolicy: {attempts: 0}, localityLbSetting: {enabled: false}, defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 9}}}}",
  );
  const { outboundTrafficPolicy, pathNormalization, trustedProxyCount, rootNamespace } = resource;
  assert.deepEqual(
    [outboundTrafficPolicy, pathNormalization, trustedProxyCount, rootNamespace],
    ["REGISTRY_ONLY", "MERGE_SLASHES", 2, "mesh"],
  );
  assert.equal(resource.defaultRetries?.attempts, 0);
  assert.deepEqual(resource.locality, { kind: "off" });
  assert.deepEqual(resource.defaultTrafficPolicy?.connectionPool, { maxConnections: 9 });
});

test("a Telemetry document is read with sampling as a ratio and its tags", () => {
  const { resource } = read(
    "Telemetry",
    "{tracing: [{randomSamplingPercentage: 10, customTags: {env: {literal: {value: x}}, v: {header: {name: X-V, defaultValue: none}}, h: {environment: {name: HOST}}}}], accessLogging: [{filter: {expression: response.code >= 400}}]}",
  );
  assert.deepEqual(resource.tracing, [
    {
      mode: "CLIENT_AND_SERVER",
      providers: [],
      samplingRatio: 0.1,
      disablesReporting: undefined,
      customTags: {
        env: { literal: "x" },
        v: { header: "x-v", defaultValue: "none" },
        h: { environment: "HOST" },
      },
    },
  ]);
  assert.equal(resource.accessLogging[0]?.filter, "response.code >= 400");
});

test("a PeerAuthentication's annotation begins a dry run of STRICT, and of nothing else", () => {
  const annotated = (mode: string) => `, annotations: {heddle.dev/mtls-dry-run: ${mode}}`;
  const spec = "{mtls: {mode: PERMISSIVE}}";
  const { resource } = read("PeerAuthentication", spec, annotated("STRICT"));
  assert.equal(resource.isStrictDryRun, true);
  assert.equal(read("PeerAuthentication", spec).resource.isStrictDryRun, undefined);
  assert.throws(
    () => read("PeerAuthentication", spec, annotated("DISABLE")),
    /mtls-dry-run.*expected STRICT/s,
  );
});
