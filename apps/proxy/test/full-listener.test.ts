import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { type TestContext, test } from "node:test";
import { waitFor } from "@heddle/testkit";
import { processOverload } from "../src/transport/overload.ts";
import {
  app,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  RawClient,
  service,
  TestMesh,
} from "./data-path-kit.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n";

/** Listeners that start within the test take so many connections. */
function allowConnections(t: TestContext, maxConnections: number): void {
  const { limits } = processOverload;
  processOverload.limits = { ...limits, maxConnections };
  t.after(() => {
    processOverload.limits = limits;
  });
}

/** Clients with an answered request each, as many as there is room for. */
async function fill(t: TestContext, port: number, count: number): Promise<RawClient[]> {
  const clients = Array.from({ length: count }, () => new RawClient(t, port));
  for (const client of clients) {
    client.send(REQUEST);
    await client.expect(/200 OK/);
  }
  return clients;
}

function refusedBy(recorder: MemoryRecorder): number {
  const name = "heddle_connections_refused_total ";
  const found = [...recorder.events].find(([key]) => key.startsWith(name));
  return found?.[1] ?? 0;
}

async function fullOutbound(t: TestContext) {
  allowConnections(t, 2);
  const upstream = await app(t, (_request, response) => response.end("ok"));
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: upstream.port }]));
  const recorder = new MemoryRecorder();
  const { port } = await outbound(t, await hosted("front"), mesh, recorder);
  return { port, recorder, clients: await fill(t, port, 2) };
}

test("a connection there is no room for is answered with 503 and Retry-After, and there is room again when one ends", async (t) => {
  const { port, recorder, clients } = await fullOutbound(t);
  const refused = new RawClient(t, port);
  refused.send("GET / HT");
  refused.send("TP/1.1\r\nHost: reviews\r\n\r\n");
  const answer = await refused.closed();
  assert.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
  assert.match(answer, /x-heddle-flags: OM\r\nretry-after: 1\r\n/);
  assert.match(
    answer,
    /outbound-proxy; workload=shop\/front: .* more than 2 connections are open\n$/,
  );
  assert.equal(refusedBy(recorder), 1);
  clients[0]?.send(REQUEST);
  await clients[0]?.expect(/200 OK[^]*200 OK/);
  clients[1]?.socket.destroy();
  await waitFor("there is room", 5_000, async () => {
    const next = new RawClient(t, port);
    next.send(REQUEST);
    return (await next.expect(/HTTP\/1\.1 (200|503)/))[1] === "200";
  });
});

test("an HTTP/2 client there is no room for hears that nothing of its was done", async (t) => {
  const { port, recorder } = await fullOutbound(t);
  const session = http2.connect(`http://127.0.0.1:${port}`);
  t.after(() => session.destroy());
  session.on("error", () => {});
  const [code, lastStream] = (await once(session, "goaway")) as [number, number];
  assert.deepEqual([code, lastStream], [http2.constants.NGHTTP2_ENHANCE_YOUR_CALM, 0]);
  assert.equal(refusedBy(recorder), 1);
});

test("whoever speaks something else, or nothing, is let go", async (t) => {
  const { port, recorder } = await fullOutbound(t);
  const opaque = new RawClient(t, port);
  opaque.send("\x00\x01\x02\x03");
  assert.equal(await opaque.closed(), "");
  const silent = new RawClient(t, port);
  assert.equal(await silent.closed(), "");
  assert.equal(refusedBy(recorder), 2);
});

test("an inbound listener that is full says so, too", async (t) => {
  allowConnections(t, 1);
  const upstream = await app(t, (_request, response) => response.end("ok"));
  const recorder = new MemoryRecorder();
  const workload = await hosted("reviews", { appPort: upstream.port });
  const { port } = await inbound(t, workload, recorder);
  await fill(t, port, 1);
  const refused = new RawClient(t, port);
  refused.send(REQUEST);
  assert.match(await refused.closed(), /^HTTP\/1\.1 503 [^]*inbound-proxy; workload=shop\/reviews/);
  assert.equal(refusedBy(recorder), 1);
});
