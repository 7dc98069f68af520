import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { TestControlPlane, type TestControlPlaneOptions, waitFor } from "@heddle/testkit";
import type { SavedConfiguration } from "../src/control/applied-configuration.ts";
import type { ProxyBrain } from "../src/control/proxy-brain.ts";
import type { ServiceView } from "../src/core/mesh-view.ts";
import { endpointsOf, serviceOf, startBrain, viewOf } from "./support/brain.ts";
import { authorizationPolicy } from "./support/policies.ts";
import { temporaryFolder } from "./support/proxy-process.ts";

/** A joined brain that knows payments: v1 with 95 %, v2 with 5 %. */
async function startWithPayments(t: TestContext, options: TestControlPlaneOptions = {}) {
  const control = await TestControlPlane.start(t, options);
  const dataDir = temporaryFolder(t);
  const payments = serviceOf("payments", "a", { v1: 95, v2: 5 });
  control.resources.set(payments.key, payments);
  const endpoints = endpointsOf("payments", "a", ["v1", "v2"]);
  control.resources.set(endpoints.key, endpoints);
  const brain = await startBrain(t, control, dataDir);
  await waitFor("the brain is ready", 5_000, () => brain.isReady);
  viewOf(brain).resolve("payments");
  await waitFor("payments is known", 5_000, () => findPayments(brain));
  return { control, brain, dataDir };
}

function findPayments(brain: ProxyBrain): ServiceView | undefined {
  const found = viewOf(brain).resolve("payments");
  return typeof found === "string" ? undefined : found;
}

function destinationsOf(brain: ProxyBrain) {
  return findPayments(brain)?.routes[0]?.targets.map(({ destination }) => destination) ?? [];
}

/** How many of `count` requests each subset gets. */
function spread(brain: ProxyBrain, count: number): Record<string, number> {
  const hits: Record<string, number> = {};
  for (let request = 0; request < count; request++) {
    const subset = findPayments(brain)?.routes[0]?.nextTarget().destination.subset ?? "none";
    hits[subset] = (hits[subset] ?? 0) + 1;
  }
  return hits;
}

test("a first use waits for the control plane's answer, and later ones do not", async (t) => {
  const control = await TestControlPlane.start(t);
  const reviews = serviceOf("reviews", "a", { v1: 1 });
  control.resources.set(reviews.key, reviews);
  const brain = await startBrain(t, control, temporaryFolder(t));
  await waitFor("the brain is ready", 5_000, () => brain.isReady);
  assert.equal(viewOf(brain).resolve("reviews:9080"), "unknown");
  const found = await viewOf(brain).whenResolved("reviews:9080");
  assert.equal(typeof found === "string" ? found : found.fqdn, "reviews.shop.svc.cluster.local");
  assert.equal(viewOf(brain).resolve("reviews:9080"), found);
  assert.equal(await viewOf(brain).whenResolved("nobody"), "none");
});

test("asks about every host once, since a ServiceEntry may name any", async (t) => {
  const { brain } = await startWithPayments(t);
  assert.equal(viewOf(brain).resolve("www.example.com"), "unknown");
  assert.equal(await viewOf(brain).whenResolved("www.example.com:443"), "none");
  assert.equal(viewOf(brain).resolve("www.example.com"), "none");
  assert.equal(await viewOf(brain).whenResolved("10.0.0.1:80"), "none");
});

test("without a control plane a host outside keeps its first request waiting only, and a name of the mesh does not escape", async (t) => {
  const { brain, control } = await startWithPayments(t);
  await control.stop();
  await waitFor("the stream is gone", 5_000, () => brain.streamStatus.state !== "live");
  assert.equal(await viewOf(brain).whenResolved("api.example.com"), "none");
  assert.equal(viewOf(brain).resolve("api.example.com"), "none");
  assert.equal(await viewOf(brain).whenResolved("orders.shop.svc"), "unknown");
  assert.equal(viewOf(brain).resolve("orders.shop.svc"), "unknown");
});

test("a 5 % canary gets five of a hundred requests, and none after its rollback", async (t) => {
  const { brain, control } = await startWithPayments(t);
  const { v2 = 0 } = spread(brain, 100);
  assert.ok(v2 >= 4 && v2 <= 6, `${v2} of 100`);
  const rolledBack = serviceOf("payments", "b", { v1: 100, v2: 0 });
  assert.equal((await control.push({ upserts: [rolledBack] })).type, "ack");
  assert.deepEqual(spread(brain, 100), { v1: 100 });
});

test("the ack tells when each workload was last sent a request", async (t) => {
  const { brain, control } = await startWithPayments(t);
  const canary = destinationsOf(brain).find(({ subset }) => subset === "v2")?.endpoints[0];
  assert.ok(canary);
  canary.workload.lastSendAtMs = 1_234;
  const generation = viewOf(brain).generation;
  const answer = await control.push({ upserts: [serviceOf("payments", "b", { v1: 1, v2: 0 })] });
  assert.equal(answer.type, "ack");
  assert.deepEqual(answer.lastSends, [
    {
      service: { namespace: "shop", name: "payments" },
      namespace: "shop",
      workload: "payments-v2",
      atMs: 1_234,
    },
  ]);
  assert.ok(viewOf(brain).generation > generation);
});

test("an endpoint that stays keeps its requests in flight through a push", async (t) => {
  const { brain, control } = await startWithPayments(t);
  const before = destinationsOf(brain)[0]?.endpoints[0];
  assert.ok(before);
  before.activeRequests = 7;
  await control.push({ upserts: [endpointsOf("payments", "b", ["v1", "v2", "v3"])] });
  assert.equal(destinationsOf(brain)[0]?.endpoints[0], before);
});

const good = serviceOf("reviews", "a", { v1: 1 });
const badResources = {
  "with weights that are all 0": {
    upserts: [serviceOf("payments", "b", { v1: 0, v2: 0 })],
    key: "service/shop/payments",
    reason: /route default: total destination weight = 0/,
  },
  "that an answer leads to and that is not there": {
    upserts: [],
    resolutions: [
      { namespace: "shop", host: "ghost", service: { namespace: "shop", name: "ghost" } },
    ],
    key: "service/shop/ghost",
    reason: /resolution of ghost: service\/shop\/ghost is neither here nor in the push/,
  },
  "with an AuthorizationPolicy whose path is no template": {
    upserts: [
      {
        kind: "workload" as const,
        key: "workload/shop/caller",
        version: "2",
        workload: { namespace: "shop", name: "caller" },
        mtlsMode: "STRICT" as const,
        authorization: [authorizationPolicy("DENY", [{ to: [{ paths: ["/a/{**}/{**}"] }] }])],
        revision: 2,
      },
    ],
    key: "workload/shop/caller",
    reason: /AuthorizationPolicy shop\/deny: to\[0\]\.operation\.paths: "\/a\/\{\*\*\}/,
  },
  "under another's key": {
    upserts: [{ ...serviceOf("orders", "b", { v1: 1 }), key: "service/shop/payments" }],
    key: "service/shop/payments",
    reason: /expected service\/shop\/orders/,
  },
  "that does not fit the schema": {
    upserts: [{ ...serviceOf("payments", "b", { v1: 1 }), revision: 1.5 }],
    key: "service/shop/payments",
    reason: /^revision: /,
  },
};
for (const [title, { reason, key, ...push }] of Object.entries(badResources)) {
  test(`a resource ${title} is refused by itself: what it was it stays, and the rest of the push holds`, async (t) => {
    const { brain, control } = await startWithPayments(t);
    const before = findPayments(brain);
    const mode = brain.workloads[0]?.mtlsMode;
    const answer = await control.push({ ...push, upserts: [...push.upserts, good] });
    assert.equal(answer.type, "ack");
    assert.deepEqual(
      answer.refused?.map((one) => one.key),
      [key],
    );
    assert.match(answer.refused?.[0]?.reason ?? "", reason);
    assert.equal(findPayments(brain), before);
    assert.equal(brain.workloads[0]?.mtlsMode, mode);
    const have = new Map(brain.configuration.have.map((one) => [one.key, one.version]));
    assert.equal(have.get("service/shop/reviews"), "a");
    assert.equal(have.get("service/shop/payments"), "a");
    const next = await control.push({ upserts: [serviceOf("payments", "c", { v1: 1 })] });
    assert.equal(next.type === "ack" && next.refused, undefined);
  });
}

test("a control plane that knows no partial ack hears a nack, so that it believes nothing that is not so", async (t) => {
  const { control } = await startWithPayments(t, { isOfOlderVersion: true });
  const bad = serviceOf("payments", "b", { v1: 0, v2: 0 });
  const answer = await control.push({ upserts: [bad, good] });
  assert.equal(answer.type, "nack");
  assert.match(answer.reason, /total destination weight = 0/);
});

test("messages, fields and kinds of resources of a later version are passed over", async (t) => {
  const { brain, control } = await startWithPayments(t);
  control.send({ type: "sing", song: "la" } as { type: string });
  const later = { ...serviceOf("payments", "z", { v1: 1 }), tune: "a minor" };
  const push = {
    type: "push",
    nonce: "later",
    revision: 9,
    upserts: [{ kind: "poem", key: "poem/1", version: "1", lines: [] }, later],
    removes: ["poem/0"],
    resolutions: [],
    mood: "calm",
  };
  control.send(push);
  const answer = await waitFor("the answer", 5_000, () =>
    control.received.find((one) => one.type === "ack" && one.nonce === "later"),
  );
  assert.equal(answer.type === "ack" && answer.refused, undefined);
  const have = new Map(brain.configuration.have.map((one) => [one.key, one.version]));
  assert.equal(have.get("service/shop/payments"), "z");
  assert.equal(have.has("poem/1"), false);
  assert.equal(brain.streamStatus.state, "live");
});

test("a dump tells what the proxy runs without header values and keys, page by page", async (t) => {
  const { brain, control } = await startWithPayments(t);
  const secretive = serviceOf("orders", "s", { v1: 1 });
  const routes = secretive.routes.map((route) => ({
    ...route,
    headers: { request: { set: { "x-api-key": "hunter2" } } },
  }));
  await control.push({ upserts: [{ ...secretive, routes }] });
  control.send({ type: "dump", id: "d1" });
  const first = await control.message("dumped");
  assert.deepEqual(
    first.resources.map(({ key, version }) => [key, version]),
    brain.configuration.have
      .map(({ key, version }) => [key, version])
      .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1)),
  );
  assert.equal(JSON.stringify(first).includes("hunter2"), false);
  assert.equal(JSON.stringify(first).includes("PRIVATE"), false);
  assert.deepEqual(
    first.certificates.map(({ uri }) => uri.split("/").at(-1)),
    ["proxy-1", "caller"],
  );
  assert.equal(first.next, undefined);
  const rest = { type: "dump" as const, id: "d2", after: "service/shop/orders" };
  control.send(rest);
  const second = await control.message("dumped", 2);
  assert.deepEqual(
    second.resources.map(({ key }) => key),
    ["service/shop/payments", "workload/shop/caller"],
  );
});

test("a destination nobody asks for is given up, here and at the control plane, and comes back when it is", async (t) => {
  const control = await TestControlPlane.start(t);
  const reviews = serviceOf("reviews", "a", { v1: 1 });
  control.resources.set(reviews.key, reviews);
  const brain = await startBrain(t, control, temporaryFolder(t), 1_000);
  await waitFor("the brain is ready", 5_000, () => brain.isReady);
  assert.notEqual(typeof (await viewOf(brain).whenResolved("reviews")), "string");
  const given = await control.message("unsubscribe");
  assert.deepEqual(given.subscriptions, [{ namespace: "shop", host: "reviews" }]);
  assert.deepEqual(brain.configuration.saved.subscriptions, []);
  assert.notEqual(typeof (await viewOf(brain).whenResolved("reviews")), "string");
  await control.message("subscribe", 2);
});

test("a destination with a request under way is not given up, however long that takes", async (t) => {
  const control = await TestControlPlane.start(t);
  const reviews = serviceOf("reviews", "a", { v1: 1 });
  control.resources.set(reviews.key, reviews);
  const idle = serviceOf("idle", "a", { v1: 1 });
  control.resources.set(idle.key, idle);
  const brain = await startBrain(t, control, temporaryFolder(t), 1_000);
  await waitFor("the brain is ready", 5_000, () => brain.isReady);
  const view = await viewOf(brain).whenResolved("reviews");
  assert.ok(typeof view !== "string");
  const destination = view.routes[0]?.nextTarget().destination;
  assert.ok(destination);
  destination.usage.requests++;
  await viewOf(brain).whenResolved("idle");
  const given = await control.message("unsubscribe");
  assert.deepEqual(given.subscriptions, [{ namespace: "shop", host: "idle" }]);
  destination.usage.requests--;
  assert.equal((await control.message("unsubscribe", 2)).subscriptions[0]?.host, "reviews");
});

/** What is told of names: one service and one wildcard. */
const names = [
  { kind: "names" as const, key: "names/shop", version: "1", namespace: "shop", names: ["orders"] },
  { kind: "names" as const, key: "names/", version: "1", namespace: "", names: ["*.corp.test"] },
];

test("who knows the mesh's names lets a host outside go at once and keeps a name of the mesh in", async (t) => {
  const { brain, control } = await startWithPayments(t);
  await control.push({ upserts: names });
  assert.equal(viewOf(brain).resolve("api.example.com"), "none");
  assert.equal(viewOf(brain).resolve("10.1.2.3:80"), "none");
  await control.stop();
  await waitFor("the stream is gone", 5_000, () => brain.streamStatus.state !== "live");
  assert.equal(viewOf(brain).resolve("www.example.com"), "none");
  for (const host of ["orders.shop", "api.corp.test"]) {
    assert.equal(await viewOf(brain).whenResolved(host), "unknown", host);
  }
  assert.equal(await viewOf(brain).whenResolved("elsewhere.shop"), "none");
});

test("a reconnect says what is there, so that nothing is sent twice", async (t) => {
  const { control } = await startWithPayments(t);
  await control.stop();
  await control.listen();
  const hello = await control.message("hello", 2);
  assert.deepEqual(hello.subscriptions, [{ namespace: "shop", host: "payments" }]);
  assert.deepEqual(hello.have.map(({ key, version }) => `${key} ${version}`).sort(), [
    "endpoints/shop/payments a",
    "service/shop/payments a",
    "workload/shop/caller 1",
  ]);
});

test("a restart without a control plane serves what was last good", async (t) => {
  const { brain, control, dataDir } = await startWithPayments(t);
  await control.push({
    upserts: [
      {
        kind: "workload",
        key: "workload/shop/caller",
        version: "2",
        workload: { namespace: "shop", name: "caller" },
        mtlsMode: "STRICT",
        revision: 2,
      },
    ],
  });
  const spiffeId = brain.workloads[0]?.identity.spiffeId;
  await brain.stop();
  await control.stop();
  const again = await startBrain(t, control, dataDir);
  assert.equal(again.isReady, true);
  assert.equal(again.proxyId, "proxy-1");
  assert.equal(again.workloads[0]?.mtlsMode, "STRICT");
  assert.equal(again.workloads[0]?.identity.spiffeId, spiffeId);
  assert.equal(viewOf(again).outboundTrafficPolicy, "REGISTRY_ONLY");
  const found = viewOf(again).resolve("payments.shop.svc.cluster.local");
  assert.notEqual(typeof found, "string"); // a spelling never used before
  assert.equal(await viewOf(again).whenResolved("new-service"), "unknown");
});

test("what another version has left on disk and this one cannot read is left out, and the rest serves", async (t) => {
  const { brain, control, dataDir } = await startWithPayments(t);
  await brain.stop();
  await control.stop();
  const path = join(dataDir, "configuration.json");
  const saved: SavedConfiguration = JSON.parse(readFileSync(path, "utf8"));
  const id = { namespace: "shop", name: "orders" };
  const unreadable = { kind: "service", key: "service/shop/orders", service: id, routes: 7 };
  const resources = [...saved.resources, unreadable];
  const resolutions = [...saved.resolutions, { namespace: "shop", host: "orders", service: id }];
  const subscriptions = [...saved.subscriptions, { namespace: "shop", host: "orders" }];
  writeFileSync(path, JSON.stringify({ ...saved, resources, resolutions, subscriptions, news: 1 }));
  const again = await startBrain(t, control, dataDir);
  assert.equal(destinationsOf(again).length, 2);
  assert.equal(viewOf(again).resolve("orders"), "unknown");
});

test("the last endpoints of a service are tried on for a while when they are taken away", async (t) => {
  const { brain, control } = await startWithPayments(t);
  const answer = await control.push({ upserts: [endpointsOf("payments", "b", [])] });
  assert.equal(answer.type, "ack");
  assert.equal(destinationsOf(brain)[0]?.endpoints.length, 1);
  await control.push({ upserts: [endpointsOf("payments", "c", ["v2"])] });
  assert.equal(destinationsOf(brain)[0]?.endpoints.length, 0);
  assert.equal(destinationsOf(brain)[1]?.endpoints.length, 1);
});

test("a subset that no rule defines is not known, one without endpoints is empty", async (t) => {
  const { brain, control } = await startWithPayments(t);
  const service = serviceOf("payments", "b", { v1: 1, v9: 1 });
  const defined = service.subsets.filter(({ name }) => name === "v1");
  await control.push({ upserts: [{ ...service, subsets: defined }] });
  const [v1, v9] = destinationsOf(brain);
  assert.equal(v1?.isKnown, true);
  assert.equal(v9?.isKnown, false);
  await control.push({ upserts: [endpointsOf("payments", "b", ["v2"])] });
  assert.deepEqual([v1?.isKnown, v1?.endpoints.length], [true, 0]);
});
