import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EffectiveResponse,
  type EndpointObservation,
  type EndpointsResponse,
  ProxyMessage,
  type TrafficFeaturesResponse,
} from "@heddle/contracts";
import { startDatabase, waitFor } from "@heddle/testkit";
import { runControlPlane, tokenFor } from "./running-control-plane.ts";
import { documents, split, subsets } from "./shop-documents.ts";
import { join, registration, StreamClient } from "./stream-client.ts";

const EXTERNAL = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: rates, namespace: shop}
spec:
  hosts: [rates.example.com]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 443, name: https, protocol: TLS}]
  endpoints: [{address: 192.0.2.7, ports: {https: 8443}, locality: eu/eu-1}]
`;

async function setUp(t: Parameters<typeof runControlPlane>[0]) {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const joined = await join(plane.controlPort, await plane.joinToken());
  const client = await StreamClient.open(t, plane.controlPort, joined, {
    workloads: [
      registration(joined.proxyId, "front"),
      registration(joined.proxyId, "reviews-v1"),
      registration(joined.proxyId, "reviews-v2", { inboundPort: 15_007 }),
    ],
    subscriptions: [{ namespace: "shop", host: "rates.example.com" }],
  });
  await client.next("push");
  return { plane, joined, client };
}

test("a host outside the mesh becomes a service as soon as a ServiceEntry names it, and ceases with it", async (t) => {
  const { plane, client } = await setUp(t);
  const applied = await plane.apply(EXTERNAL);
  assert.deepEqual(applied.body.warnings, []);
  assert.equal(applied.body.propagation?.proxiesAcked, 1);
  const push = await client.next("push");
  const service = { namespace: "shop", name: "rates.example.com" };
  assert.deepEqual(push.resolutions, [{ namespace: "shop", host: "rates.example.com", service }]);
  const [shape, endpoints] = push.upserts;
  assert.ok(shape?.kind === "service" && endpoints?.kind === "endpoints");
  assert.deepEqual(
    [shape.host, shape.isExternal, shape.resolution, shape.ports],
    ["rates.example.com", true, undefined, [{ number: 443, name: "https", protocol: "tls" }]],
  );
  assert.deepEqual(
    endpoints.endpoints.map(({ address, port, identity }) => [address, port, identity]),
    [["192.0.2.7", 8443, undefined]],
  );
  const deleted = await plane.call(
    "DELETE",
    "/resources/ServiceEntry/shop/rates?acceptEndpointLoss=true",
  );
  assert.equal(deleted.status, 200);
  const gone = await client.next("push");
  assert.equal(gone.resolutions[0]?.service, null);
  assert.deepEqual(gone.removes.sort(), [endpoints.key, shape.key]);
});

test("a Service of type ExternalName is another name for a service of the mesh", async (t) => {
  const { plane, client } = await setUp(t);
  const alias = (to: string) => `apiVersion: v1
kind: Service
metadata: {name: critics, namespace: shop}
spec: {type: ExternalName, externalName: ${to}}
`;
  client.send({ type: "subscribe", subscriptions: [{ namespace: "shop", host: "critics" }] });
  const unknown = await client.next("push");
  assert.deepEqual(unknown.resolutions, [{ namespace: "shop", host: "critics", service: null }]);
  const applied = await plane.apply(alias("reviews.shop.svc.cluster.local"));
  assert.deepEqual([applied.status, applied.body.warnings], [200, []]);
  const push = await client.next("push");
  assert.deepEqual(push.resolutions[0]?.service, { namespace: "shop", name: "reviews" });
  const addresses = push.upserts.flatMap((one) => (one.kind === "endpoints" ? one.endpoints : []));
  assert.deepEqual(addresses.map(({ workload }) => workload).sort(), ["reviews-v1", "reviews-v2"]);
  await plane.apply(alias("front.shop.svc"));
  const moved = await client.next("push");
  assert.deepEqual(moved.resolutions[0]?.service, { namespace: "shop", name: "front" });
  await plane.apply(alias("critics.example.com"));
  const outside = await client.next("push");
  assert.deepEqual(outside.resolutions[0]?.service, { namespace: "shop", name: "critics" });
  const [byDns] = outside.upserts.flatMap((one) => (one.kind === "endpoints" ? one.endpoints : []));
  assert.equal(byDns?.address, "critics.example.com");
});

test("the endpoints of a service tell who keeps one of them out, and why", async (t) => {
  const { plane, joined, client } = await setUp(t);
  await plane.apply(EXTERNAL);
  const ejected: EndpointObservation = {
    source: { namespace: "shop", name: "front" },
    service: { namespace: "shop", name: "reviews" },
    endpointId: `${joined.proxyId}/shop/reviews-v2`,
    state: "ejected",
    reason: "5 times 503 in a row",
    sinceMs: 1000,
    untilMs: 31_000,
  };
  const gone = { ...ejected, endpointId: "px-9/shop/reviews-v3" };
  client.send({ type: "observed", endpoints: [ejected, gone], protocols: [] });
  const ask = async (name: string) =>
    (await plane.call<EndpointsResponse>("GET", `/services/shop/${name}/endpoints`)).body;
  await waitFor("an observation", 5000, async () => (await ask("reviews")).unlisted.length === 1);
  const { endpoints, unlisted } = await ask("reviews");
  assert.deepEqual(
    endpoints.map(({ workload, version, state, hasSidecar, observed }) => [
      workload,
      version,
      state,
      hasSidecar,
      observed.map(({ proxyName, reason }) => [proxyName, reason]),
    ]),
    [
      ["reviews-v1", "v1", "serving", true, []],
      ["reviews-v2", "v2", "serving", true, [["host-a", "5 times 503 in a row"]]],
    ],
  );
  assert.equal(unlisted[0]?.endpointId, gone.endpointId);
  const [external] = (await ask("rates.example.com")).endpoints;
  assert.deepEqual(
    [external?.origin, external?.document, external?.locality, external?.hasSidecar],
    ["ServiceEntry", "ServiceEntry shop/rates", "eu/eu-1", false],
  );
  const unknown = await plane.call("GET", "/services/shop/nobody/endpoints");
  assert.deepEqual([unknown.status, unknown.body.code], [404, "HEDDLE_NOT_FOUND"]);
  client.terminate();
  await waitFor("they are forgotten", 5000, async () => {
    const { endpoints: now } = await ask("reviews");
    return now.every(({ observed, state }) => observed.length === 0 && state === "disconnected");
  });
});

const SHAPED = documents(
  subsets("reviews", "v1", "v2"),
  split("reviews", { v1: 90, v2: 10 }).replace(
    "  - route:",
    '  - fault: {delay: {fixedDelay: 2s, percentage: {value: 10}}}\n    timeout: 3s\n    retries: {attempts: 2, retryOn: "503"}\n    route:',
  ),
  `apiVersion: heddle.dev/v1
kind: TrafficPolicy
metadata: {name: patient-front, namespace: shop}
spec: {sources: [{service: front}], destinations: [{host: reviews}], timeout: 9s, outlierDetection: {baseEjectionTime: 1s}}
`,
  `apiVersion: heddle.dev/v1
kind: RateLimit
metadata: {name: limit, namespace: shop}
spec: {selector: {matchLabels: {app: reviews}}, limits: [{name: all, requests: 5, per: 1s, key: {sourceWorkload: {}}}]}
`,
);

test("what documents do to a service's traffic is listed with the rule and whom it holds for", async (t) => {
  const { plane, joined, client } = await setUp(t);
  const applied = await plane.apply(SHAPED);
  assert.equal(applied.status, 200, JSON.stringify(applied.body));
  client.send({
    type: "observed",
    endpoints: [
      {
        source: { namespace: "shop", name: "front" },
        service: { namespace: "shop", name: "reviews" },
        endpointId: `${joined.proxyId}/shop/reviews-v2`,
        state: "open",
        reason: "100 requests under way",
        sinceMs: 1000,
      },
    ],
    protocols: [],
  });
  const list = async () =>
    (await plane.call<TrafficFeaturesResponse>("GET", "/traffic-features")).body;
  await waitFor("a breaker", 5000, async () => {
    return (await list()).services[0]?.openBreakers.length === 1;
  });
  const { revision, services } = await list();
  assert.equal(revision, 1);
  assert.equal(services.length, 1);
  const front = { labels: { app: "front" } };
  assert.deepEqual(
    services[0]?.features.map(({ kind, detail, document, source }) => [
      kind,
      detail,
      document.name,
      source,
    ]),
    [
      ["fault", "delays 10 % of requests by 2 s", "reviews", undefined],
      ["timeout", "ends after 3 s", "reviews", undefined],
      ["retry", "up to 2 retries on 503", "reviews", undefined],
      ["split", "90 % v1, 10 % v2", "reviews", undefined],
      ["timeout", "ends after 9 s", "patient-front", front],
      [
        "breaker",
        "ejects an endpoint after 5 errors (5xx) in a row, for 1 s at first",
        "patient-front",
        front,
      ],
      ["rate-limit", "5 requests in 1 s for each calling workload", "limit", undefined],
    ],
  );
  assert.equal(services[0]?.openBreakers[0]?.workload, "shop/reviews-v2");
});

test("the effective table says for every set of callers what holds and which document says so", async (t) => {
  const { plane } = await setUp(t);
  await plane.apply(SHAPED);
  const { body } = await plane.call<EffectiveResponse>("GET", "/services/shop/reviews/effective");
  assert.deepEqual(
    body.rules.map(({ source, callers, routes }) => [
      source,
      callers,
      routes[0]?.route.timeoutMs,
      routes[0]?.origin?.name,
      routes[0]?.changedBy?.map(({ kind }) => kind),
    ]),
    [
      [{ labels: { app: "front" } }, ["shop/front"], 9000, "reviews", ["TrafficPolicy"]],
      [undefined, ["shop/reviews-v1", "shop/reviews-v2"], 3000, "reviews", undefined],
    ],
  );
  const [policy] = body.rules[0]?.policies ?? [];
  assert.deepEqual([policy?.block, policy?.origin?.name], ["outlierDetection", "patient-front"]);
});

test("what a MeshConfig says reaches every workload's proxy, and what it no longer says is taken back", async (t) => {
  const { plane, client } = await setUp(t);
  await plane.apply(`apiVersion: heddle.dev/v1
kind: MeshConfig
metadata: {name: mesh, namespace: istio-system}
spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}
`);
  const outbound = async () => {
    const { upserts } = await client.next("push", (push) => push.upserts.length === 3);
    return upserts.map((one) => one.kind === "workload" && one.outboundTrafficPolicy);
  };
  assert.deepEqual(await outbound(), ["REGISTRY_ONLY", "REGISTRY_ONLY", "REGISTRY_ONLY"]);
  await plane.call("DELETE", "/resources/MeshConfig/istio-system/mesh");
  assert.deepEqual(await outbound(), [undefined, undefined, undefined]);
});

test("a canary's rollback keeps everything else its route says", async (t) => {
  const { plane, client } = await setUp(t);
  await plane.apply(SHAPED);
  client.send({ type: "subscribe", subscriptions: [{ namespace: "shop", host: "reviews" }] });
  await client.next("push", ({ upserts }) => upserts.some(({ kind }) => kind === "service"));
  assert.equal((await plane.call("POST", "/canaries/shop/reviews/rollback", {})).status, 200);
  const push = await client.next("push", ({ upserts }) => upserts.length > 0);
  const [service] = push.upserts;
  assert.ok(service?.kind === "service");
  const [route] = service.routes;
  assert.deepEqual(
    [route?.destinations.map(({ weight }) => weight), route?.timeoutMs, route?.retries?.attempts],
    [[100, 0], 3000, 2],
  );
  assert.equal(route?.fault?.delay?.delayMs, 2000);
});

test("who listens hears of observations at most once a second", async (t) => {
  const { plane, client } = await setUp(t);
  const response = await fetch(`http://127.0.0.1:${plane.adminPort}/api/v1/events`, {
    headers: { authorization: `Bearer ${await tokenFor("api", "viewer")}` },
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert.ok(reader);
  await reader.read();
  for (let port = 1; port <= 20; port++) {
    const protocols = [{ service: { namespace: "shop", name: "reviews" }, port, protocol: "tcp" }];
    client.send(ProxyMessage.parse({ type: "observed", endpoints: [], protocols }));
  }
  let text = "";
  while (!text.includes("observations")) text += (await reader.read()).value ?? "";
  assert.equal(text.match(/"observations"/g)?.length, 1);
  await reader.cancel();
});
