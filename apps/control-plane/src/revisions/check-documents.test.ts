import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceResource, WorkloadResource } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import { formatRef, parseResources } from "@heddle/resources";
import fc from "fast-check";
import { type ConfigSnapshot, compileSnapshot } from "../snapshot/config-snapshot.ts";
import type { MeshDocument } from "../snapshot/mesh-document.ts";
import { document, parseDocuments } from "../snapshot/test-documents.ts";
import { checkDocuments } from "./check-documents.ts";
import { textsOf } from "./coded-warning.ts";

const NOBODY = {
  trustDomain: "cluster.local",
  isServed: () => false,
  workloads: () => [],
  versionsOf: () => new Set<string | undefined>(),
};

function check(snapshot: ConfigSnapshot, served: readonly string[] = []) {
  const changed = new Set(snapshot.documents.keys());
  return checkDocuments(snapshot, compileSnapshot(0, new Map()), changed, {
    ...NOBODY,
    isServed: (service) => served.includes(formatId(service)),
  });
}

function checkTexts(...texts: string[]) {
  return check(compileSnapshot(1, parseDocuments(...texts)), ["shop/reviews"]);
}

const routed = (name: string, namespace: string, spec: string) =>
  document("VirtualService", name, namespace, `{hosts: [reviews.shop.svc.cluster.local], ${spec}}`);
const plain = "http: [{route: [{destination: {host: reviews.shop.svc.cluster.local}}]}]";

const HOST_OF_SHOP =
  "{hosts: [reviews.shop.svc.cluster.local], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 203.0.113.9}]}";

const together: Record<string, { texts: string[]; faults?: RegExp[]; warnings?: RegExp[] }> = {
  "two rules for one host and the same callers": {
    texts: [routed("a", "shop", plain), routed("b", "bank", plain)],
    faults: [
      /^VirtualService bank\/b: spec\.hosts\[0\]: shop\/reviews is routed by VirtualService shop\/a already; .*delegate.*exportTo/,
    ],
  },
  "a ServiceEntry for a name of another namespace that nobody serves": {
    texts: [document("ServiceEntry", "taken", "bank", HOST_OF_SHOP)],
    warnings: [
      /^ServiceEntry bank\/taken: spec\.hosts\[0\]: reviews\.shop\.svc\.cluster\.local is a name of the namespace shop; /,
    ],
  },
  "ServiceEntries for a service in its own namespace and in the root namespace": {
    texts: ["shop", "istio-system"].map((one) =>
      document("ServiceEntry", "own", one, HOST_OF_SHOP),
    ),
  },
  "two rules for one host whose callers differ": {
    texts: [
      routed("a", "shop", `exportTo: ["."], ${plain}`),
      routed("b", "shop", `exportTo: [bank], ${plain}`),
    ],
  },
  "a wildcard beside a host under it": {
    texts: [
      document("VirtualService", "wild", "shop", `{hosts: ["*.shop.svc.cluster.local"], ${plain}}`),
      routed("a", "shop", plain),
    ],
  },
  "a port that a Service does not declare": {
    texts: [
      document("Service", "reviews", "shop", "{ports: [{port: 80, name: http}]}"),
      routed(
        "a",
        "shop",
        "http: [{route: [{destination: {host: reviews.shop.svc.cluster.local, port: {number: 81}}}]}]",
      ),
    ],
    faults: [
      /http\[0\]\.route\[0\]\.destination\.port\.number: is 81; ports of shop\/reviews: 80 \(http\)/,
    ],
  },
  "a subset that nobody defines where nobody serves": {
    texts: [
      routed(
        "a",
        "shop",
        "http: [{route: [{destination: {host: reviews.shop.svc.cluster.local, subset: v9}}]}]",
      ),
    ],
    warnings: [
      /is "v9"; subsets of shop\/reviews .*: none\. It stands for workloads of version v9/,
    ],
  },
  "hosts nobody knows": {
    texts: [
      document("DestinationRule", "r", "shop", "{host: nobody}"),
      document(
        "VirtualService",
        "v",
        "shop",
        "{hosts: [reviews], http: [{route: [{destination: {host: api.example.com}}]}]}",
      ),
    ],
    warnings: [
      /DestinationRule shop\/r: no workload of service shop\/nobody is in the mesh yet/,
      /VirtualService shop\/v: no ServiceEntry names the host api\.example\.com/,
    ],
  },
  "a delegate that is not there": {
    texts: [routed("a", "shop", "http: [{delegate: {name: leaf}}]")],
    warnings: [/spec\.http\[0\]\.delegate: there is no VirtualService shop\/leaf without hosts/],
  },
  "a delegate's route that asks for more than its root": {
    texts: [
      routed("a", "shop", "http: [{match: [{uri: {prefix: /a}}], delegate: {name: leaf}}]"),
      document(
        "VirtualService",
        "leaf",
        "shop",
        "{http: [{name: b, match: [{uri: {prefix: /b}}], route: [{destination: {host: reviews}}]}]}",
      ),
    ],
    warnings: [/route "b" of its delegate VirtualService shop\/leaf is left out: uri/],
  },
  "two MeshConfigs": {
    texts: [
      document("MeshConfig", "a", "istio-system", "{}"),
      document("MeshConfig", "b", "istio-system", "{trustDomain: other}"),
    ],
    faults: [/MeshConfig istio-system\/b: there is MeshConfig istio-system\/a already/],
    warnings: [/trustDomain is set when the control plane starts \(HEDDLE_TRUST_DOMAIN\)/],
  },
  "two Sidecars for all of a namespace": {
    texts: ["a", "b"].map((name) =>
      document("Sidecar", name, "shop", '{egress: [{hosts: ["*/*"]}]}'),
    ),
    warnings: [
      /Sidecar shop\/b covers all of namespace shop too; this one is older/,
      /Sidecar shop\/a covers all of namespace shop too; that one is older/,
    ],
  },
  "a TrafficPolicy for a subset that is not there": {
    texts: [
      document(
        "TrafficPolicy",
        "p",
        "shop",
        "{destinations: [{host: reviews, subset: v7}], timeout: 1s}",
      ),
    ],
    warnings: [/spec\.destinations\[0\]\.subset: shop\/reviews has no subset "v7"/],
  },
  "more callers than one service may be told apart by": {
    texts: Array.from({ length: 9 }, (_, index) =>
      document(
        "TrafficPolicy",
        `p${index}`,
        "shop",
        `{sources: [{labels: {key-${index}: "x"}}], destinations: [{host: reviews}], timeout: ${index + 1}s}`,
      ),
    ),
    faults: [/the rules for shop\/reviews tell more than 256 sets of callers apart/],
  },
  "a policy that asks an authorizer nobody knows": {
    texts: [
      document(
        "AuthorizationPolicy",
        "a",
        "shop",
        "{action: CUSTOM, provider: {name: x}, rules: [{}]}",
      ),
    ],
    warnings: [/spec\.provider\.name: MeshConfig has no extension provider "x"/],
  },
  "a policy that asks an authorizer of MeshConfig's": {
    texts: [
      document(
        "AuthorizationPolicy",
        "a",
        "shop",
        "{action: CUSTOM, provider: {name: x}, rules: [{}]}",
      ),
      document(
        "MeshConfig",
        "default",
        "istio-system",
        "{extensionProviders: [{name: x, envoyExtAuthzHttp: {service: a.shop, port: 1}}]}",
      ),
    ],
  },
  "a policy about tokens that nobody verifies": {
    texts: [
      document(
        "AuthorizationPolicy",
        "a",
        "shop",
        "{selector: {matchLabels: {app: web}}, rules: [{from: [{source: {requestPrincipals: ['*']}}]}]}",
      ),
      document(
        "RequestAuthentication",
        "b",
        "shop",
        "{selector: {matchLabels: {app: api}}, jwtRules: [{issuer: x, jwks: '{\"keys\": []}'}]}",
      ),
      document(
        "RequestAuthentication",
        "c",
        "bank",
        "{jwtRules: [{issuer: x, jwks: '{\"keys\": []}'}]}",
      ),
    ],
    warnings: [/AuthorizationPolicy shop\/a: .*no RequestAuthentication verifies any/],
  },
  "a policy about tokens that the root namespace verifies": {
    texts: [
      document(
        "AuthorizationPolicy",
        "a",
        "shop",
        "{selector: {matchLabels: {app: web}}, rules: [{when: [{key: 'request.auth.claims[a]', values: [b]}]}]}",
      ),
      document(
        "RequestAuthentication",
        "b",
        "istio-system",
        "{jwtRules: [{issuer: x, jwks: '{\"keys\": []}'}]}",
      ),
    ],
  },
};
for (const [what, { texts, faults = [], warnings = [] }] of Object.entries(together)) {
  const verdict = faults.length > 0 ? "refused" : warnings.length > 0 ? "warned about" : "taken";
  test(`${what}: ${verdict}`, () => {
    const outcome = checkTexts(...texts);
    const said = outcome.faults.map(({ field, message }) => `${field}: ${message}`);
    assert.equal(said.length, faults.length, said.join("\n"));
    for (const fault of faults)
      assert.ok(
        said.some((one) => fault.test(one)),
        said.join("\n"),
      );
    for (const warning of warnings) {
      assert.ok(
        outcome.warnings.some(({ text }) => warning.test(text)),
        textsOf(outcome.warnings).join("\n"),
      );
    }
    if (warnings.length === 0) assert.deepEqual(outcome.warnings, []);
  });
}

// --- properties over any set of documents

const namespace = fc.constantFrom("shop", "bank", "istio-system");
const host = fc.constantFrom("reviews.shop.svc.cluster.local", "api.example.com", "cart");
const version = fc.constantFrom("v1", "v2");
const visibility = fc.constantFrom("", 'exportTo: ["."], ', "exportTo: [bank], ");
const target = fc.tuple(host, fc.option(version)).map(([to, subset]) => {
  return `{destination: {host: ${to}${subset === null ? "" : `, subset: ${subset}`}}, weight: 1}`;
});
const wild = fc.constantFrom('"*.example.com"', '"*.local"');
const specs: Record<string, fc.Arbitrary<string>> = {
  VirtualService: fc
    .tuple(fc.oneof(host, wild), visibility, fc.array(target, { minLength: 1, maxLength: 2 }))
    .map(([name, visible, to]) => `{hosts: [${name}], ${visible}http: [{route: [${to.join()}]}]}`),
  DestinationRule: fc
    .tuple(fc.oneof(host, wild), visibility, version, fc.boolean())
    .map(([name, visible, label, isPicky]) => {
      const picky = isPicky ? "workloadSelector: {matchLabels: {app: front}}, " : "";
      return `{host: ${name}, ${isPicky ? "" : visible}${picky}subsets: [{name: ${label}, labels: {version: ${label}}}]}`;
    }),
  ServiceEntry: fc
    .tuple(fc.constantFrom("api.example.com", '"*.example.com"'), visibility)
    .map(
      ([name, visible]) =>
        `{hosts: [${name}], ${visible}resolution: NONE, ports: [{number: 80, name: http, protocol: HTTP}]}`,
    ),
  Sidecar: visibility.map(() => '{egress: [{hosts: ["./*"]}]}'),
  TrafficPolicy: fc
    .tuple(host, fc.constantFrom("{namespace: bank}", "{service: front}", "{workload: front-v1}"))
    .map(
      ([name, source]) =>
        `{sources: [${source}], destinations: [{host: ${name}}], timeout: 1s, retries: {attempts: 1}}`,
    ),
  MeshConfig: fc.constant("{defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 5}}}}"),
  AuthorizationPolicy: fc.constant("{rules: [{}]}"),
  RateLimit: fc.constant("{limits: [{name: a, requests: 1, per: 1s}]}"),
};
const anyDocument = fc
  .tuple(fc.constantFrom(...Object.keys(specs)), namespace, fc.constantFrom("a", "b", "c"))
  .chain(([kind, where, name]) =>
    (specs[kind] ?? fc.constant("{}")).map((spec) => document(kind, name, where, spec)),
  );

/** Parsed documents in the order given, each as old as its name says, so that order tells nothing. */
function inOrder(texts: readonly string[]): Map<string, MeshDocument> {
  const parsed = texts.flatMap((text) => {
    const outcome = parseResources(text);
    return outcome.ok ? outcome.resources : [];
  });
  return new Map(
    parsed.map(({ resource, yaml }): [string, MeshDocument] => [
      formatRef(resource),
      { resource, yaml, revision: 1, createdAtMs: resource.name.charCodeAt(0), updatedAtMs: 1 },
    ]),
  );
}

const anySet = fc
  .uniqueArray(anyDocument, { maxLength: 12, selector: (text) => text.split("spec:")[0] ?? "" })
  .chain((texts) =>
    fc.tuple(fc.constant(texts), fc.shuffledSubarray(texts, { minLength: texts.length })),
  );

test("any set of documents compiles to what proxies take, in whatever order it comes", () => {
  fc.assert(
    fc.property(anySet, ([texts, shuffled]) => {
      const one = compileSnapshot(1, inOrder(texts));
      const other = compileSnapshot(1, inOrder(shuffled));
      const outcome = check(one);
      assert.equal(outcome.faults.length, check(other).faults.length);
      for (const key of ["shop/reviews", "shop/api.example.com", "bank/cart", ...one.namedKeys]) {
        const [where = "", name = ""] = key.split("/");
        const service = { namespace: where, name };
        const resource = one.service(service).resource;
        assert.equal(resource.version, other.service(service).resource.version);
        assert.deepEqual(ServiceResource.parse(resource), JSON.parse(JSON.stringify(resource)));
      }
      const workload = { namespace: "shop", name: "front" };
      const labels = { app: "front" };
      const inbound = one.workloads.resource(workload, labels, one.sidecars);
      assert.deepEqual(WorkloadResource.parse(inbound), JSON.parse(JSON.stringify(inbound)));
    }),
    { numRuns: 300 },
  );
});

test("a snapshot made after another says the same as one made alone", () => {
  fc.assert(
    fc.property(anySet, anySet, ([before], [after]) => {
      const first = compileSnapshot(1, inOrder(before));
      for (const key of first.namedKeys) first.service(idOf(key));
      const documents = inOrder(after);
      const second = compileSnapshot(2, documents, first);
      const alone = compileSnapshot(2, documents);
      for (const key of [...first.namedKeys, ...second.namedKeys]) {
        const { version } = second.service(idOf(key)).resource;
        assert.equal(version, alone.service(idOf(key)).resource.version);
      }
    }),
    { numRuns: 200 },
  );
});

function idOf(key: string) {
  const [where = "", name = ""] = key.split("/");
  return { namespace: where, name };
}

test("a ServiceEntry for a service that workloads of another namespace serve is refused", () => {
  const snapshot = compileSnapshot(
    1,
    parseDocuments(document("ServiceEntry", "taken", "bank", HOST_OF_SHOP)),
  );
  const { faults } = checkDocuments(
    snapshot,
    compileSnapshot(0, new Map()),
    new Set(snapshot.documents.keys()),
    { ...NOBODY, workloads: () => [{ namespace: "shop", labels: { app: "reviews" } }] },
  );
  assert.match(
    faults.map(({ field, message }) => `${field}: ${message}`).join(),
    /^ServiceEntry bank\/taken: spec\.hosts\[0\]: reviews\.shop\.svc\.cluster\.local is a service of the namespace shop: .*istio-system/,
  );
});
