import assert from "node:assert/strict";
import { test } from "node:test";
import { app, rawApp, send, service } from "./data-path-kit.ts";
import { deadPort, failingCallerOf, id, routeTo } from "./support/failing-caller.ts";

test("says that no route matches: 404, NR", async (t) => {
  const { mesh, proxy, recorder } = await failingCallerOf(t, []);
  const matches = [{ uri: { kind: "prefix" as const, value: "/api" } }];
  mesh.apply(
    service("reviews", {
      routes: [{ name: "api", matches, destinations: [{ service: id, weight: 1 }] }],
    }),
  );
  const answer = await send(proxy.port, { host: "reviews", path: "/other?q" });
  assert.equal(answer.status, 404);
  assert.equal(answer.headers["x-heddle-flags"], "NR");
  assert.equal(answer.headers["x-heddle-origin"], "outbound-proxy; workload=shop/front");
  assert.match(answer.body.toString(), /no route matches GET \/other;.*\nservice: shop\/reviews/);
  assert.equal(recorder.records[0]?.labels.destinationService, "reviews.shop.svc.cluster.local");
});

test("says that nobody serves the service: 503, UH, with the rule", async (t) => {
  const { proxy } = await failingCallerOf(t, []);
  const answer = await send(proxy.port, { host: "reviews" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "UH"]);
  assert.match(
    answer.body.toString(),
    /service: shop\/reviews\nrule: main \(revision 7\)\n.*\nendpoints: 0/,
  );
});

test("says that a rule names an unknown subset: 503, NC", async (t) => {
  const { mesh, proxy } = await failingCallerOf(t, []);
  mesh.apply(service("reviews", { routes: routeTo("v9") }));
  const answer = await send(proxy.port, { host: "reviews" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "NC"]);
  assert.match(answer.body.toString(), /the subset "v9"/);
});

test("says that no endpoint takes connections: 503, UF, and lists what was tried", async (t) => {
  const { proxy, recorder } = await failingCallerOf(t, [await deadPort(), await deadPort()]);
  const answer = await send(proxy.port, { host: "reviews", method: "POST", body: "x" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "UF,URX"]);
  assert.equal(answer.body.toString().match(/tried: .*ECONNREFUSED/g)?.length, 3);
  assert.equal(recorder.records[0]?.labels.failedBy, "network");
});
test("ends an exchange at the rule's timeout: 504, UT, and leaves the upstream", async (t) => {
  const gone = Promise.withResolvers<void>();
  const reviews = await app(t, (request) => request.socket.once("close", () => gone.resolve()));
  const { proxy, recorder } = await failingCallerOf(t, [reviews.port], { timeoutMs: 100 });
  const startMs = performance.now();
  const answer = await send(proxy.port, { host: "reviews" });
  const tookMs = performance.now() - startMs;
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [504, "UT"]);
  assert.match(answer.body.toString(), /within the rule's timeout of 100 ms/);
  assert.ok(tookMs >= 99 && tookMs < 1_000, `${tookMs} ms`);
  await gone.promise;
  assert.equal(recorder.records[0]?.labels.failedBy, "outbound-proxy");
});

test("breaks a response off at the timeout so that the client can tell", async (t) => {
  const reviews = await app(t, (_request, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("part");
  });
  const { proxy, recorder } = await failingCallerOf(t, [reviews.port], { timeoutMs: 100 });
  await assert.rejects(send(proxy.port, { host: "reviews" }), /aborted|ECONNRESET/);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.responseCode, labels.responseFlags], [200, "UT"]);
});

test("breaks a response off when the upstream does, and counts it", async (t) => {
  const reviews = await rawApp(t, (socket) => {
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"));
  });
  const { proxy, recorder } = await failingCallerOf(t, [reviews.port]);
  await assert.rejects(send(proxy.port, { host: "reviews" }), /aborted|ECONNRESET/);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.responseFlags, labels.failedBy], ["UC", "network"]);
});
test("ends an exchange in which nothing moves: 504, SI", async (t) => {
  const timeouts = { idleMs: 60_000, headMs: 60_000, streamIdleMs: 80 };
  const reviews = await app(t, () => {});
  const { proxy } = await failingCallerOf(t, [reviews.port], { timeouts });
  const answer = await send(proxy.port, { host: "reviews" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [504, "SI"]);
});
