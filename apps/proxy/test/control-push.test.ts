import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { TestControlPlane, waitFor } from "@heddle/testkit";
import type { SavedConfiguration } from "../src/control/applied-configuration.ts";
import type { ProxyBrain } from "../src/control/proxy-brain.ts";
import type { ServiceView } from "../src/core/mesh-view.ts";
import { endpointsOf, serviceOf, startBrain, viewOf } from "./support/brain.ts";
import { authorizationPolicy } from "./support/policies.ts";
import { temporaryFolder } from "./support/proxy-process.ts";

/** A joined brain that knows payments: v1 with 95 %, v2 with 5 %. */
async function startWithPayments(t: TestContext) {
  const control = await TestControlPlane.start(t);
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

const badPushes = {
  "has weights that are all 0": {
    upserts: [endpointsOf("payments", "b", []), serviceOf("payments", "b", { v1: 0, v2: 0 })],
    reason: /route default: total destination weight = 0/,
  },
  "answers with a service that is not there": {
    upserts: [serviceOf("payments", "b", { v1: 1 })],
    resolutions: [
      { namespace: "shop", host: "ghost", service: { namespace: "shop", name: "ghost" } },
    ],
    reason: /resolution of ghost: service\/shop\/ghost is neither here nor in the push/,
  },
  "has an AuthorizationPolicy with a path that is no template": {
    upserts: [
      serviceOf("payments", "b", { v1: 1 }),
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
    reason: /AuthorizationPolicy shop\/deny: to\[0\]\.operation\.paths: "\/a\/\{\*\*\}/,
  },
  "names a resource by another's key": {
    upserts: [
      serviceOf("payments", "b", { v1: 1 }),
      { ...serviceOf("reviews", "b", { v1: 1 }), key: "service/shop/payments" },
    ],
    reason: /expected service\/shop\/reviews/,
  },
  "does not fit the schema": {
    upserts: [{ ...serviceOf("payments", "b", { v1: 1 }), revision: 1.5 }],
    reason: /upserts\.0\.revision/,
  },
};
for (const [title, { reason, ...push }] of Object.entries(badPushes)) {
  test(`a push that ${title} is refused with the reason and changes nothing`, async (t) => {
    const { brain, control } = await startWithPayments(t);
    const before = findPayments(brain);
    const answer = await control.push(push);
    assert.equal(answer.type, "nack");
    assert.match(answer.reason, reason);
    assert.equal(findPayments(brain), before);
    assert.equal(destinationsOf(brain)[0]?.endpoints.length, 1);
    const good = await control.push({ upserts: [serviceOf("payments", "c", { v1: 1 })] });
    assert.equal(good.type, "ack");
  });
}

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
