import assert from "node:assert/strict";
import type http from "node:http";
import { type TestContext, test } from "node:test";
import type { WorkloadResource } from "@heddle/contracts";
import type { ConnectionPool } from "@heddle/mesh";
import { waitFor } from "@heddle/testkit";
import {
  app,
  hosted,
  inbound,
  MemoryRecorder,
  RawClient,
  rawApp,
  send,
  type TestWorkload,
} from "./data-path-kit.ts";

/** Pushes what a Sidecar document says of the connections to the app. */
function push(workload: TestWorkload, connectionPool: ConnectionPool | undefined): void {
  const resource: WorkloadResource = {
    kind: "workload",
    key: "workload/shop/reviews",
    version: "1",
    workload: { namespace: "shop", name: "reviews" },
    mtlsMode: "PERMISSIVE",
    ...(connectionPool === undefined ? {} : { connectionPool }),
    revision: 1,
  };
  Object.assign(workload, { resource });
}

/** An app that holds its answers until it is told, and counts the connections it is given. */
async function holdingApp(t: TestContext) {
  const held: http.ServerResponse[] = [];
  const connections = new Set<unknown>();
  const { port } = await app(t, (request, response) => {
    connections.add(request.socket);
    held.push(response);
  });
  const release = () => {
    for (const response of held.splice(0)) response.end("ok");
  };
  return { port, held, connections, release };
}

test("http2MaxRequests bounds what is under way at the app; one more is refused with UO", async (t) => {
  const upstream = await holdingApp(t);
  const workload = await hosted("reviews", { appPort: upstream.port });
  const recorder = new MemoryRecorder();
  const { port } = await inbound(t, workload, recorder);
  push(workload, { maxRequests: 2 });
  const running = [send(port, {}), send(port, {})];
  await waitFor("two are under way", 5_000, () => upstream.held.length === 2);
  const refused = await send(port, {});
  assert.equal(refused.status, 503);
  assert.equal(refused.headers["x-heddle-flags"], "UO");
  assert.equal(refused.headers["x-envoy-overloaded"], "true");
  assert.match(refused.body.toString(), /a limit is reached: http\.http2MaxRequests: 2 reached/);
  const { labels } = await recorder.find((one) => one.labels.responseCode === 503);
  assert.deepEqual([labels.responseFlags, labels.failedBy], ["UO", "inbound-proxy"]);
  upstream.release();
  for (const { status } of await Promise.all(running)) assert.equal(status, 200);
  const next = send(port, {});
  await waitFor("there is room again", 5_000, () => upstream.held.length === 1);
  push(workload, undefined);
  const free = Array.from({ length: 5 }, () => send(port, {}));
  await waitFor("nothing bounds them any more", 5_000, () => upstream.held.length === 6);
  upstream.release();
  for (const { status } of await Promise.all([next, ...free])) assert.equal(status, 200);
});

test("maxConnections opens no more to the app, and http1MaxPendingRequests bounds who waits", async (t) => {
  const upstream = await holdingApp(t);
  const workload = await hosted("reviews", { appPort: upstream.port });
  const { port } = await inbound(t, workload, new MemoryRecorder());
  push(workload, { maxConnections: 1, maxPendingRequests: 1 });
  const first = send(port, {});
  await waitFor("the first is under way", 5_000, () => upstream.held.length === 1);
  const others = [send(port, {}), send(port, {})];
  const refused = await Promise.race(others);
  assert.deepEqual([refused.status, refused.headers["x-heddle-flags"]], [503, "UO"]);
  upstream.release();
  await waitFor("the one that waited is next", 5_000, () => upstream.held.length === 1);
  upstream.release();
  const statuses = (await Promise.all([first, ...others])).map(({ status }) => status);
  assert.deepEqual(statuses.toSorted(), [200, 200, 503]);
  assert.equal(upstream.connections.size, 1);
});

test("maxRequestsPerConnection opens a new connection to the app after that many", async (t) => {
  const sockets: unknown[] = [];
  const upstream = await app(t, (request, response) => {
    if (!sockets.includes(request.socket)) sockets.push(request.socket);
    response.end(String(sockets.indexOf(request.socket)));
  });
  const workload = await hosted("reviews", { appPort: upstream.port });
  const { port } = await inbound(t, workload, new MemoryRecorder());
  push(workload, { maxRequestsPerConnection: 2 });
  const seen: string[] = [];
  for (let count = 0; count < 4; count++) seen.push((await send(port, {})).body.toString());
  assert.deepEqual(seen, ["0", "0", "1", "1"]);
});

test("maxConnections closes one opaque connection more, and idleTimeout one that is still", async (t) => {
  const upstream = await rawApp(t, (socket) => {
    socket.write("hello");
    socket.on("data", (bytes) => socket.write(bytes));
  });
  const workload = await hosted("db", { appPort: upstream.port });
  const recorder = new MemoryRecorder();
  const rest = { app: { port: upstream.port, protocol: "tcp" } } as const;
  const { port } = await inbound(t, workload, recorder, undefined, rest);
  push(workload, { maxConnections: 1 });
  const first = new RawClient(t, port);
  await first.expect(/^hello$/);
  assert.equal(await new RawClient(t, port).closed(), "");
  first.socket.end();
  await first.closed();
  push(workload, { maxConnections: 1, tcpIdleTimeoutMs: 100 });
  await waitFor("there is room again", 5_000, async () => {
    const next = new RawClient(t, port);
    return (await next.closed()) === "hello";
  });
});
