import assert from "node:assert/strict";
import { test } from "node:test";
import { type CodeCase, documentsOf, findingsOf, testCode } from "./code-cases.ts";
import type { HEDDLE_CODES } from "./heddle-codes.ts";

type HeddleCode = keyof typeof HEDDLE_CODES;
const route = documentsOf("networking.istio.io/v1", "VirtualService");
const rule = documentsOf("networking.istio.io/v1", "DestinationRule");
const entry = documentsOf("networking.istio.io/v1", "ServiceEntry");
const policy = documentsOf("security.istio.io/v1", "AuthorizationPolicy");
const peers = documentsOf("security.istio.io/v1", "PeerAuthentication");
const tokens = documentsOf("security.istio.io/v1", "RequestAuthentication");
const meshConfig = documentsOf("heddle.dev/v1", "MeshConfig");

/** Routes of the service till. */
const till = (http: string) => route("till", `{hosts: [till], http: [${http}]}`);
const TO = "route: [{destination: {host: till}}]";
const withPolicy = (traffic: string) => rule("till", `{host: till, trafficPolicy: {${traffic}}}`);
const ONE_TILL = {
  services: [{ namespace: "shop", name: "till", ports: [80] }],
  workloads: [
    { namespace: "shop", name: "till", labels: { app: "till", version: "v1" }, endpoints: 1 },
  ],
};
const TWO_TILLS = {
  ...ONE_TILL,
  workloads: ONE_TILL.workloads.map((one) => ({ ...one, endpoints: 2 })),
};

const cases: Record<HeddleCode, CodeCase> = {
  HDL001: {
    trap: till("{route: [{destination: {host: till, subset: v1}}]}"),
    sound:
      till("{route: [{destination: {host: till, subset: v1}}]}") +
      rule("till", "{host: till, subsets: [{name: v1, labels: {version: v1}}]}"),
    registry: ONE_TILL,
  },
  HDL002: {
    trap: till(
      "{route: [{destination: {host: till}, weight: 90}, {destination: {host: other}, weight: 5}]}",
    ),
    sound: till(
      "{route: [{destination: {host: till}, weight: 90}, {destination: {host: other}, weight: 10}]}",
    ),
  },
  HDL003: {
    trap: till(
      `{match: [{uri: {prefix: /api}}], ${TO}}, {match: [{uri: {exact: /api/pay}}], ${TO}}`,
    ),
    sound: till(
      `{match: [{uri: {exact: /api/pay}}], ${TO}}, {match: [{uri: {prefix: /api}}], ${TO}}`,
    ),
  },
  HDL004: {
    trap: till(`{${TO}, timeout: 2s, retries: {attempts: 3, perTryTimeout: 1s}}`),
    sound: till(`{${TO}, timeout: 4s, retries: {attempts: 3, perTryTimeout: 1s}}`),
  },
  HDL005: {
    trap: till(`{${TO}, retries: {attempts: 2, retryOn: "5xx,connect-failure"}}`),
    sound: till(`{match: [{method: {exact: GET}}], ${TO}, retries: {attempts: 2, retryOn: 5xx}}`),
  },
  HDL006: {
    trap: withPolicy("tls: {mode: DISABLE}") + peers("all", "{mtls: {mode: STRICT}}"),
    sound: withPolicy("tls: {mode: DISABLE}") + peers("all", "{mtls: {mode: PERMISSIVE}}"),
  },
  HDL007: { trap: withPolicy("tls: {}"), sound: withPolicy("tls: {mode: ISTIO_MUTUAL}") },
  HDL008: {
    trap: policy("nobody", "{}"),
    sound: policy("some", "{rules: [{to: [{operation: {methods: [GET]}}]}]}"),
  },
  HDL009: {
    trap: policy("all", "{rules: [{}, {to: [{operation: {methods: [GET]}}]}]}"),
    sound: policy("all", "{rules: [{}]}"),
  },
  HDL010: {
    trap: till(`{match: [{uri: {prefix: /v2}}], ${TO}}`),
    sound: till(`{match: [{uri: {prefix: /v2/}}], ${TO}}`),
  },
  HDL011: {
    trap:
      entry("one", "{hosts: [a.example], ports: [{number: 80, name: http, protocol: HTTP}]}") +
      entry("two", "{hosts: [a.example], ports: [{number: 80, name: http, protocol: HTTP}]}"),
    sound:
      entry("one", "{hosts: [a.example], exportTo: [a]}") +
      entry("two", "{hosts: [a.example], exportTo: [b]}"),
  },
  HDL012: {
    trap: withPolicy("loadBalancer: {consistentHash: {httpHeaderName: user}}"),
    sound: withPolicy("loadBalancer: {simple: ROUND_ROBIN}"),
    registry: ONE_TILL,
  },
  HDL013: {
    trap: withPolicy("outlierDetection: {maxEjectionPercent: 100}"),
    sound: withPolicy("outlierDetection: {maxEjectionPercent: 50}"),
  },
  HDL014: {
    trap: withPolicy("connectionPool: {tcp: {maxConnections: 1}}"),
    sound: withPolicy("connectionPool: {tcp: {maxConnections: 100}}"),
  },
  HDL015: {
    trap:
      till("{route: [{destination: {host: till, subset: v1}}]}") +
      rule("till", "{host: till, exportTo: [other], subsets: [{name: v1, labels: {version: v1}}]}"),
    sound:
      till("{route: [{destination: {host: till, subset: v1}}]}") +
      rule("till", "{host: till, subsets: [{name: v1, labels: {version: v1}}]}"),
  },
  HDL016: {
    trap: till(`{match: [{uri: {regex: "/api/.*"}}], ${TO}}`),
    sound: till(`{match: [{uri: {regex: "/api/[0-9]+"}}], ${TO}}`),
  },
  HDL017: {
    trap: till(`{${TO}, mirror: {host: till.shop.svc.cluster.local}}`),
    sound: till(`{${TO}, mirror: {host: till, subset: v2}}`),
  },
  HDL018: {
    trap: till(`{${TO}, fault: {abort: {httpStatus: 503, percentage: {value: 10}}}}`),
    sound: till(
      `{match: [{headers: {end-user: {exact: tester}}}], ${TO}, fault: {abort: {httpStatus: 503, percentage: {value: 10}}}}`,
    ),
  },
  HDL019: {
    trap: till(`{${TO}, timeout: 1s, fault: {delay: {fixedDelay: 5s, percentage: {value: 100}}}}`),
    sound: till(`{${TO}, fault: {delay: {fixedDelay: 5s, percentage: {value: 100}}}}`),
  },
  HDL020: {
    trap: withPolicy(
      "outlierDetection: {interval: 5s}, portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]",
    ),
    sound: withPolicy(
      "loadBalancer: {simple: RANDOM}, portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: ROUND_ROBIN}}]",
    ),
  },
  HDL021: {
    trap: peers("all", "{mtls: {mode: STRICT}}"),
    sound:
      peers("all", "{mtls: {mode: STRICT}}") +
      peers("till", "{selector: {matchLabels: {app: till}}, mtls: {mode: PERMISSIVE}}"),
    registry: {
      ...ONE_TILL,
      plaintextCallers: [{ namespace: "shop", workload: "till", address: "10.0.0.7" }],
    },
  },
  HDL022: {
    trap: peers("none", "{selector: {matchLabels: {app: nobody}}, mtls: {mode: STRICT}}"),
    sound: peers("till", "{selector: {matchLabels: {app: till}}, mtls: {mode: STRICT}}"),
    registry: ONE_TILL,
  },
  HDL023: {
    trap: policy("no-posts", "{action: DENY, rules: [{to: [{operation: {methods: [POST]}}]}]}"),
    sound: policy(
      "no-posts",
      '{action: DENY, rules: [{to: [{operation: {methods: [POST], ports: ["80"]}}]}]}',
    ),
  },
  HDL024: {
    trap: policy("users", '{rules: [{from: [{source: {requestPrincipals: ["*"]}}]}]}'),
    sound:
      policy("users", '{rules: [{from: [{source: {requestPrincipals: ["*"]}}]}]}') +
      tokens("users", "{jwtRules: [{issuer: https://issuer.example}]}"),
  },
  HDL025: {
    trap:
      policy("ask", "{action: CUSTOM, provider: {name: gate}, rules: [{}]}") +
      meshConfig("mesh", "{}"),
    sound:
      policy("ask", "{action: CUSTOM, provider: {name: gate}, rules: [{}]}") +
      meshConfig("mesh", "{extensionProviders: [{name: gate, envoyExtAuthzHttp: {}}]}"),
  },
  HDL026: {
    trap:
      policy("web", '{rules: [{from: [{source: {principals: ["*/ns/shop/sa/web"]}}]}]}') +
      peers("all", "{mtls: {mode: PERMISSIVE}}"),
    sound:
      policy("web", '{rules: [{from: [{source: {principals: ["*/ns/shop/sa/web"]}}]}]}') +
      peers("all", "{mtls: {mode: STRICT}}"),
  },
  HDL027: {
    trap: documentsOf("networking.istio.io/v1", "EnvoyFilter")("patch", "{}"),
    sound: rule("till", "{host: till}"),
  },
  HDL028: {
    trap: till(`{${TO}, retries: {}}`),
    sound: till(`{${TO}, retries: {attempts: 2}}`),
  },
  HDL029: {
    trap: rule("till", "{host: till}") + rule("till", "{host: till}"),
    sound: rule("till", "{host: till}") + rule("till2", "{host: till}"),
  },
  HDL030: { trap: "kind: [", sound: "" },
  HDL031: {
    trap: peers("one", "{mtls: {mode: STRICT}}") + peers("two", "{mtls: {mode: PERMISSIVE}}"),
    sound: peers("one", "{mtls: {mode: STRICT}}"),
  },
  HDL032: {
    trap: till("{match: [{uri: {prefix: /a/}}], delegate: {name: part}}"),
    sound:
      till("{match: [{uri: {prefix: /a/}}], delegate: {name: part}}") +
      route("part", `{http: [{${TO}}]}`),
  },
  HDL034: {
    trap: documentsOf("heddle.dev/v1", "Bypass")(
      "till",
      '{workload: till, until: "2026-11-21T23:15:00Z"}',
    ),
    sound: documentsOf("heddle.dev/v1", "Bypass")(
      "till",
      '{workload: till, until: "1969-11-21T23:15:00Z"}',
    ),
  },
  HDL033: {
    trap: till(`{${TO}, timeout: 1s, retries: {attempts: 2, perTryTimeout: 1s}}`),
    sound: till(`{${TO}, timeout: 9s, retries: {attempts: 2, perTryTimeout: 1s}}`),
  },
};

for (const [code, one] of Object.entries(cases)) testCode(code, one);

function codesOf(text: string, registry?: CodeCase["registry"]): string[] {
  return findingsOf(text, registry).map(({ code }) => code);
}

test("sticky sessions are no note where there is a choice", () => {
  const text = withPolicy("loadBalancer: {consistentHash: {httpHeaderName: user}}");
  assert.ok(!codesOf(text, TWO_TILLS).includes("HDL012"));
});

test("a document says itself which codes it does not want to hear", () => {
  const text = withPolicy("tls: {}").replace(
    "namespace: shop}",
    "namespace: shop, annotations: {heddle.dev/analyze-suppress: 'HDL007, IST0174'}}",
  );
  assert.deepEqual(codesOf(text, undefined), ["HDL028"]);
});

test("versions that run at different ports are no reason to name one", () => {
  const service = { namespace: "shop", name: "till", ports: [26_881, 26_882] };
  const registry = { ...ONE_TILL, services: [service] };
  assert.deepEqual(codesOf(till(`{${TO}}`), registry), []);
});
