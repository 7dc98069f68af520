import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseResources } from "./parse-resources.ts";

const virtualService = (spec: string) =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews, namespace: shop}\nspec: ${spec}\n`;

function parseOne(text: string) {
  const outcome = parseResources(text);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  const [only] = outcome.resources;
  assert.ok(only);
  return { ...only, warnings: outcome.warnings };
}

function faultsIn(text: string) {
  const outcome = parseResources(text);
  assert.equal(outcome.ok, false);
  return outcome.ok ? [] : outcome.faults;
}

test("a VirtualService becomes routes with their destinations in the rule's namespace", () => {
  const { resource } = parseOne(
    virtualService(`
  hosts: [reviews]
  http:
  - name: beta
    match: [{uri: {prefix: /v2}, method: {exact: GET}, headers: {x-user: {}}}]
    route: [{destination: {host: reviews, subset: v2}}]
  - route:
    - {destination: {host: reviews.shop.svc.cluster.local, subset: v1}, weight: 90}
    - {destination: {host: reviews.shop, subset: v2}, weight: 10}
    timeout: 1.5s`),
  );
  assert.equal(resource.kind, "VirtualService");
  if (resource.kind !== "VirtualService") return;
  const reviews = { namespace: "shop", name: "reviews" };
  assert.deepEqual(resource.services, [reviews]);
  assert.deepEqual(resource.routes[0]?.matches[0]?.headers, { "x-user": { kind: "present" } });
  const host = "reviews.shop.svc.cluster.local";
  assert.deepEqual(resource.hosts, [{ host, service: reviews }]);
  assert.deepEqual(resource.routes[1], {
    index: 1,
    name: "route-2",
    matches: [],
    destinations: [
      { host, service: reviews, subset: "v1", weight: 90 },
      { host: "reviews.shop", service: reviews, subset: "v2", weight: 10 },
    ],
    timeoutMs: 1500,
  });
});

const to = (host: string) => `route: [{destination: {host: ${host}}}]`;
const refused: Record<string, { spec: string; field: RegExp; message: RegExp }> = {
  "an expression that is not RE2": {
    spec: `{hosts: [a], http: [{match: [{uri: {regex: '/(?=v).*'}}], ${to("a")}}]}`,
    field: /spec\.http\[0\]\.match\[0\]\.uri\.regex$/,
    message: /RE2 syntax/,
  },
  "an injected fault without a kind": {
    spec: `{hosts: [a], http: [{fault: {}, ${to("a")}}]}`,
    field: /document 1 \(VirtualService shop\/reviews\): spec\.http\[0\]\.fault$/,
    message: /HTTP fault injection must have an abort and\/or a delay/,
  },
  "retries that are switched off and described": {
    spec: `{hosts: [a], http: [{retries: {attempts: 0, retryOn: 5xx}, ${to("a")}}]}`,
    field: /spec\.http\[0\]\.retries$/,
    message: /http retry policy configured when attempts are set to 0/,
  },
  "an unknown field": {
    spec: `{hosts: [a], http: [{routes: [], ${to("a")}}]}`,
    field: /spec\.http\[0\]\.routes$/,
    message: /unknown field; allowed here: name, match, route, redirect, /,
  },
  "weights that sum to zero": {
    spec: "{hosts: [a], http: [{route: [{destination: {host: a}}, {destination: {host: b}}]}]}",
    field: /spec\.http\[0\]\.route$/,
    message: /total destination weight = 0/,
  },
  "a weight in quotes": {
    spec: "{hosts: [a], http: [{route: [{destination: {host: a}, weight: '10'}]}]}",
    field: /route\[0\]\.weight$/,
    message: /Invalid value: "10"; expected number/,
  },
  "a host that is no name": {
    spec: `{hosts: [api_example], http: [{${to("a")}}]}`,
    field: /spec\.hosts\[0\]$/,
    message: /domain name invalid \(label "api_example" invalid\)/,
  },
  "a host that another one covers": {
    spec: `{hosts: ["*.example.com", api.example.com], http: [{${to("a")}}]}`,
    field: /spec\.hosts\[1\]$/,
    message: /duplicate hosts in virtual service: \*\.example\.com & api\.example\.com/,
  },
  "tcp routes without destination": {
    spec: "{hosts: [a], tcp: [{route: []}]}",
    field: /spec\.tcp\[0\]\.route$/,
    message: /TCP or TLS route is required/,
  },
  "a timeout that is no duration": {
    spec: `{hosts: [a], http: [{timeout: soon, ${to("a")}}]}`,
    field: /spec\.http\[0\]\.timeout$/,
    message: /Invalid value: "soon"; must be a valid duration greater than 1ms/,
  },
};
for (const [what, { spec, field, message }] of Object.entries(refused)) {
  test(`a VirtualService is refused for ${what}, naming the field`, () => {
    const faults = faultsIn(virtualService(spec));
    assert.equal(faults.length, 1, JSON.stringify(faults));
    assert.match(faults[0]?.field ?? "", field);
    assert.match(faults[0]?.message ?? "", message);
  });
}

test("every fault of every document is named at once", () => {
  const faults = faultsIn(
    `${virtualService("{hosts: [''], timeout: 1s}")}---\napiVersion: v9\nkind: Gateway\n---\na: [`,
  );
  const fields = faults.map(({ field }) => field);
  assert.deepEqual(fields.slice(0, 3), [
    "document 1 (VirtualService shop/reviews): spec.hosts[0]",
    "document 1 (VirtualService shop/reviews): spec.timeout",
    "document 2: kind",
  ]);
  assert.match(fields[3] ?? "", /^document 3, line \d+, column \d+$/);
});

test("a label that YAML reads as a number is asked to be put in quotes", () => {
  const faults = faultsIn(
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r}\nspec: {host: r, subsets: [{name: v1, labels: {version: 1}}]}",
  );
  assert.match(faults[0]?.message ?? "", /Invalid value: 1; expected string \(put it in quotes\)/);
});

test("an empty selector of a PeerAuthentication means the whole namespace", () => {
  const { resource } = parseOne(
    "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default}\nspec: {selector: {}, mtls: {mode: STRICT}}",
  );
  assert.deepEqual(resource, {
    kind: "PeerAuthentication",
    namespace: "default",
    name: "default",
    selector: undefined,
    mode: "STRICT",
  });
});

test("documents are printed in one way, with their comments", () => {
  const { yaml } = parseOne(
    `# why: ticket 7\nkind: "VirtualService"\nspec: {http: [{route: [{weight: 100, destination: {subset: "v1", host: a}}]}], hosts: [a]}\nmetadata: {resourceVersion: "7", name: a}\napiVersion: networking.istio.io/v1\nstatus: {}\n`,
  );
  assert.equal(
    yaml,
    `# why: ticket 7
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: a
  namespace: default
spec:
  hosts:
  - a
  http:
  - route:
    - destination:
        host: a
        subset: v1
      weight: 100
`,
  );
  assert.equal(parseOne(yaml).yaml, yaml);
});

const passedOver: Record<string, RegExp> = {
  "apiVersion: networking.istio.io/v1\nkind: Gateway": /no gateways yet/,
  "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter": /no Envoy to patch/,
  "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin": /does not run WebAssembly/,
  "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute": /does not serve the Gateway API/,
  "apiVersion: apps/v1\nkind: Deployment": /starts no containers/,
  "apiVersion: v1\nkind: ServiceAccount": /identity is its namespace and name/,
  "apiVersion: v1\nkind: ConfigMap": /MeshConfig of heddle\.dev\/v1/,
  "apiVersion: networking.k8s.io/v1\nkind: Ingress": /nothing listens for it/,
  "apiVersion: cert-manager.io/v1\nkind: Certificate": /own certificate authority/,
  "apiVersion: serving.knative.dev/v1\nkind: Service": /knows nothing of serving\.knative\.dev/,
};
for (const [header, reason] of Object.entries(passedOver)) {
  test(`${header.replaceAll("\n", ", ")} is passed over with a reason`, () => {
    const outcome = parseResources(
      `${header}\nmetadata: {name: it, namespace: shop}\nspec: {a: [1]}`,
    );
    assert.ok(outcome.ok, JSON.stringify(outcome));
    const [only] = outcome.passedOver;
    assert.deepEqual([outcome.resources, only?.name, only?.namespace], [[], "it", "shop"]);
    assert.match(only?.reason ?? "", reason);
    assert.match(outcome.warnings[0] ?? "", /^\w+ shop\/it: passed over, /);
  });
}

const unknown: Record<string, RegExp> = {
  "apiVersion: networking.istio.io/v1\nkind: VirtualServices": /expected one of VirtualService, /,
  "apiVersion: heddle.dev/v1\nkind: RateLimits": /expected one of VirtualService, /,
  "apiVersion: networking.istio.io/v2\nkind: VirtualService":
    /expected networking\.istio\.io\/v1 or /,
  "apiVersion: v1\nkind: Servce": /expected one of VirtualService, /,
};
for (const [header, message] of Object.entries(unknown)) {
  test(`${header.replaceAll("\n", ", ")} is taken for a mistake`, () => {
    assert.match(faultsIn(`${header}\nmetadata: {name: it}\nspec: {}`)[0]?.message ?? "", message);
  });
}

test("a group of the articles is taken for Istio's, and kept under its name", () => {
  const { yaml, warnings } = parseOne(
    "apiVersion: networking.example.com/v1\nkind: DestinationRule\nmetadata: {name: r}\nspec: {host: r}",
  );
  assert.match(yaml, /^apiVersion: networking\.istio\.io\/v1$/m);
  assert.match(warnings[0] ?? "", /networking\.example\.com\/v1 is an example's name/);
});

test("a list of documents is read item by item", () => {
  const item = (name: string) =>
    `- apiVersion: networking.istio.io/v1\n  kind: DestinationRule\n  metadata: {name: ${name}}\n  # why\n  spec: {host: r}\n`;
  const outcome = parseResources(`apiVersion: v1\nkind: List\nitems:\n${item("a")}${item("b")}`);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  assert.deepEqual(
    outcome.resources.map(({ resource }) => resource.name),
    ["a", "b"],
  );
  assert.match(outcome.resources[1]?.yaml ?? "", /# why/);
});

test("a field that is null is one that is not given", () => {
  const { resource } = parseOne(
    virtualService(
      "{hosts: [a], gateways: null, http: [{timeout: ~, route: [{destination: {host: a, subset: null}}]}]}",
    ),
  );
  assert.equal(resource.kind === "VirtualService" && resource.routes[0]?.timeoutMs, undefined);
});

test("an unknown field beside spec is refused", () => {
  const faults = faultsIn(
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r}\nspecs: {}\nspec: {host: r}",
  );
  assert.match(faults[0]?.field ?? "", /: specs$/);
});

test("an IPv6 address in a list in brackets is a text", () => {
  const { resource, yaml } = parseOne(
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: r}\nspec: {hosts: [a.example], addresses: [2001:db8::, 10.0.0.1]}",
  );
  const addresses = ["2001:db8::", "10.0.0.1"];
  assert.deepEqual(resource.kind === "ServiceEntry" && resource.addresses, addresses);
  assert.deepEqual(parseOne(yaml).resource, resource);
});

test("an alias is written out", () => {
  const { yaml } = parseOne(
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r}\nspec: {host: r, subsets: [{name: v1, labels: &l {app: r}}, {name: v2, labels: *l}]}",
  );
  assert.ok(!/[&*]l/.test(yaml));
  assert.equal(yaml.match(/app: r/g)?.length, 2);
});

const attacks: Record<string, string> = {
  "a billion laughs": `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]`,
  "a hundred thousand brackets": "[".repeat(100_000),
  "forty levels": `a: ${"[".repeat(40)}${"]".repeat(40)}`,
  "two megabytes": "a".repeat(2_097_152),
};
for (const [what, text] of Object.entries(attacks)) {
  test(`${what} in YAML is refused quickly`, { timeout: 5000 }, () => {
    assert.equal(parseResources(text).ok, false);
  });
}

test("the parser meets any text with resources or faults", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
      assert.equal(typeof parseResources(text).ok, "boolean");
    }),
  );
});

const costly: Record<string, { text: string; refusal: RegExp }> = {
  "a hundred thousand documents": { text: "a: 1\n---\n".repeat(100_000), refusal: /25000 lines/ },
  "two thousand empty documents": {
    text: "---\n".repeat(2000),
    refusal: /2000 documents; at most/,
  },
  "eighty thousand keys": { text: "k: 1\n".repeat(80_000), refusal: /25000 lines/ },
  "a long list in one line": { text: `[${"1,".repeat(400_000)}]`, refusal: /25000 lines/ },
  "a value with many anchors": { text: `a: ${"&a ".repeat(40_000)}x`, refusal: /eight anchors/ },
  "a value with many tags": { text: `a: ${"!!str ".repeat(40_000)}x`, refusal: /eight anchors/ },
  "a key that stands twice": {
    text: "spec: {host: a, host: b}",
    refusal: /holds the key "host" twice/,
  },
};
for (const [what, { text, refusal }] of Object.entries(costly)) {
  test(`refuses ${what} without spending a second on it`, () => {
    const startedMs = performance.now();
    const outcome = parseResources(text);
    assert.ok(performance.now() - startedMs < 1000);
    assert.ok(!outcome.ok);
    assert.match(outcome.faults[0]?.message ?? "", refusal);
  });
}
