import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkloadRegistration } from "@heddle/contracts";
import { Registry } from "../registry/registry.ts";
import { compileSnapshot } from "./config-snapshot.ts";
import { MeshView } from "./mesh-view.ts";
import { document, parseDocuments } from "./test-documents.ts";

const reviews = { namespace: "shop", name: "reviews" };

function registration(
  workload: string,
  more: Partial<WorkloadRegistration> = {},
): WorkloadRegistration {
  const [service = "", version] = workload.split("-");
  return {
    namespace: "shop",
    workload,
    service,
    ...(version === undefined ? {} : { version }),
    labels: {},
    instanceId: `px-1/shop/${workload}`,
    address: "127.0.0.1",
    inboundPort: 15_006,
    appPort: 9000,
    protocol: "http",
    ...more,
  };
}

function meshOf(workloads: readonly WorkloadRegistration[], ...texts: string[]) {
  const registry = new Registry();
  const about = { name: "host-a", version: "1" };
  const proxy = { id: "px-1", namespace: "shop", workload: undefined, lastSeenAtMs: 0, ...about };
  registry.addProxy(proxy);
  registry.connect("px-1", about, workloads, 1000, 0);
  const mesh = new MeshView(registry, "cluster.local");
  mesh.replaceSnapshot(compileSnapshot(1, parseDocuments(...texts)));
  return { mesh, registry };
}

const endpointsOf = (mesh: MeshView, service = reviews) =>
  mesh
    .endpoints(service)
    .endpoints.map(({ id, address, port, ports }) => [id, address, port, ports]);

test("a Service's ports lead to the workloads' ports, and to the only one where they have but one", () => {
  const many = registration("reviews-v1", {
    morePorts: [{ name: "admin", appPort: 9001, inboundPort: 15_007, protocol: "http" }],
  });
  const one = registration("reviews-v2", { inboundPort: 15_008, appPort: 7000 });
  const service = document(
    "Service",
    "reviews",
    "shop",
    "{selector: {app: reviews}, ports: [{name: http, port: 80, targetPort: 9000}, {name: admin, port: 81, targetPort: admin}]}",
  );
  const { mesh } = meshOf([many, one], service);
  assert.deepEqual(endpointsOf(mesh), [
    ["px-1/shop/reviews-v1", "127.0.0.1", 15_006, { 80: 15_006, 81: 15_007 }],
    ["px-1/shop/reviews-v2", "127.0.0.1", 15_008, { 80: 15_008, 81: 15_008 }],
  ]);
  assert.deepEqual(
    mesh.service(reviews).ports?.map(({ number }) => number),
    [80, 81],
  );
});

test("a Service's selector says who serves it, whatever name they registered under", () => {
  const service = document(
    "Service",
    "reviews",
    "shop",
    "{selector: {tier: back}, ports: [{port: 80}]}",
  );
  const { mesh, registry } = meshOf(
    [registration("reviews-v1"), registration("other", { labels: { tier: "back" } })],
    service,
  );
  assert.deepEqual(
    endpointsOf(mesh).map(([id]) => id),
    ["px-1/shop/other"],
  );
  const touched = mesh.forgetEndpoints(registry.leave("px-1"));
  assert.ok(touched.has("endpoints/shop/reviews"));
  assert.deepEqual(endpointsOf(mesh), []);
});

test("a ServiceEntry takes in the instances and WorkloadEntries its selector means", () => {
  const entry = document(
    "ServiceEntry",
    "db",
    "shop",
    "{hosts: [db.internal], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: {labels: {role: db}}, ports: [{number: 5432, name: tcp, protocol: TCP, targetPort: 9000}]}",
  );
  const written = (name: string, namespace: string) =>
    document(
      "WorkloadEntry",
      name,
      namespace,
      "{address: 192.0.2.9, labels: {role: db}, ports: {tcp: 6543}, weight: 3}",
    );
  const { mesh } = meshOf(
    [registration("pg", { labels: { role: "db" } }), registration("reviews")],
    entry,
    written("vm", "shop"),
    written("vm", "bank"),
  );
  const db = { namespace: "shop", name: "db.internal" };
  assert.deepEqual(endpointsOf(mesh, db), [
    ["entry/shop/vm", "192.0.2.9", 6543, undefined],
    ["px-1/shop/pg", "127.0.0.1", 15_006, { 5432: 15_006 }],
  ]);
  assert.equal(mesh.endpoints(db).endpoints[0]?.weight, 3);
});

test("addresses written down stand beside registered instances, in plaintext", () => {
  const entry = document(
    "WorkloadEntry",
    "old-reviews",
    "shop",
    "{address: 192.0.2.9, labels: {app: reviews}, ports: {http: 8080, admin: 8081}, locality: eu/eu-1}",
  );
  const { mesh } = meshOf([registration("reviews-v1")], entry);
  const [written, instance] = mesh.endpoints(reviews).endpoints;
  assert.deepEqual(
    [written?.port, written?.ports, written?.identity, written?.locality],
    [8080, { 8080: 8080, 8081: 8081 }, undefined, "eu/eu-1"],
  );
  assert.equal(instance?.identity, "spiffe://cluster.local/ns/shop/sa/reviews-v1");
});

const resolutions: Record<string, { spec: string; resolution?: string; addresses: string[] }> = {
  STATIC: {
    spec: "hosts: [a.example.com], resolution: STATIC, endpoints: [{address: 192.0.2.1}, {address: 'unix:///x'}]",
    addresses: ["192.0.2.1"],
  },
  DNS: {
    spec: "hosts: [a.example.com], resolution: DNS, endpoints: [{address: b.example.com}]",
    resolution: "dns",
    addresses: ["b.example.com"],
  },
  DNS_ROUND_ROBIN: {
    spec: "hosts: [a.example.com], resolution: DNS_ROUND_ROBIN",
    resolution: "dns-one",
    addresses: [],
  },
  NONE: { spec: "hosts: [a.example.com], resolution: NONE", resolution: "none", addresses: [] },
};
for (const [name, { spec, resolution, addresses }] of Object.entries(resolutions)) {
  test(`a ServiceEntry with resolution ${name} says where its addresses come from`, () => {
    const ports = "ports: [{number: 80, name: http, protocol: HTTP}]";
    const { mesh } = meshOf([], document("ServiceEntry", "a", "shop", `{${spec}, ${ports}}`));
    const service = { namespace: "shop", name: "a.example.com" };
    assert.equal(mesh.service(service).resolution, resolution);
    assert.equal(mesh.service(service).isExternal, true);
    assert.deepEqual(
      mesh.endpoints(service).endpoints.map(({ address }) => address),
      addresses,
    );
  });
}

test("a service without declared ports has those its instances registered", () => {
  const grpc = registration("reviews-v1", { protocol: "grpc" });
  const { mesh } = meshOf([grpc]);
  assert.deepEqual(mesh.service(reviews).ports, [{ number: 9000, protocol: "grpc" }]);
  const mixed = meshOf([grpc, registration("reviews-v2")]);
  assert.equal(mixed.mesh.service(reviews).ports, undefined);
  const several = registration("reviews-v1", {
    morePorts: [{ name: "raw", appPort: 9001, inboundPort: 15_007, protocol: "tcp" }],
  });
  assert.deepEqual(meshOf([several]).mesh.service(reviews).ports, [
    { number: 9000, protocol: "http" },
    { number: 9001, name: "raw", protocol: "tcp" },
  ]);
});

test("registered ports keep their order, since a request without one means the first", () => {
  const vault = registration("vault", {
    appPort: 9100,
    morePorts: [{ name: "admin", appPort: 9050, inboundPort: 15_007, protocol: "http" }],
  });
  const { ports } = meshOf([vault]).mesh.service({ namespace: "shop", name: "vault" });
  assert.deepEqual(
    ports?.map(({ number }) => number),
    [9100, 9050],
  );
});

test("a Sidecar's egress hosts are all that its workloads reach, by whatever name", () => {
  const sidecar = document(
    "Sidecar",
    "front",
    "shop",
    '{workloadSelector: {labels: {app: front}}, egress: [{hosts: ["./reviews.shop.svc.cluster.local", "*/*.example.com"]}]}',
  );
  const api = document(
    "ServiceEntry",
    "api",
    "bank",
    "{hosts: [api.example.com], resolution: NONE, ports: [{number: 80, name: http, protocol: HTTP}]}",
  );
  const workloads = [registration("front"), registration("reviews"), registration("cart")];
  const { mesh, registry } = meshOf(workloads, sidecar, api);
  const by = (names: string[]) =>
    [...registry.instances()].filter(({ workload }) => names.includes(workload));
  const reached = (names: string[]) =>
    ["reviews", "cart.shop", "api.example.com"].filter(
      (host) => mesh.resolve({ namespace: "shop", host }, by(names)).service !== null,
    );
  assert.deepEqual(reached(["front"]), ["reviews", "api.example.com"]);
  assert.deepEqual(reached(["cart"]), ["reviews", "cart.shop", "api.example.com"]);
  assert.deepEqual(reached(["front", "cart"]), ["reviews", "cart.shop", "api.example.com"]);
});

test("what documents say of a workload's own side reaches it with the policy's names", () => {
  const { mesh, registry } = meshOf(
    [registration("reviews-v1")],
    document(
      "PeerAuthentication",
      "p",
      "shop",
      "{selector: {matchLabels: {app: reviews}}, mtls: {mode: STRICT}, portLevelMtls: {9001: {mode: DISABLE}}}",
    ),
    document("AuthorizationPolicy", "deny-all", "istio-system", "{}"),
    document("AuthorizationPolicy", "other", "shop", "{selector: {matchLabels: {app: other}}}"),
    document("RateLimit", "limit", "shop", "{limits: [{name: all, requests: 5, per: 1s}]}"),
    document(
      "Telemetry",
      "mesh",
      "istio-system",
      "{tracing: [{randomSamplingPercentage: 10}], accessLogging: [{filter: {expression: response.code >= 400}}]}",
    ),
    document(
      "Telemetry",
      "own",
      "shop",
      "{selector: {matchLabels: {app: reviews}}, tracing: [{disableSpanReporting: true}]}",
    ),
    document(
      "MeshConfig",
      "mesh",
      "istio-system",
      "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}, pathNormalization: {normalization: MERGE_SLASHES}}",
    ),
    document(
      "Sidecar",
      "s",
      "shop",
      '{outboundTrafficPolicy: {mode: ALLOW_ANY}, egress: [{hosts: ["*/*"]}]}',
    ),
  );
  const [instance] = registry.instances();
  assert.ok(instance);
  const { authorization, rateLimits, telemetry, ...rest } = mesh.workload(instance);
  assert.deepEqual(
    [rest.mtlsMode, rest.portMtlsModes, rest.outboundTrafficPolicy, rest.pathNormalization],
    ["STRICT", { 9001: "DISABLE" }, "ALLOW_ANY", "MERGE_SLASHES"],
  );
  assert.deepEqual(
    authorization?.map(({ name }) => name),
    ["deny-all"],
  );
  assert.equal(rateLimits?.[0]?.rule, "RateLimit shop/limit, revision 1");
  assert.deepEqual(telemetry, {
    samplingRatio: 0.1,
    reportsSpans: false,
    accessLog: "all",
    accessLogFilter: "response.code >= 400",
  });
});

test("an endpoint that comes or goes leaves every service resource as it was", () => {
  const { mesh, registry } = meshOf([registration("reviews-v1")]);
  const before = mesh.service(reviews);
  const about = { name: "host-a", version: "1" };
  const workloads = [registration("reviews-v1"), registration("reviews-v2")];
  const touched = mesh.forgetEndpoints(registry.connect("px-1", about, workloads, 1000, 0));
  assert.deepEqual([...touched], ["endpoints/shop/reviews"]);
  assert.equal(mesh.service(reviews), before);
});
