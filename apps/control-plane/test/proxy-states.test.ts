import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type {
  ControlMessage,
  ProxiesResponse,
  ProxyConfigResponse,
  ProxyDetail,
} from "@heddle/contracts";
import { startDatabase, waitFor } from "@heddle/testkit";
import { runControlPlane } from "./running-control-plane.ts";
import { documents, split, subsets } from "./shop-documents.ts";
import { type Joined, join, registration, StreamClient } from "./stream-client.ts";

const FEATURES = ["names", "dump"];

async function setUp(t: TestContext) {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  return { plane, port: plane.controlPort };
}

/** A proxy that hosts reviews v1 and v2 and ratings and calls both services; its first pushes are acked. */
async function openCaller(t: TestContext, port: number, token: string, features = FEATURES) {
  const joined = await join(port, token);
  const client = await StreamClient.open(t, port, joined, helloOf(joined, features));
  await waitFor("all resources", 5000, () => client.versions.has("endpoints/shop/ratings"));
  return client;
}

function helloOf(joined: Joined, features = FEATURES) {
  return {
    workloads: [
      registration(joined.proxyId, "reviews-v1"),
      registration(joined.proxyId, "reviews-v2", { inboundPort: 15_007 }),
      registration(joined.proxyId, "ratings", { inboundPort: 15_008 }),
    ],
    subscriptions: ["reviews", "ratings"].map((host) => ({ namespace: "shop", host })),
    features,
  };
}

/** VirtualService that gives a service's requests so many seconds. */
function timed(service: string, seconds: number): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${service}, namespace: shop}
spec:
  hosts: [${service}]
  http: [{timeout: ${seconds}s, route: [{destination: {host: ${service}}}]}]
`;
}

function pushesOf(client: StreamClient) {
  return client.received.filter((one): one is Extract<ControlMessage, { type: "push" }> => {
    return one.type === "push";
  });
}

test("a proxy that refuses one resource of a push is told apart by kind, and only a change of it is sent again", async (t) => {
  const { plane, port } = await setUp(t);
  const client = await openCaller(t, port, await plane.joinToken());
  const detail = async () =>
    (await plane.call<ProxyDetail>("GET", `/proxies/${client.joined.proxyId}`)).body;
  const syncOf = async (kind: string) => (await detail()).kinds.find((one) => one.kind === kind);
  await waitFor("names", 5000, () => client.versions.has("names/shop"));
  await waitFor("SYNCED", 5000, async () => (await detail()).sync === "SYNCED");
  assert.deepEqual(
    (await detail()).kinds.map(({ kind, sync, total, acked }) => [kind, sync, total, acked]),
    [
      ["service", "SYNCED", 2, 2],
      ["endpoints", "SYNCED", 2, 2],
      ["workload", "SYNCED", 3, 3],
      ["trust", "SYNCED", 1, 1],
      ["names", "SYNCED", 2, 2],
    ],
  );
  client.refuses.add("service/shop/reviews");
  const refused = await plane.apply(
    documents(
      subsets("reviews", "v1", "v2"),
      split("reviews", { v1: 90, v2: 10 }),
      timed("ratings", 3),
    ),
  );
  assert.deepEqual(refused.body.propagation?.nacks, [
    { proxyId: client.joined.proxyId, reason: "service/shop/reviews: cannot run it" },
  ]);
  const after = await detail();
  assert.equal(after.sync, "ERROR");
  assert.equal(after.lastNack, "service/shop/reviews: cannot run it");
  assert.deepEqual(
    after.refused.map(({ key, reason }) => [key, reason]),
    [["service/shop/reviews", "cannot run it"]],
  );
  assert.equal((await syncOf("service"))?.sync, "ERROR");
  assert.equal((await syncOf("service"))?.acked, 1);
  assert.equal((await syncOf("workload"))?.sync, "SYNCED");
  const before = pushesOf(client).length;
  await plane.apply(timed("ratings", 4));
  const others = pushesOf(client).slice(before);
  assert.deepEqual(
    others.flatMap(({ upserts }) => upserts.map(({ key }) => key)),
    ["service/shop/ratings"],
  );
  assert.equal((await detail()).sync, "ERROR");
  client.refuses.clear();
  const mended = await plane.apply(split("reviews", { v1: 50, v2: 50 }));
  assert.equal(mended.body.propagation?.proxiesAcked, 1);
  assert.equal((await detail()).sync, "SYNCED");
  assert.deepEqual((await detail()).refused, []);
});

test("an answer whose service was refused comes again with the service", async (t) => {
  const { plane, port } = await setUp(t);
  const joined = await join(port, await plane.joinToken());
  const hello = { ...helloOf(joined), subscriptions: [] };
  const client = await StreamClient.open(t, port, joined, hello);
  await client.next("push");
  client.refuses.add("service/shop/reviews");
  client.send({ type: "subscribe", subscriptions: [{ namespace: "shop", host: "reviews" }] });
  await client.next("push", ({ resolutions }) => resolutions.length > 0);
  client.refuses.clear();
  await plane.apply(documents(subsets("reviews", "v1", "v2"), split("reviews", { v1: 1, v2: 1 })));
  const again = await client.next("push", ({ upserts }) => upserts.length > 0);
  assert.deepEqual(
    again.resolutions.map(({ host, service }) => [host, service?.name]),
    [["reviews", "reviews"]],
  );
});

test("destinations a proxy gives up are taken back, and come again when it asks", async (t) => {
  const { plane, port } = await setUp(t);
  const client = await openCaller(t, port, await plane.joinToken());
  const subscriptions = [{ namespace: "shop", host: "ratings" }];
  client.send({ type: "unsubscribe", subscriptions });
  const less = await client.next("push", ({ removes }) => removes.length > 0);
  assert.deepEqual(less.removes.sort(), ["endpoints/shop/ratings", "service/shop/ratings"]);
  client.send({ type: "subscribe", subscriptions });
  const more = await client.next("push", ({ upserts }) => upserts.length > 0);
  assert.deepEqual(more.upserts.map(({ key }) => key).sort(), [
    "endpoints/shop/ratings",
    "service/shop/ratings",
  ]);
  assert.equal(more.resolutions[0]?.service?.name, "ratings");
});

test("messages of a later version are passed over, and what is no message ends the stream", async (t) => {
  const { plane, port } = await setUp(t);
  const client = await openCaller(t, port, await plane.joinToken());
  client.send({ type: "sing", song: "la" } as { type: string });
  client.send({ type: "dumped", id: "nobody asked" } as { type: string });
  assert.equal(await client.closed(), 1008);
  assert.equal(
    client.received.some((one) => one.type === "refused" && one.code === "HEDDLE_BAD_MESSAGE"),
    true,
  );
  const other = await openCaller(t, port, await plane.joinToken());
  other.send({ type: "sing" });
  const subscriptions = [{ namespace: "shop", host: "unheard.example.com" }];
  other.send({ type: "subscribe", subscriptions });
  await other.next("push", ({ resolutions }) => resolutions[0]?.host === "unheard.example.com");
});

test("a proxy of another minor version is warned of, and told of no kind it does not know", async (t) => {
  const { plane, port } = await setUp(t);
  const joined = await join(port, await plane.joinToken());
  const hello = { ...helloOf(joined, []), proxyVersion: "0.2.3", features: undefined };
  const client = await StreamClient.open(t, port, joined, hello);
  await waitFor("all resources", 5000, () => client.versions.has("service/shop/reviews"));
  const { body } = await plane.call<ProxiesResponse>("GET", "/proxies");
  assert.match(body.proxies[0]?.warnings?.[0] ?? "", /0\.2\.3.*understand each other/);
  assert.equal(
    [...client.versions.keys()].some((key) => key.startsWith("names/")),
    false,
  );
  const asked = await plane.call("GET", `/proxies/${joined.proxyId}/config`);
  assert.equal(asked.status, 409);
  assert.match(asked.body.detail, /cannot be asked yet/);
});

test("what a proxy says it runs is shown with its documents and held against what it is to run", async (t) => {
  const { plane, port } = await setUp(t);
  const client = await openCaller(t, port, await plane.joinToken());
  await plane.apply(documents(subsets("reviews", "v1", "v2"), split("reviews", { v1: 9, v2: 1 })));
  const { proxyId } = client.joined;
  client.onMessage = (message) => {
    if (message.type !== "dump") return;
    const all = [...client.versions].sort(([a], [b]) => (a < b ? -1 : 1));
    const isFirst = message.after === undefined;
    const page = isFirst ? all.slice(0, 3) : all.slice(3);
    const resources = page
      .filter(([key]) => key !== "endpoints/shop/ratings")
      .map(([key, version]) => {
        const shown = key === "service/shop/ratings" ? "an-older-one" : version;
        return { key, kind: key.split("/")[0] ?? "", version: shown, revision: 1, routes: [] };
      });
    client.send({
      type: "dumped",
      id: message.id,
      revision: 1,
      outboundTrafficPolicy: "ALLOW_ANY",
      resources,
      certificates: isFirst
        ? [
            {
              workload: null,
              uri: "spiffe://cluster.local/heddle/proxy/x",
              serialNumber: "0a",
              issuer: "CN=mesh",
              notBeforeMs: 1,
              notAfterMs: 2,
            },
          ]
        : [],
      destinations: [],
      ...(isFirst ? { next: all[2]?.[0] ?? "" } : {}),
    });
  };
  const ask = (part: string) =>
    plane.callAs<ProxyConfigResponse>("viewer", "GET", `/proxies/${proxyId}/config?part=${part}`);
  const all = (await ask("all")).body;
  assert.deepEqual(
    all.missing.map(({ key }) => key),
    ["endpoints/shop/ratings"],
  );
  const of = (key: string) => all.resources.find((one) => one.key === key);
  assert.equal(of("service/shop/ratings")?.standing, "differs");
  assert.equal(
    of("service/shop/ratings")?.wantedVersion,
    client.versions.get("service/shop/ratings"),
  );
  assert.equal(of("service/shop/reviews")?.standing, "same");
  assert.deepEqual(
    of("service/shop/reviews")?.documents.map(({ kind, name, revision }) => [kind, name, revision]),
    [
      ["VirtualService", "reviews", 1],
      ["DestinationRule", "reviews", 1],
    ],
  );
  assert.ok(
    of("service/shop/reviews")?.parts.some(
      ({ part, document }) => part.startsWith("routes[0]") && document.kind === "VirtualService",
    ),
  );
  assert.equal(all.certificates[0]?.serialNumber, "0a");
  const secret = (await ask("secret")).body;
  assert.deepEqual(
    secret.resources.map(({ key }) => key),
    ["trust/mesh"],
  );
  assert.deepEqual((await ask("clusters")).body.certificates, []);
  assert.equal((await ask("nonsense")).status, 400);
  assert.equal((await plane.call("GET", "/proxies/nobody/config")).status, 404);
  client.terminate();
  await waitFor("it is gone", 5000, async () => (await ask("all")).status === 409);
});

test("a restart of the control plane sends proxies that have everything no resource again", async (t) => {
  const { plane, port } = await setUp(t);
  const token = await plane.joinToken();
  const callers: StreamClient[] = [];
  for (let proxy = 0; proxy < 5; proxy++) callers.push(await openCaller(t, port, token));
  await plane.apply(documents(subsets("reviews", "v1", "v2"), split("reviews", { v1: 9, v2: 1 })));
  const wanted = callers.length * 2;
  await waitFor("all endpoints everywhere", 10_000, () =>
    callers.every((one) => endpointsSeen(one, "endpoints/shop/reviews") === wanted),
  );
  await waitFor("registrations are stored", 10_000, async () => {
    const { body } = await plane.call<ProxiesResponse>("GET", "/proxies");
    return body.proxies.every(({ sync }) => sync === "SYNCED");
  });
  await plane.restart();
  const again = await Promise.all(
    callers.map(async (one) => {
      const { joined } = one;
      const hello = { ...helloOf(joined), have: one.have() };
      return StreamClient.open(t, plane.controlPort, joined, hello);
    }),
  );
  for (const one of again) await one.next("push");
  await waitFor("all are SYNCED", 10_000, async () => {
    const { body } = await plane.call<ProxiesResponse>("GET", "/proxies");
    return body.proxies.length === 5 && body.proxies.every(({ sync }) => sync === "SYNCED");
  });
  const sent = again.flatMap((one) => pushesOf(one).flatMap(({ upserts }) => upserts));
  assert.deepEqual(
    sent.map(({ key }) => key),
    [],
  );
});

function endpointsSeen(client: StreamClient, key: string): number {
  const last = pushesOf(client)
    .flatMap(({ upserts }) => upserts)
    .findLast((one) => one.key === key);
  return last?.kind === "endpoints" ? last.endpoints.length : 0;
}

test("a burst of instances that come is told in few pushes, and a change of routes does not wait for it", async (t) => {
  const { plane, port } = await setUp(t);
  const token = await plane.joinToken();
  const client = await openCaller(t, port, token);
  const before = pushesOf(client).length;
  const joined = await Promise.all(Array.from({ length: 20 }, () => join(port, token)));
  await Promise.all(
    joined.map((one) => {
      const workloads = [registration(one.proxyId, "ratings")];
      return StreamClient.open(t, port, one, { workloads });
    }),
  );
  await waitFor("21 endpoints", 10_000, () => {
    return endpointsSeen(client, "endpoints/shop/ratings") === 21;
  });
  const burst = pushesOf(client).slice(before);
  assert.ok(burst.length <= 10, `${burst.length} pushes for 20 changes`);
  assert.equal(
    burst.some(({ upserts }) => upserts.some(({ kind }) => kind === "service")),
    false,
  );
});
