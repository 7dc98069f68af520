import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Resolution } from "../src/core/mesh-view.ts";
import {
  endpoints,
  hosted,
  MemoryRecorder,
  outbound,
  RawClient,
  rawApp,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";
import { type CountingApp, countingApp } from "./outbound-kit.ts";

/** A mesh to which something is pushed, once, when a request has just been resolved and waits for its connection. */
class PushingMesh extends TestMesh {
  #push: (() => void) | undefined;
  pushCount = 0;

  pushAtNextRequest(push: () => void): void {
    this.#push = push;
  }

  override resolve(host: string): Resolution {
    const resolution = super.resolve(host);
    const push = this.#push;
    this.#push = undefined;
    // Before a connection can be there, which takes a turn of the event loop.
    if (push !== undefined) process.nextTick(() => this.#carryOut(push));
    return resolution;
  }

  #carryOut(push: () => void): void {
    this.pushCount++;
    push();
  }

  /** Something that concerns nobody. */
  readonly pushOther = () => {
    this.apply(service("other"), endpoints("other", [{ port: 1 }]));
  };
}

const inTurns = { loadBalancer: { algorithm: { kind: "round-robin" } } } as const;

async function fourApps(t: TestContext): Promise<CountingApp[]> {
  return Promise.all([1, 2, 3, 4].map(() => countingApp(t)));
}

const countsOf = (apps: readonly CountingApp[]) => apps.map(({ seen }) => seen.length);

test("a push that concerns another service leaves a waiting request its endpoint and its one try", async (t) => {
  const apps = await fourApps(t);
  const mesh = new PushingMesh();
  mesh.apply(service("reviews", { trafficPolicy: inTurns }), endpoints("reviews", apps));
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  for (let count = 0; count < 4; count++) {
    mesh.pushAtNextRequest(mesh.pushOther);
    assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
  }
  assert.equal(mesh.pushCount, 4);
  assert.deepEqual(countsOf(apps), [1, 1, 1, 1], "each turn was taken once");
  const tries = apps.flatMap(({ seen }) =>
    seen.map(({ headers }) => headers["x-envoy-attempt-count"]),
  );
  assert.deepEqual(tries, ["1", "1", "1", "1"]);
});

test("a push that takes a waiting request's endpoint away sends it elsewhere, as its first try", async (t) => {
  const [first, second] = await fourApps(t);
  assert.ok(first && second);
  const mesh = new PushingMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [first]));
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  mesh.pushAtNextRequest(() => mesh.apply(endpoints("reviews", [second])));
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
  assert.deepEqual(countsOf([first, second]), [0, 1]);
  assert.equal(second.seen[0]?.headers["x-envoy-attempt-count"], "1");
});

test("a push that concerns another service leaves an opaque connection the endpoint it waits for", async (t) => {
  const apps = await Promise.all(
    ["a", "b", "c", "d"].map((name) => rawApp(t, (socket) => socket.end(name))),
  );
  const mesh = new PushingMesh();
  mesh.apply(
    service("db", { ports: [{ number: 5432, protocol: "tcp" }], trafficPolicy: inTurns }),
    endpoints("db", apps),
  );
  const rest = { host: "db:5432" };
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder(), rest);
  const reached: string[] = [];
  for (let count = 0; count < 4; count++) {
    mesh.pushAtNextRequest(mesh.pushOther);
    reached.push(await new RawClient(t, proxy.port).closed());
  }
  assert.equal(mesh.pushCount, 4);
  assert.deepEqual(reached.toSorted(), ["a", "b", "c", "d"]);
});
