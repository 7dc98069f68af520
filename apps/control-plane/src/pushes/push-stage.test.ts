import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControlMessage, ProxyMessage } from "@heddle/contracts";
import { parseResources } from "@heddle/resources";
import { Registry } from "../registry/registry.ts";
import type { ChangeRequest } from "../revisions/change-request.ts";
import { PlannedChange } from "../revisions/planned-change.ts";
import { compileSnapshot } from "../snapshot/config-snapshot.ts";
import { StagedMeshView } from "../snapshot/staged-mesh-view.ts";
import { StreamHub } from "../stream/hub.ts";
import { ProxySession } from "../stream/proxy-session.ts";
import { PushStage } from "./push-stage.ts";

const ROUTES = "service/shop/reviews";
const route = (timeout: string, host = "reviews") => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${host}, namespace: shop}
spec: {hosts: [${host}], http: [{timeout: ${timeout}, route: [{destination: {host: ${host}}}]}]}`;

/** So many proxies of shop/web that call reviews and cart, ack what they are sent, and remember it. */
function fleetOf(count: number) {
  const registry = new Registry();
  const mesh = new StagedMeshView(registry, "cluster.local");
  const hub = new StreamHub(mesh);
  const settings = { mode: "canaried", windowMs: 10_000 } as const;
  const stage = new PushStage({ mesh, hub, registry, settings });
  const sent = new Map<string, string[]>();
  const connect = (proxyId: string) => {
    const about = { name: proxyId, version: "1" };
    const known = { id: proxyId, namespace: "shop", workload: undefined, lastSeenAtMs: 0 };
    registry.addProxy({ ...known, ...about });
    const web = { namespace: "shop", workload: "web", service: "web", labels: { app: "web" } };
    const where = { instanceId: `${proxyId}/shop/web`, address: "127.0.0.1", inboundPort: 1 };
    const registration = { ...web, ...where, appPort: 9000, protocol: "http" as const };
    registry.connect(proxyId, about, [registration], 1000, 0);
    const versions: string[] = [];
    sent.set(proxyId, versions);
    const session: ProxySession = new ProxySession(
      {
        ...{ mesh, registry },
        picture: () => stage.pictureOf(proxyId),
        send: (message: ControlMessage) => {
          if (message.type !== "push") return;
          for (const { key, version } of message.upserts)
            if (key === ROUTES) versions.push(version);
          const ack: ProxyMessage = {
            type: "ack",
            nonce: message.nonce,
            appliedAtMs: 0,
            lastSends: [],
          };
          queueMicrotask(() => session.answer(ack));
        },
      },
      {
        ...{ type: "hello", protocol: 1, proxyId, proxyName: proxyId, proxyVersion: "1" },
        workloads: [],
        subscriptions: ["reviews", "cart"].map((host) => ({ namespace: "shop", host })),
        have: [],
      },
    );
    hub.add(session);
    void session.publish();
  };
  for (let i = 0; i < count; i++) connect(`px-${i}`);
  let revision = 0;
  /** As a change is made; returns what it does to pushes. */
  const apply = async (yaml: string, more: Partial<ChangeRequest> = {}) => {
    const parsed = parseResources(yaml);
    assert.ok(parsed.ok);
    const { resources } = parsed;
    const plan = () => resources.map((after) => ({ ref: after.resource, after }));
    const base = { author: "ada", source: "api", reason: undefined, kind: "apply" } as const;
    const request: ChangeRequest = { ...base, startedAt: 0, plan, ...more };
    const planned = new PlannedChange(request, mesh.snapshot, 0);
    const candidate = compileSnapshot(revision, planned.next, mesh.snapshot);
    const step = stage.plan(request, planned.documents, candidate);
    planned.stamp(++revision);
    stage.noteCommitted(step, revision, "ada");
    const delivery = stage.publish(compileSnapshot(revision, planned.next, candidate));
    await delivery.settle();
    return step?.kind;
  };
  const runs = () => [...sent.values()].map((versions) => versions.at(-1));
  const kinds = () => new Set(runs()).size;
  return { stage, hub, mesh, apply, connect, runs, kinds, sent };
}

test("a risky change goes to some, and to all when the push is over", async () => {
  const { stage, apply, runs, kinds } = fleetOf(12);
  await apply(route("5s"), { push: "all" });
  const [before] = runs();
  assert.equal(kinds(), 1);
  assert.equal(await apply(route("6s")), "begin");
  assert.deepEqual([runs().filter((one) => one === before).length, kinds()], [10, 2]);
  assert.deepEqual(stage.refOf(2), { id: stage.running?.id ?? "", first: 2, heldBack: 10 });
  stage.note(undefined);
  await stage.settle()?.settle();
  assert.equal(kinds(), 1);
  assert.notEqual(runs()[0], before);
});

test("what is not held back reaches all while a push runs", async () => {
  const { stage, apply, mesh, kinds, runs, hub } = fleetOf(12);
  await apply(route("5s"), { push: "all" });
  await apply(route("6s"));
  const before = runs();
  assert.equal(await apply(route("7s", "cart"), { push: "all" }), undefined);
  assert.deepEqual([runs(), kinds()], [before, 2]);
  const carts = [...hub.sessions()].map((one) => one.runs("service/shop/cart"));
  assert.equal(new Set(carts).size, 1);
  assert.equal(carts[0], mesh.service({ namespace: "shop", name: "cart" }).version);
  assert.ok(stage.running);
});

test("a proxy that connects while a push runs gets what was before", async () => {
  const { apply, connect, sent, runs, kinds } = fleetOf(12);
  await apply(route("5s"), { push: "all" });
  const [before] = runs();
  await apply(route("6s"));
  connect("px-late");
  assert.deepEqual([sent.get("px-late")?.at(-1), kinds()], [before, 2]);
});

test("a second risky change joins the first, and a rollback of either ends both", async () => {
  const { stage, apply, runs, kinds } = fleetOf(12);
  await apply(route("5s"), { push: "all" });
  const before = runs();
  await apply(route("6s"));
  assert.equal(await apply(route("7s")), "join");
  assert.equal(runs().filter((one, i) => one === before[i]).length, 10);
  assert.deepEqual(stage.running?.revisions, [2, 3]);
  assert.equal(await apply(route("5s"), { kind: "restore" }), "end");
  assert.deepEqual([stage.running, runs(), kinds()], [undefined, before, 1]);
});

test("few proxies get everything at once", async () => {
  const { apply, kinds } = fleetOf(7);
  assert.equal(await apply(route("5s")), undefined);
  assert.equal(kinds(), 1);
});

test("after a restart somebody is first again, and those others tell of are", async () => {
  const { stage, apply, runs } = fleetOf(12);
  await apply(route("5s"), { push: "all" });
  const before = runs();
  const changed = () => runs().filter((one, i) => one !== before[i]).length;
  await apply(route("6s"));
  const running = stage.running;
  const again = fleetOf(12);
  await again.apply(route("5s"), { push: "all" });
  again.stage.note(running && { ...running, revisions: [2] });
  assert.equal(changed(), 2);
  again.stage.adoptFirst(stage.first);
  assert.deepEqual([...again.stage.first].sort(), [...stage.first].sort());
});
