import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  rawApp,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";
import { deadPort, failingCallerOf } from "./support/failing-caller.ts";

test("moves a request on to another endpoint when one takes no connection, body and all", async (t) => {
  const bodies: string[] = [];
  const reviews = await app(t, (request, response) => {
    request.on("data", (part: Buffer) => bodies.push(part.toString()));
    request.on("end", () => response.end(String(request.headers["x-envoy-attempt-count"])));
  });
  const { proxy } = await failingCallerOf(t, [await deadPort(), reviews.port]);
  for (let i = 0; i < 10; i++) {
    const answer = await send(proxy.port, { host: "reviews", method: "POST", body: `body ${i}` });
    assert.equal(answer.status, 200);
  }
  assert.deepEqual(
    bodies,
    Array.from({ length: 10 }, (_, i) => `body ${i}`),
  );
});

test("repeats a harmless request whose kept-alive connection has closed, and no other", async (t) => {
  let served = 0;
  let connections = 0;
  const reviews = await rawApp(t, (socket) => {
    connections++;
    let requests = 0;
    socket.on("data", () => {
      requests++;
      // Each connection answers once and breaks off at the second request.
      if (requests > 1) socket.destroy();
      else {
        served++;
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      }
    });
  });
  const { proxy } = await failingCallerOf(t, [reviews.port]);
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
  assert.deepEqual([served, connections], [2, 2]);
  const post = await send(proxy.port, { host: "reviews", method: "POST", body: "x" });
  assert.deepEqual([post.status, post.headers["x-heddle-flags"]], [503, "UC"]);
  assert.equal(served, 2);
});

test("repeats a harmless request on a new connection when all kept-alive ones have closed", async (t) => {
  const waiting: (() => void)[] = [];
  const all = Promise.withResolvers<void>();
  const reviews = await rawApp(t, (socket) => {
    let requests = 0;
    socket.on("data", () => {
      requests++;
      if (requests > 1) {
        socket.destroy();
        return;
      }
      waiting.push(() => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
      if (waiting.length >= 8) all.resolve();
    });
  });
  const { proxy } = await failingCallerOf(t, [reviews.port]);
  const crowd = Array.from({ length: 8 }, () => send(proxy.port, { host: "reviews" }));
  await all.promise; // eight connections at once
  for (const answer of waiting) answer();
  for (const { status } of await Promise.all(crowd)) assert.equal(status, 200);
  waiting.push = (answer) => {
    answer();
    return 0;
  };
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
});

test("does not repeat a request on a fresh connection that breaks off", async (t) => {
  let requests = 0;
  const reviews = await rawApp(t, (socket) => {
    socket.on("data", () => {
      requests++;
      socket.destroy();
    });
  });
  const { proxy, recorder } = await failingCallerOf(t, [reviews.port]);
  const answer = await send(proxy.port, { host: "reviews" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"], requests], [503, "UC", 1]);
  assert.equal(recorder.records[0]?.labels.failedBy, "network");
});
test("loses no harmless request while the app restarts between two of them", async (t) => {
  const first = await app(t, (_request, response) => response.end("first"));
  const mesh = new TestMesh();
  const listener = await inbound(
    t,
    await hosted("reviews", { appPort: first.port }),
    new MemoryRecorder(),
  );
  const names = { namespace: "shop", workload: "reviews", service: "reviews" };
  const identity = (await authority()).spiffeId(names);
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: listener.port, identity }]));
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  for (let i = 0; i < 5; i++) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send(proxy.port, { host: "reviews", agent })),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    if (i === 2) {
      await first.stop();
      await app(t, (_request, response) => response.end("second"), first.port);
    }
  }
});
