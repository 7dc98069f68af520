import assert from "node:assert/strict";
import net from "node:net";
import { type TestContext, test } from "node:test";
import {
  app,
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

/** A mesh with the plaintext service `reviews`, seen from the workload `front`. */
async function reviewsMesh(t: TestContext) {
  const seen: string[] = [];
  const reviews = await app(t, (request, response) => {
    seen.push(`${request.method} ${request.headers.host} ${request.url}`);
    response.end("from reviews");
  });
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: reviews.port }]));
  const recorder = new MemoryRecorder();
  const front = await hosted("front");
  const proxy = await outbound(t, front, mesh, recorder);
  return { seen, mesh, recorder, front, proxy };
}

for (const host of ["reviews", "reviews:8080", "reviews.shop", "Reviews.Shop.svc.cluster.local"]) {
  test(`reaches a service by the Host header ${host}`, async (t) => {
    const { seen, proxy } = await reviewsMesh(t);
    const answer = await send(proxy.port, { host, path: "/a?b" });
    assert.equal(answer.body.toString(), "from reviews");
    assert.deepEqual(seen, [`GET ${host} /a?b`]);
  });
}

test("reaches a service by an absolute-form request, as HTTP_PROXY sends it", async (t) => {
  const { seen, proxy } = await reviewsMesh(t);
  const answer = await send(proxy.port, { path: "http://reviews:9080/a?b", host: "reviews:9080" });
  assert.equal(answer.status, 200);
  assert.deepEqual(seen, ["GET reviews:9080 /a?b"]);
});

test("reaches a service through a CONNECT tunnel, request by request", async (t) => {
  const { seen, proxy, recorder } = await reviewsMesh(t);
  const client = new RawClient(t, proxy.port);
  client.send("CONNECT reviews:80 HTTP/1.1\r\nHost: reviews:80\r\n\r\n");
  await client.expect(/^HTTP\/1\.1 200 .*\r\n\r\n/);
  client.send("GET /1 HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await client.expect(/from reviews/);
  client.send("GET /2 HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await client.expect(/from reviews[\s\S]*from reviews/);
  assert.deepEqual(seen, ["GET reviews:80 /1", "GET reviews:80 /2"]);
  const record = await recorder.find(({ labels }) => labels.destination.workload === "reviews");
  assert.equal(record.labels.destinationService, "reviews.shop.svc.cluster.local");
});

test("reaches a service by a local port, whatever Host the app sends", async (t) => {
  const { seen, mesh, front, recorder } = await reviewsMesh(t);
  const local = await outbound(t, front, mesh, recorder, { host: "reviews:8080" });
  const answer = await send(local.port, { path: "/a" });
  assert.equal(answer.status, 200);
  assert.deepEqual(seen, ["GET reviews:8080 /a"]);
});

test("passes a host outside the mesh on under ALLOW_ANY", async (t) => {
  const { proxy, recorder } = await reviewsMesh(t);
  const outside = await app(t, (request, response) => response.end(request.headers.host));
  const host = `127.0.0.1:${outside.port}`;
  const answer = await send(proxy.port, { host });
  assert.equal(answer.body.toString(), host);
  const { labels } = await recorder.find(({ labels }) => labels.responseCode === 200);
  assert.equal(labels.destinationServiceName, "PassthroughCluster");
  assert.equal(labels.destinationService, "127.0.0.1");
});

test("refuses a host outside the mesh under REGISTRY_ONLY, by request and by CONNECT", async (t) => {
  const { mesh, proxy } = await reviewsMesh(t);
  mesh.outboundTrafficPolicy = "REGISTRY_ONLY";
  const answer = await send(proxy.port, { host: "example.com" });
  assert.equal(answer.status, 502);
  assert.equal(answer.headers["x-heddle-origin"], "outbound-proxy; workload=shop/front");
  assert.match(answer.body.toString(), /REGISTRY_ONLY/);
  const client = new RawClient(t, proxy.port);
  client.send("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
  await client.expect(/^HTTP\/1\.1 502 /);
});

test("tunnels a CONNECT to a host outside the mesh byte by byte, both ways", async (t) => {
  const { proxy, recorder } = await reviewsMesh(t);
  const echo = await rawApp(t, (socket) => socket.pipe(socket));
  const client = new RawClient(t, proxy.port);
  client.send(`CONNECT 127.0.0.1:${echo.port} HTTP/1.1\r\nHost: x:1\r\n\r\n\xfe\xffearly`);
  await client.expect(/\r\n\r\n\xfe\xffearly$/);
  client.send("\xff\xfe late");
  await client.expect(/\xff\xfe late$/);
  client.socket.end();
  await client.closed();
  const record = await recorder.find(({ labels }) => labels.responseCode === 200);
  assert.deepEqual([record.requestBytes, record.responseBytes], [14, 14]);
});

test("counts as a tunnel's latency how long it took to open, not how long it was open", async (t) => {
  const { proxy, recorder } = await reviewsMesh(t);
  const echo = await rawApp(t, (socket) => socket.pipe(socket));
  const client = new RawClient(t, proxy.port);
  const askedMs = performance.now();
  client.send(`CONNECT 127.0.0.1:${echo.port} HTTP/1.1\r\nHost: x:1\r\n\r\n`);
  await client.expect(/\r\n\r\n$/);
  const openedMs = performance.now();
  for (let count = 1; performance.now() - openedMs < openedMs - askedMs + 50; count++) {
    client.send(".");
    await client.expect(new RegExp(`\r\n\r\n\\.{${count}}$`));
  }
  client.socket.end();
  await client.closed();
  const { durationMs } = await recorder.find(({ labels }) => labels.responseCode === 200);
  assert.ok(durationMs <= openedMs - askedMs, `${durationMs} ms to open`);
});

test("does not send a request to itself in circles", async (t) => {
  const { mesh, front, recorder } = await reviewsMesh(t);
  const ownPorts = new Set<number>();
  const proxy = await outbound(t, front, mesh, recorder, { ownPorts });
  const answer = await send(proxy.port, { path: "/" });
  assert.equal(answer.status, 503);
  assert.match(answer.body.toString(), /is this proxy itself/);
  const client = new RawClient(t, proxy.port);
  client.send(`CONNECT localhost:${proxy.port} HTTP/1.1\r\nHost: localhost:${proxy.port}\r\n\r\n`);
  await client.expect(/^HTTP\/1\.1 503 /);
});

test("splits traffic over subsets by weight, and sends matching requests where their rule says", async (t) => {
  const counts = { v1: 0, v2: 0, v3: 0 };
  const versions = await Promise.all(
    (["v1", "v2", "v3"] as const).map((version) =>
      app(t, (_request, response) => {
        counts[version]++;
        response.end(version);
      }),
    ),
  );
  const id = { namespace: "shop", name: "reviews" };
  const mesh = new TestMesh();
  const subsets = ["v1", "v2", "v3"].map((version) => ({ name: version, labels: { version } }));
  mesh.apply(
    service("reviews", {
      subsets,
      routes: [
        {
          name: "testers",
          matches: [{ headers: { "x-tester": { kind: "exact", value: "yes" } } }],
          destinations: [{ service: id, subset: "v3", weight: 1 }],
        },
        {
          name: "canary",
          matches: [],
          destinations: [
            { service: id, subset: "v1", weight: 90 },
            { service: id, subset: "v2", weight: 10 },
          ],
        },
      ],
    }),
    endpoints(
      "reviews",
      versions.map(({ port }, index) => ({
        port,
        version: `v${index + 1}`,
        workload: `reviews-v${index + 1}`,
      })),
    ),
  );
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  for (let i = 0; i < 100; i++) await send(proxy.port, { host: "reviews" });
  assert.ok(Math.abs(counts.v2 - 10) <= 2, `v2 got ${counts.v2} of 100`);
  assert.equal(counts.v1 + counts.v2, 100);
  await send(proxy.port, { host: "reviews", headers: { "x-tester": "yes" } });
  assert.equal(counts.v3, 1);
});

test("notes when it last sent to a workload", async (t) => {
  const { mesh, proxy } = await reviewsMesh(t);
  const beforeMs = Date.now();
  await send(proxy.port, { host: "reviews" });
  const [workload] = mesh.live.workloadsOf({ namespace: "shop", name: "reviews" });
  assert.ok(workload !== undefined && workload.lastSendAtMs >= beforeMs);
});

test("uses one connection to an endpoint for one request after another", async (t) => {
  const connections = new Set<number | undefined>();
  const reviews = await app(t, (request, response) => {
    connections.add(request.socket.remotePort);
    response.end();
  });
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: reviews.port }]));
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  for (let i = 0; i < 10; i++) await send(proxy.port, { host: "reviews", agent: false });
  assert.equal(connections.size, 1);
});

test("continues the caller's trace with a span of its own, and keeps the request id", async (t) => {
  const headers: Record<string, unknown>[] = [];
  const reviews = await app(t, (request, response) => {
    headers.push(request.headers);
    response.end();
  });
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: reviews.port }]));
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder);
  const trace = "0af7651916cd43dd8448eb211c80319c";
  await send(proxy.port, {
    host: "reviews",
    path: "/a?secret=1",
    headers: {
      traceparent: `00-${trace}-b7ad6b7169203331-01`,
      tracestate: "vendor=1",
      "x-request-id": "mine",
      "x-forwarded-client-cert": "URI=spiffe://forged",
      "x-heddle-origin": "forged",
    },
  });
  const [seen] = headers;
  const span = recorder.spans[0];
  assert.equal(seen?.["traceparent"], `00-${trace}-${span?.spanId}-01`);
  assert.deepEqual(
    [
      seen?.["tracestate"],
      seen?.["x-request-id"],
      seen?.["x-forwarded-client-cert"],
      seen?.["x-heddle-origin"],
    ],
    ["vendor=1", "mine", undefined, undefined],
  );
  assert.deepEqual(
    [span?.traceId, span?.parentSpanId, span?.kind, span?.path, span?.requestId],
    [trace, "b7ad6b7169203331", "client", "/a", "mine"],
  );
});

test("starts a trace where there is none, and drops the state of a broken one", async (t) => {
  const headers: Record<string, unknown>[] = [];
  const reviews = await app(t, (request, response) => {
    headers.push(request.headers);
    response.end();
  });
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: reviews.port }]));
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder);
  await send(proxy.port, { host: "reviews" });
  await send(proxy.port, {
    host: "reviews",
    headers: {
      traceparent: "00-00000000000000000000000000000000-b7ad6b7169203331-01",
      tracestate: "a=b",
    },
  });
  for (const seen of headers) {
    assert.match(String(seen["traceparent"]), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    assert.match(
      String(seen["x-request-id"]),
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    assert.equal(seen["tracestate"], undefined);
  }
  assert.equal(recorder.spans.length, 0);
});

test("answers a request that names no host", async (t) => {
  const { proxy } = await reviewsMesh(t);
  const client = new RawClient(t, proxy.port);
  client.send("GET / HTTP/1.0\r\n\r\n");
  assert.match(await client.closed(), /^HTTP\/1\.1 400 [\s\S]*names no host/);
});

test("listens on loopback alone", async (t) => {
  const { proxy } = await reviewsMesh(t);
  const socket = net.connect(proxy.port, "127.0.0.1");
  t.after(() => socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  assert.equal(socket.remoteAddress, "127.0.0.1");
});
