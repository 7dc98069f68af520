import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import { TestAuthority } from "@heddle/testkit";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  RawClient,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";

/** Ends however it ends: an alert comes as an error. */
function closeOf(socket: tls.TLSSocket): Promise<void> {
  socket.on("error", () => {});
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

async function meshedReviews(t: TestContext, handler?: Parameters<typeof app>[1]) {
  const headers: Record<string, string | string[] | undefined>[] = [];
  const reviews = await app(t, (request, response) => {
    headers.push(request.headers);
    if (handler) handler(request, response);
    else response.end("from reviews");
  });
  const workload = await hosted("reviews", { appPort: reviews.port, version: "v2" });
  const recorder = new MemoryRecorder();
  const listener = await inbound(t, workload, recorder);
  const ca = await authority();
  const identity = ca.spiffeId({ namespace: "shop", workload: "reviews-v2", service: "reviews" });
  const mesh = new TestMesh();
  mesh.apply(
    service("reviews"),
    endpoints("reviews", [
      { port: listener.port, workload: "reviews-v2", version: "v2", identity },
    ]),
  );
  return { headers, workload, recorder, listener, mesh, identity, reviews };
}

test("encrypts between sidecars and says who called, in headers and in metrics", async (t) => {
  const { headers, recorder, mesh, identity } = await meshedReviews(t);
  const callers = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front", { version: "v1" }), mesh, callers);
  const answer = await send(proxy.port, { host: "reviews" });
  assert.equal(answer.body.toString(), "from reviews");
  const front = "spiffe://cluster.local/ns/shop/sa/front-v1";
  assert.match(
    String(headers[0]?.["x-forwarded-client-cert"]),
    new RegExp(
      `^By=${identity};Hash=[0-9a-f]{64};Subject="OU=v1,O=front,CN=front-v1";URI=${front}$`,
    ),
  );
  assert.equal(headers[0]?.["x-forwarded-proto"], "https");
  assert.equal(headers[0]?.["x-envoy-attempt-count"], "1");
  const { labels } = await recorder.find(({ labels }) => labels.reporter === "destination");
  assert.equal(labels.security, "mutual_tls");
  assert.deepEqual(labels.source, {
    workload: "front-v1",
    namespace: "shop",
    service: "front",
    version: "v1",
    principal: front,
  });
  const at = await callers.find(({ labels }) => labels.reporter === "source");
  assert.equal(at.labels.destination.workload, "reviews-v2");
  assert.equal(at.labels.destination.principal, identity);
});

test("takes plaintext and TLS under PERMISSIVE, and counts plaintext with its address", async (t) => {
  const { headers, recorder, listener } = await meshedReviews(t);
  const answer = await send(listener.port, {
    headers: { "x-forwarded-client-cert": "URI=spiffe://forged", "x-envoy-attempt-count": "7" },
  });
  assert.equal(answer.status, 200);
  assert.equal(headers[0]?.["x-forwarded-client-cert"], undefined);
  assert.equal(headers[0]?.["x-envoy-attempt-count"], undefined);
  assert.equal(headers[0]?.["x-forwarded-proto"], "http");
  const { labels } = await recorder.find(({ labels }) => labels.security === "none");
  assert.equal(labels.sourceAddress, "127.0.0.1");
  assert.equal(labels.source.workload, "unknown");
});

test("closes a plaintext connection under STRICT without a byte, and counts it", async (t) => {
  const { headers, workload, recorder, listener, mesh } = await meshedReviews(t);
  workload.mtlsMode = "STRICT";
  const client = new RawClient(t, listener.port);
  client.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  assert.equal(await client.closed(), "");
  assert.deepEqual(recorder.refusals, [
    { workload: "reviews-v2", address: "127.0.0.1", reason: "plaintext" },
  ]);
  assert.equal(headers.length, 0);
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
});

test("applies a flip to STRICT to the next request of an open plaintext connection, and back", async (t) => {
  const { headers, workload, recorder, listener } = await meshedReviews(t);
  const open = new RawClient(t, listener.port);
  const request = "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n";
  open.send(request);
  await open.expect(/from reviews/);
  workload.mtlsMode = "STRICT";
  open.send(request);
  await open.closed();
  assert.equal(headers.length, 1);
  assert.equal(recorder.refusals.length, 1);
  workload.mtlsMode = "PERMISSIVE";
  const again = new RawClient(t, listener.port);
  again.send(request);
  await again.expect(/from reviews/);
});

test("refuses a server that proves another identity than the endpoint's", async (t) => {
  const { headers, listener } = await meshedReviews(t);
  const mesh = new TestMesh();
  const identity = "spiffe://cluster.local/ns/shop/sa/payments";
  mesh.apply(service("payments"), endpoints("payments", [{ port: listener.port, identity }]));
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder);
  const answer = await send(proxy.port, { host: "payments" });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["x-heddle-flags"], "UF,URX");
  assert.match(answer.body.toString(), /sa\/reviews-v2, not spiffe:.*sa\/payments/);
  assert.equal(headers.length, 0);
  assert.equal(recorder.records[0]?.labels.failedBy, "network");
});

test("refuses a client whose certificate another authority has signed", async (t) => {
  const { headers, listener } = await meshedReviews(t);
  const stranger = await TestAuthority.create();
  const ours = await authority();
  const certificate = await stranger.issueWorkload({
    namespace: "shop",
    workload: "front",
    service: "front",
  });
  const socket = tls.connect({
    port: listener.port,
    host: "127.0.0.1",
    key: certificate.keyPem,
    cert: certificate.chainPem,
    ca: ours.trustBundlePem,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ["istio-http/1.1"],
  });
  t.after(() => socket.destroy());
  socket.write("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await closeOf(socket);
  assert.equal(headers.length, 0);
});

test("refuses a client of another trust domain, and one without a certificate", async (t) => {
  const { headers, listener } = await meshedReviews(t);
  const ours = await authority();
  const certificate = await ours.issueWorkload({
    namespace: "shop",
    workload: "front",
    service: "front",
    trustDomain: "other.example",
  });
  for (const shown of [{ key: certificate.keyPem, cert: certificate.chainPem }, {}]) {
    const socket = tls.connect({
      port: listener.port,
      host: "127.0.0.1",
      ca: ours.trustBundlePem,
      checkServerIdentity: () => undefined,
      ALPNProtocols: ["istio-http/1.1"],
      ...shown,
    });
    t.after(() => socket.destroy());
    socket.write("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
    await closeOf(socket);
  }
  assert.equal(headers.length, 0);
});

test("uses a new certificate for the next connection without dropping a request", async (t) => {
  const { mesh, headers } = await meshedReviews(t);
  const front = await hosted("front");
  const proxy = await outbound(t, front, mesh, new MemoryRecorder());
  await send(proxy.port, { host: "reviews" });
  const ca = await authority();
  const names = { namespace: "shop", workload: "front", service: "front" };
  front.identity.install({ ...(await ca.issueWorkload(names)), trustBundlePem: ca.trustBundlePem });
  assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
  const hashes = headers.map(
    (each) => /Hash=(\w+)/.exec(String(each["x-forwarded-client-cert"]))?.[1],
  );
  assert.equal(new Set(hashes).size, 2);
});

test("says that the app, not a proxy, has failed, and believes nobody else about it", async (t) => {
  const { mesh, recorder } = await meshedReviews(t, (_request, response) => {
    response.writeHead(500, { "x-heddle-origin": "outbound-proxy", "x-heddle-flags": "UH" });
    response.end("broken");
  });
  const callers = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, callers);
  const answer = await send(proxy.port, { host: "reviews" });
  assert.equal(answer.headers["x-heddle-origin"], "app; workload=shop/reviews-v2");
  assert.equal(answer.headers["x-heddle-flags"], undefined);
  assert.equal((await recorder.find(() => true)).labels.failedBy, "app");
  assert.equal((await callers.find(() => true)).labels.failedBy, "app");
  assert.equal(callers.spans[0]?.failedBy, "app");
  assert.equal(callers.spans[0]?.traceId, recorder.spans[0]?.traceId);
  assert.equal(callers.spans[0]?.spanId, recorder.spans[0]?.parentSpanId);
});

test("blames the inbound proxy when it cannot reach the app, at both ends", async (t) => {
  const { mesh, recorder, reviews } = await meshedReviews(t);
  await reviews.stop();
  const callers = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, callers);
  const answer = await send(proxy.port, { host: "reviews" });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["x-heddle-origin"], "inbound-proxy; workload=shop/reviews-v2");
  assert.equal(answer.headers["x-heddle-flags"], "UF");
  assert.match(answer.body.toString(), /ECONNREFUSED[\s\S]*the app at 127\.0\.0\.1/);
  for (const each of [recorder, callers]) {
    const { labels } = await each.find(() => true);
    assert.deepEqual([labels.failedBy, labels.responseFlags], ["inbound-proxy", "UF"]);
  }
});
