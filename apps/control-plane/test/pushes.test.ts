import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type {
  ApplyResponse,
  CanariedPush,
  ControlMessage,
  ProxiesResponse,
  PushesResponse,
  RevisionsResponse,
} from "@heddle/contracts";
import { openConfigDb } from "@heddle/store";
import { startDatabase, waitFor } from "@heddle/testkit";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";
import { documents, split, subsets } from "./shop-documents.ts";
import { type Joined, join, registration, StreamClient } from "./stream-client.ts";
import { PATIENCE_MS, runTwo } from "./two-control-planes.ts";

const ROUTES = "service/shop/reviews";
/** Longer than any test: what ends a push is what the test is about. */
const PUSH = { push: { mode: "canaried", windowMs: 3_600_000 } } as const;
const NONE = { requests: 0, errors: 0, denied: 0 };

/** A proxy of shop/web that calls reviews; what it counts is the test's. */
class Caller {
  readonly joined: Joined;
  #client: StreamClient | undefined;
  readonly #hasFailed: (version: string | undefined) => boolean;
  #requests = 0;
  #errors = 0;
  /** It has traffic, and tells of it when it is asked. */
  isBusy = false;
  /** Every version of the routes it was ever sent. */
  readonly seen = new Set<string>();

  constructor(joined: Joined, hasFailed: (version: string | undefined) => boolean) {
    this.joined = joined;
    this.#hasFailed = hasFailed;
  }

  async connect(t: TestContext, port: number): Promise<void> {
    const client = await StreamClient.open(t, port, this.joined, {
      workloads: [registration(this.joined.proxyId, "web")],
      subscriptions: [{ namespace: "shop", host: "reviews" }],
      have: this.#client?.have() ?? [],
      features: ["tally"],
    });
    for (const { key, version } of this.#client?.have() ?? []) client.versions.set(key, version);
    client.onMessage = (message) => this.#take(message, client);
    this.#client = client;
  }

  get client(): StreamClient {
    assert.ok(this.#client);
    return this.#client;
  }

  get routes(): string | undefined {
    return this.#client?.versions.get(ROUTES);
  }

  /** Twenty requests more, which end as the test says they do under these routes. */
  tell(): void {
    if (!this.isBusy) return;
    this.#requests += 20;
    if (this.#hasFailed(this.routes)) this.#errors += 20;
    const counts = { requests: this.#requests, errors: this.#errors, denied: 0 };
    const workload = { namespace: "shop", name: "web" };
    const told = { workload, side: "sent", ...counts, before: NONE };
    this.client.send({ type: "tallied", workloads: [told] } as never);
  }

  #take(message: ControlMessage, client: StreamClient): void {
    if (message.type === "push") {
      for (const { key, version } of message.upserts) if (key === ROUTES) this.seen.add(version);
    } else if (message.type === "tally") {
      const timer = setInterval(() => {
        if (client.closeCode === undefined) this.tell();
        else clearInterval(timer);
      }, 100);
      timer.unref();
    }
  }
}

/** Callers at these control planes in turn, all of which run the same. */
async function connectFleet(
  t: TestContext,
  planes: readonly RunningControlPlane[],
  count: number,
  hasFailed: (version: string | undefined) => boolean = () => false,
): Promise<Caller[]> {
  const token = (await planes[0]?.joinToken()) ?? "";
  const fleet: Caller[] = [];
  for (let i = 0; i < count; i++) {
    const plane = planes[i % planes.length];
    assert.ok(plane);
    const caller = new Caller(await join(plane.controlPort, token, `web-${i}`), hasFailed);
    await caller.connect(t, plane.controlPort);
    await caller.client.next("push");
    fleet.push(caller);
  }
  return fleet;
}

async function pushesOf(plane: RunningControlPlane): Promise<CanariedPush[]> {
  return (await plane.call<PushesResponse>("GET", "/pushes")).body.pushes;
}

async function ended(plane: RunningControlPlane, id: string): Promise<CanariedPush> {
  let found: CanariedPush | undefined;
  await waitFor("the push ends", PATIENCE_MS, async () => {
    found = (await pushesOf(plane)).find((one) => one.id === id);
    return found !== undefined && found.status !== "running";
  });
  assert.ok(found);
  return found;
}

async function allRunTheSame(fleet: readonly Caller[]): Promise<string | undefined> {
  await waitFor("all run the same", PATIENCE_MS, async () => {
    return new Set(fleet.map(({ routes }) => routes)).size === 1;
  });
  return fleet[0]?.routes;
}

function routesOf(percent: number): string {
  return documents(
    subsets("reviews", "v1", "v2"),
    split("reviews", { v1: 100 - percent, v2: percent }),
  );
}

async function applySplit(
  plane: RunningControlPlane,
  weight: number,
  more: object = {},
): Promise<ApplyResponse> {
  const { status, body } = await plane.apply(routesOf(weight), more);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

test("a good change reaches some proxies first, and all when those stay well", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url, PUSH);
  const fleet = await connectFleet(t, [plane], 12);
  const before = await allRunTheSame(fleet);
  const { push, propagation, revision } = await applySplit(plane, 10);
  assert.deepEqual([push?.first, push?.heldBack], [2, 10]);
  assert.equal(propagation?.proxiesTotal, 2);
  assert.equal(fleet.filter(({ routes }) => routes === before).length, 10);
  const [running] = await pushesOf(plane);
  assert.deepEqual([running?.status, running?.revisions], ["running", [revision]]);
  const { proxies } = (await plane.call<ProxiesResponse>("GET", "/proxies")).body;
  assert.equal(proxies.filter((one) => one.push?.stage === "held-back").length, 10);
  for (const caller of fleet) caller.isBusy = true;
  const finished = await ended(plane, push?.id ?? "");
  assert.equal(finished.status, "finished", finished.words);
  assert.ok(finished.first.every(({ state }) => state === "acked"));
  assert.notEqual(await allRunTheSame(fleet), before);
});

test("a change that makes the first proxies fail is taken back, and the others never had it", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url, PUSH);
  let good: string | undefined;
  const fleet = await connectFleet(t, [plane], 12, (version) => version !== good);
  await applySplit(plane, 10, { push: "all" });
  good = await allRunTheSame(fleet);
  const bad = await applySplit(plane, 90, { reason: "hope" });
  for (const caller of fleet) caller.isBusy = true;
  const stopped = await ended(plane, bad.push?.id ?? "");
  assert.equal(stopped.status, "stopped", stopped.words);
  assert.match(stopped.words, /^Of the requests that shop\/web has sent, 100 % failed/);
  assert.equal(await allRunTheSame(fleet), good);
  const first = stopped.first.map(({ proxyId }) => proxyId);
  assert.equal(first.length, 2);
  for (const { joined, seen } of fleet) {
    assert.equal(
      [...seen].some((version) => version !== good),
      first.includes(joined.proxyId),
    );
  }
  const { revisions } = (await plane.call<RevisionsResponse>("GET", "/revisions")).body;
  const [newest] = revisions;
  assert.deepEqual([newest?.revision, newest?.source], [stopped.endRevision, "guard"]);
  assert.equal(newest?.reason, stopped.words);
});

test("a first proxy that refuses it stops the push", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url, PUSH);
  const fleet = await connectFleet(t, [plane], 12);
  for (const { client } of fleet) client.refuses.add(ROUTES);
  const { push } = await applySplit(plane, 10);
  const stopped = await ended(plane, push?.id ?? "");
  assert.equal(stopped.status, "stopped");
  assert.match(stopped.words, /has refused it: service\/shop\/reviews: cannot run it/);
});

test("what cannot wait goes to all at once: a small mesh, who says so, and the way back", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url, PUSH);
  const fleet = await connectFleet(t, [plane], 7);
  assert.equal((await applySplit(plane, 10)).push, undefined);
  fleet.push(...(await connectFleet(t, [plane], 3)));
  assert.equal((await applySplit(plane, 20, { push: "all" })).push, undefined);
  const { revision, push } = await applySplit(plane, 30);
  assert.ok(push);
  const joined = await applySplit(plane, 40);
  assert.equal(joined.push?.id, push.id);
  const request = { reason: "not so" };
  const path = `/revisions/${revision - 1}/restore`;
  const restored = await plane.call<ApplyResponse>("POST", path, request);
  assert.equal(restored.status, 200, JSON.stringify(restored.body));
  assert.equal(restored.body.push, undefined);
  const overtaken = await ended(plane, push.id);
  assert.deepEqual([overtaken.status, overtaken.revisions.length], ["overtaken", 2]);
  await allRunTheSame(fleet);
});

test("a control plane that is stopped in the middle of a push goes on with it when it is back", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url, PUSH);
  const fleet = await connectFleet(t, [plane], 12);
  const before = await allRunTheSame(fleet);
  const { push } = await applySplit(plane, 10);
  const first = fleet.filter(({ routes }) => routes !== before);
  await waitFor("it is told who is first", PATIENCE_MS, async () => {
    return (await pushesOf(plane))[0]?.first.length === first.length;
  });
  await plane.restart();
  for (const caller of fleet) await caller.connect(t, plane.controlPort);
  await waitFor("the same ten wait again", PATIENCE_MS, async () => {
    const waiting = fleet.filter(({ routes }) => routes === before);
    return waiting.length === 10 && !waiting.some((caller) => first.includes(caller));
  });
  for (const caller of fleet) caller.isBusy = true;
  const finished = await ended(plane, push?.id ?? "");
  assert.equal(finished.status, "finished", finished.words);
  assert.notEqual(await allRunTheSame(fleet), before);
});

test("a window that passes while the control plane is away has shown nothing: a bad change is still taken back", async (t) => {
  const { url } = await startDatabase(t);
  const plane = await runControlPlane(t, url, PUSH);
  let good: string | undefined;
  const fleet = await connectFleet(t, [plane], 12, (version) => version !== good);
  good = await allRunTheSame(fleet);
  const { push } = await applySplit(plane, 90);
  await waitFor("both run it", PATIENCE_MS, async () => {
    return (await pushesOf(plane))[0]?.words.startsWith("2 of 12 proxies have it; watched");
  });
  await plane.restart({
    meanwhile: async () => {
      const db = openConfigDb(url, () => undefined);
      // As if the window had begun long ago.
      await db.prisma.$executeRaw`UPDATE config_push_report SET report =
        jsonb_set(jsonb_set(report, '{first,0,sinceMs}', '0'), '{first,1,sinceMs}', '0')`;
      await db.close();
    },
  });
  const judged = await waitFor("it is judged again", PATIENCE_MS, async () => {
    return (await pushesOf(plane)).find(({ words }) => !words.startsWith("2 of 12"));
  });
  assert.deepEqual([judged.status, judged.words], ["running", "0 of 12 proxies have it."]);
  for (const caller of fleet) {
    caller.isBusy = true;
    await caller.connect(t, plane.controlPort);
  }
  const stopped = await ended(plane, push?.id ?? "");
  assert.equal(stopped.status, "stopped", stopped.words);
  assert.equal(await allRunTheSame(fleet), good);
});

test("two control planes hold back alike, and either can end it", async (t) => {
  const [a, b] = await runTwo(t, undefined, PUSH);
  const fleet = await connectFleet(t, [a, b], 16);
  const before = await allRunTheSame(fleet);
  const { push } = await applySplit(a, 10);
  const id = push?.id ?? "";
  await waitFor("some of each are first", PATIENCE_MS, async () => {
    const [running] = await pushesOf(b);
    return (running?.first.length ?? 0) >= 2;
  });
  assert.ok(fleet.filter(({ routes }) => routes === before).length >= 12);
  const viewer = await b.callAs("viewer", "POST", `/pushes/${id}/finish`, {});
  assert.equal(viewer.status, 403);
  const finished = await b.call<CanariedPush>("POST", `/pushes/${id}/finish`, { reason: "seen" });
  assert.equal(finished.body.words, "Finished by ada: seen");
  assert.notEqual(await allRunTheSame(fleet), before);
  const again = await a.call("POST", `/pushes/${id}/stop`, {});
  assert.deepEqual([again.status, again.body.code], [409, "HEDDLE_CHANGE_REFUSED"]);
  const second = await applySplit(a, 20);
  const stopped = await b.call<CanariedPush>("POST", `/pushes/${second.push?.id}/stop`, {});
  assert.equal(stopped.body.status, "stopped");
  await allRunTheSame(fleet);
});
