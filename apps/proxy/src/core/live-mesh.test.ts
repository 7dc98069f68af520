import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointsResource, ServiceResource } from "@heddle/contracts";
import { LiveMesh } from "./live-mesh.ts";
import type { Caller, ServiceView } from "./mesh-view.ts";

const id = { namespace: "shop", name: "reviews" };
const front: Caller = { namespace: "shop", labels: { app: "front" } };
const batch: Caller = { namespace: "jobs", labels: { app: "batch" } };

function reviews(rest: Partial<ServiceResource> = {}): ServiceResource {
  return {
    kind: "service",
    key: "service/shop/reviews",
    version: "1",
    service: id,
    routes: [{ name: "default", matches: [], destinations: [{ service: id, weight: 1 }] }],
    subsets: [],
    revision: 1,
    ...rest,
  };
}

type Wire = EndpointsResource["endpoints"][number];

function at(...list: Partial<Wire>[]): EndpointsResource {
  return {
    kind: "endpoints",
    key: "endpoints/shop/reviews",
    version: "1",
    service: id,
    endpoints: list.map((one, index) => ({
      id: `r${index}`,
      namespace: "shop",
      workload: "reviews-v1",
      labels: {},
      address: `10.0.0.${index + 1}`,
      port: 9000,
      ...one,
    })),
  };
}

function meshOf(...resources: (ServiceResource | EndpointsResource)[]): LiveMesh {
  const mesh = new LiveMesh(() => 0);
  mesh.apply(resources, [], 0);
  return mesh;
}

function viewOf(mesh: LiveMesh, caller = front, port?: number): ServiceView {
  const view = mesh.service(id, caller, port);
  assert.ok(view);
  return view;
}

const endpointOf = (view: ServiceView) => view.routes[0]?.nextTarget().destination.endpoints[0];

test("callers share one view where no rule asks who calls", () => {
  const mesh = meshOf(reviews(), at({}));
  assert.equal(viewOf(mesh, front), viewOf(mesh, batch));
});

test("a rule for some sources holds for these, and the service's own for all others", () => {
  const rules = {
    routes: [
      { name: "for jobs", matches: [], destinations: [{ service: id, subset: "v2", weight: 1 }] },
    ],
    subsets: [{ name: "v2", labels: { version: "v2" } }],
    trafficPolicy: { connectionPool: { maxRequests: 1 } },
  };
  const overrides = [{ source: { namespaces: ["jobs"] }, rules }];
  const mesh = meshOf(reviews({ overrides }), at({}, { labels: { version: "v2" } }));
  assert.equal(viewOf(mesh, front).routes[0]?.name, "default");
  const [route] = viewOf(mesh, batch).routes;
  assert.equal(route?.name, "for jobs");
  assert.deepEqual(
    route?.targets[0]?.destination.endpoints.map(({ endpoint }) => endpoint.id),
    ["r1"],
  );
  assert.deepEqual(route?.targets[0]?.destination.policy.connectionPool, { maxRequests: 1 });
});

test("a route for some sources is none of another caller's", () => {
  const routes = [
    {
      name: "for batch",
      matches: [{ source: { labels: { app: "batch" } } }],
      destinations: [{ service: id, weight: 1 }],
    },
    ...reviews().routes,
  ];
  const mesh = meshOf(reviews({ routes }), at({}));
  assert.deepEqual(
    viewOf(mesh, front).routes.map(({ name }) => name),
    ["default"],
  );
  assert.deepEqual(
    viewOf(mesh, batch).routes.map(({ name }) => name),
    ["for batch"],
  );
});

test("an endpoint keeps its counters through pushes that leave it, be the policy another or not", () => {
  const mesh = meshOf(reviews(), at({}, {}));
  const before = endpointOf(viewOf(mesh));
  assert.ok(before);
  before.activeRequests = 3;
  const poolKey = before.poolKey;
  mesh.apply([at({}, {}, {})], [], 0);
  assert.equal(endpointOf(viewOf(mesh)), before);
  mesh.apply([reviews({ trafficPolicy: { connectionPool: { connectTimeoutMs: 5 } } })], [], 0);
  assert.equal(endpointOf(viewOf(mesh)), before);
  assert.notEqual(before.poolKey, poolKey, "connections made under other settings cannot serve");
});

test("a split goes on where it was when a push makes its routes again", () => {
  const subset = (name: string, weight: number) => ({ service: id, subset: name, weight });
  const split = { name: "split", matches: [], destinations: [subset("v1", 3), subset("v2", 1)] };
  const subsets = ["v1", "v2"].map((version) => ({ name: version, labels: { version } }));
  const mesh = meshOf(reviews({ routes: [split], subsets }), at({}));
  let second = 0;
  for (let request = 0; request < 40; request++) {
    mesh.apply([reviews({ routes: [split], subsets, revision: request })], [], 0);
    if (viewOf(mesh).routes[0]?.nextTarget().destination.subset === "v2") second++;
  }
  assert.ok(second >= 9 && second <= 11, `${second} of 40 by weight 1 of 4`);
});

test("a port of the service leads to where each endpoint serves it", () => {
  const ports = [
    { number: 80, name: "http", protocol: "http" as const },
    { number: 9090, name: "grpc", protocol: "grpc" as const },
  ];
  const mesh = meshOf(reviews({ ports }), at({ ports: { 9090: 9001 } }));
  assert.equal(endpointOf(viewOf(mesh, front, 80))?.port, 9000);
  assert.equal(endpointOf(viewOf(mesh, front))?.port, 9000);
  assert.equal(endpointOf(viewOf(mesh, front, 9090))?.port, 9001);
  const problem = viewOf(mesh, front, 7777).portProblem;
  assert.equal(problem, "no port 7777 is declared; there are 80 (http), 9090 (grpc)");
});

test("a policy for a port holds for that port only, declared or not", () => {
  const trafficPolicy = { ports: { 8080: { connectionPool: { maxRequests: 7 } } } };
  const mesh = meshOf(reviews({ trafficPolicy }), at({}));
  const poolAt = (port: number) =>
    viewOf(mesh, front, port).routes[0]?.targets[0]?.destination.policy.connectionPool;
  assert.deepEqual(poolAt(8080), { maxRequests: 7 });
  assert.equal(poolAt(8081), undefined);
});

test("names stand for themselves until DNS has answered, then for every address", async () => {
  const answers: Record<string, string[]> = { "db.example.com": ["10.1.0.2", "10.1.0.1"] };
  let answer = () => {};
  const asked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const mesh = new LiveMesh(
    () => 0,
    async (name) => {
      await asked;
      return answers[name] ?? [];
    },
  );
  mesh.apply([reviews({ resolution: "dns" }), at({ address: "db.example.com" })], [], 0);
  const addresses = () => viewOf(mesh).itself.endpoints.map(({ endpoint }) => endpoint.address);
  assert.deepEqual(addresses(), ["db.example.com"]);
  answer();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(addresses(), ["10.1.0.1", "10.1.0.2"]);
  mesh.apply([reviews({ resolution: "dns-one" })], [], 0);
  assert.deepEqual(addresses(), ["10.1.0.1"]);
  mesh.close();
});

test("what does not compile changes nothing", () => {
  const mesh = meshOf(reviews(), at({}));
  const before = viewOf(mesh);
  const routes = [
    {
      name: "bad",
      matches: [{ uri: { kind: "regex" as const, value: "(" } }],
      destinations: [{ service: id, weight: 1 }],
    },
  ];
  const overrides = [{ source: { namespaces: ["jobs"] }, rules: { routes, subsets: [] } }];
  assert.throws(
    () => mesh.apply([at(), reviews({ overrides })], [], 0),
    /regular expression|regex/i,
  );
  assert.equal(viewOf(mesh), before);
  assert.equal(before.itself.endpoints.length, 1);
});
