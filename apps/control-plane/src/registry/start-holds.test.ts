import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControlMessage, WorkloadRegistration } from "@heddle/contracts";
import { MeshView } from "../snapshot/mesh-view.ts";
import { StreamHub } from "../stream/hub.ts";
import { ProxySession } from "../stream/proxy-session.ts";
import { Registry } from "./registry.ts";
import { StartHolds } from "./start-holds.ts";

const SETTLED_AT_MS = 1000;
const about = { name: "host-a", version: "1" };
const reviews: WorkloadRegistration = {
  namespace: "shop",
  workload: "reviews",
  service: "reviews",
  labels: {},
  instanceId: "px-1/shop/reviews",
  address: "127.0.0.1",
  inboundPort: 15_006,
  appPort: 9000,
  protocol: "http",
};

/** A control plane after its start: it knows two proxies, and nobody they host. */
function afterLoss() {
  const registry = new Registry();
  for (const id of ["px-1", "px-2"]) {
    registry.addProxy({
      id,
      name: "host-a",
      version: "",
      namespace: "shop",
      workload: undefined,
      lastSeenAtMs: 0,
    });
  }
  const mesh = new MeshView(registry, "cluster.local");
  const hub = new StreamHub(mesh);
  const confirmed: string[] = [];
  const config = {
    change: async ({ actsOn = [] }: { readonly actsOn?: readonly string[] }) => {
      confirmed.push(...actsOn);
      return { revision: 7 };
    },
  };
  const holds = new StartHolds({ registry, mesh, hub, config });
  holds.begin(SETTLED_AT_MS);
  return { registry, mesh, hub, holds, confirmed };
}

/** A caller that comes back with what it had, and acks whatever it is sent; with its endpoints of reviews. */
function comeBack({ registry, mesh, hub }: ReturnType<typeof afterLoss>) {
  const have = [
    { key: "service/shop/reviews", version: "old" },
    { key: "endpoints/shop/reviews", version: "old" },
  ];
  const pushed: Extract<ControlMessage, { type: "push" }>[] = [];
  registry.connect("px-2", about, [], 9000, 0);
  mesh.lostRegistry?.recall(have);
  const session = new ProxySession(
    {
      mesh,
      registry,
      send: (message) => {
        if (message.type === "push") pushed.push(message);
      },
    },
    {
      type: "hello",
      protocol: 1,
      proxyId: "px-2",
      proxyName: "host-a",
      proxyVersion: "1",
      workloads: [],
      subscriptions: [{ namespace: "shop", host: "reviews" }],
      have,
    },
  );
  const answer = () => {
    const { nonce } = pushed.at(-1) ?? { nonce: "" };
    session.answer({ type: "ack", nonce, appliedAtMs: 0, lastSends: [] });
  };
  hub.add(session);
  void session.publish();
  answer();
  const told = () =>
    pushed.flatMap(({ upserts }) =>
      upserts.flatMap((one) => (one.kind === "endpoints" ? [one.endpoints.length] : [])),
    );
  const removed = () => pushed.flatMap(({ removes }) => removes);
  return { told, removed, answer };
}

const answered = { author: "ada", source: "api", reason: undefined, startedAt: 0 } as const;

test("a proxy keeps the endpoints it has while nobody has come back, and somebody is asked", async () => {
  const plane = afterLoss();
  const caller = comeBack(plane);
  assert.deepEqual([caller.told(), caller.removed()], [[], []]);
  assert.deepEqual(plane.holds.list(), [], "nobody is asked before they had time to come back");
  plane.holds.settle(SETTLED_AT_MS);
  const [hold] = plane.holds.list();
  assert.deepEqual([hold?.service, hold?.cause], ["shop/reviews", "start"]);
  assert.deepEqual([caller.told(), caller.removed()], [[], []]);
  assert.ok(hold);
  assert.equal(await plane.holds.confirm(hold, answered), 7);
  assert.deepEqual(plane.confirmed, ["shop/reviews"]);
  assert.deepEqual(caller.told(), [0]);
  assert.deepEqual(plane.holds.list(), []);
});

test("who comes back is told to all once the others had time to, without asking", () => {
  const plane = afterLoss();
  const caller = comeBack(plane);
  plane.hub.publishEndpoints(plane.registry.connect("px-1", about, [reviews], 9000, 0));
  assert.deepEqual(caller.told(), [], "the first of many would be all there is");
  plane.holds.settle(SETTLED_AT_MS);
  assert.deepEqual(caller.told(), [1]);
  caller.answer();
  assert.deepEqual(plane.holds.list(), []);
});

test("a registry that is there is not held back", () => {
  const plane = afterLoss();
  const { registry, mesh, hub } = plane;
  registry.connect("px-1", about, [reviews], 9000, 0);
  mesh.lostRegistry = undefined;
  new StartHolds({ registry, mesh, hub, config: { change: () => assert.fail() } }).begin(1);
  assert.equal(mesh.lostRegistry, undefined);
});
