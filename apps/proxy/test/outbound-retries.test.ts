import assert from "node:assert/strict";
import { test } from "node:test";
import { authority, hosted, inbound, MemoryRecorder, rawApp, send } from "./data-path-kit.ts";
import { callerOf, countingApp, eventsOf, hold, retries, route } from "./outbound-kit.ts";

const host = "reviews";

test("http.retries: tries a 503 again on another endpoint, and tells each how often", async (t) => {
  const bad = await countingApp(t, (response) => response.writeHead(503).end());
  const good = await countingApp(t);
  const { proxy, recorder } = await callerOf(t, [bad.port, good.port], {
    routes: [route({ retries: retries() })],
  });
  for (let round = 0; round < 10; round++) {
    assert.equal((await send(proxy.port, { host })).status, 200);
  }
  assert.equal(good.seen.length, 10);
  const counts = good.seen.map(({ headers }) => headers["x-envoy-attempt-count"]);
  assert.ok(counts.every((count) => count === "1" || count === "2"));
  assert.equal(counts.filter((count) => count === "2").length, bad.seen.length);
  assert.equal(eventsOf(recorder, "heddle_retries_total")["retried"] ?? 0, bad.seen.length);
});

test("passes the last answer on when every try has failed: flag URX", async (t) => {
  const bad = await countingApp(t, (response, count) => response.writeHead(503).end(`no ${count}`));
  const { proxy, recorder } = await callerOf(t, [bad.port], {
    routes: [route({ retries: retries() })],
  });
  const answer = await send(proxy.port, { host });
  assert.deepEqual([answer.status, answer.body.toString(), bad.seen.length], [503, "no 3", 3]);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.responseFlags, labels.failedBy], ["URX", "app"]);
  assert.deepEqual(eventsOf(recorder, "heddle_retries_total"), { retried: 2, limit_reached: 1 });
});

test("by default repeats no 503, be it a GET's", async (t) => {
  const bad = await countingApp(t, (response) => response.writeHead(503).end());
  const { proxy } = await callerOf(t, [bad.port]);
  assert.equal((await send(proxy.port, { host })).status, 503);
  assert.equal(bad.seen.length, 1);
});

test("by default repeats no POST whose connection broke after it was sent", async (t) => {
  let connections = 0;
  const { port } = await rawApp(t, (socket) => {
    connections++;
    socket.on("data", () => socket.destroy());
  });
  const { proxy } = await callerOf(t, [port]);
  const answer = await send(proxy.port, { host, method: "POST", body: "pay" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "UC"]);
  assert.equal(connections, 1);
});

test("sends a body again up to 64 KiB, and no longer one", async (t) => {
  const bad = await countingApp(t, (response, count) =>
    response.writeHead(count % 2 ? 503 : 200).end(),
  );
  const { proxy } = await callerOf(t, [bad.port], { routes: [route({ retries: retries() })] });
  const small = "s".repeat(60_000);
  assert.equal((await send(proxy.port, { host, method: "POST", body: small })).status, 200);
  assert.deepEqual(
    bad.seen.map(({ body }) => body === small),
    [true, true],
  );
  const large = "l".repeat(80_000);
  assert.equal((await send(proxy.port, { host, method: "POST", body: large })).status, 503);
  assert.equal(bad.seen.length, 3);
});

test("sends a body again that had come as a whole before anybody was asked", async (t) => {
  const bad = await countingApp(t, (response, count) =>
    response.writeHead(count === 1 ? 503 : 200).end(),
  );
  const fault = { delay: { delayMs: 50, ratio: 1 }, scope: "request" as const };
  const { proxy } = await callerOf(t, [bad.port], {
    routes: [route({ retries: retries(), fault })],
  });
  assert.equal((await send(proxy.port, { host, method: "POST", body: "pay" })).status, 200);
  assert.deepEqual(
    bad.seen.map(({ body }) => body),
    ["pay", "pay"],
  );
});

const conditions = {
  "5xx": { status: 500, wanted: 2 },
  "gateway-error": { status: 502, wanted: 2 },
  "retriable-4xx": { status: 409, wanted: 2 },
  "connect-failure": { status: 503, wanted: 1 },
} as const;
for (const [condition, { status, wanted }] of Object.entries(conditions)) {
  test(`http.retries.retryOn: ${condition} tries ${status} ${wanted === 2 ? "again" : "not again"}`, async (t) => {
    const one = await countingApp(t, (response, count) => {
      response.writeHead(count === 1 ? status : 200).end();
    });
    const policy = retries({ conditions: [condition as keyof typeof conditions] });
    const { proxy } = await callerOf(t, [one.port], { routes: [route({ retries: policy })] });
    await send(proxy.port, { host });
    assert.equal(one.seen.length, wanted);
  });
}

test("http.retries.retryOn: a status code in it is tried again, another is not", async (t) => {
  const one = await countingApp(t, (response, count) => {
    response.writeHead(count === 1 ? 418 : 404).end();
  });
  const policy = retries({ conditions: ["retriable-status-codes"], statusCodes: [418] });
  const { proxy } = await callerOf(t, [one.port], { routes: [route({ retries: policy })] });
  assert.equal((await send(proxy.port, { host })).status, 404);
  assert.equal(one.seen.length, 2);
});

test("http.retries.retryOn: reset tries a broken connection again", async (t) => {
  let connections = 0;
  const { port } = await rawApp(t, (socket) => {
    const isFirst = ++connections === 1;
    socket.on("data", () => {
      if (isFirst) socket.destroy();
      else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
  });
  const policy = retries({ conditions: ["reset"] });
  const { proxy } = await callerOf(t, [port], { routes: [route({ retries: policy })] });
  assert.equal((await send(proxy.port, { host, method: "POST", body: "x" })).status, 200);
});

test("http.retries.retryOn: unavailable tries a gRPC failure told in the head again", async (t) => {
  const one = await countingApp(t, (response, count) => {
    response.writeHead(200, {
      "content-type": "application/grpc",
      "grpc-status": count === 1 ? "14" : "0",
    });
    response.end();
  });
  const policy = retries({ conditions: ["unavailable"] });
  const { proxy } = await callerOf(t, [one.port], {
    ports: [{ number: 80, protocol: "http" }], // gRPC's own would be HTTP/2
    routes: [route({ retries: policy })],
  });
  const headers = { "content-type": "application/grpc" };
  const answer = await send(proxy.port, { host, method: "POST", headers });
  assert.deepEqual([answer.headers["grpc-status"], one.seen.length], ["0", 2]);
});

test("http.retries.perTryTimeout: a slow try is given up and made again elsewhere", async (t) => {
  const slow = await countingApp(t, hold);
  const fast = await countingApp(t);
  const policy = retries({ conditions: ["gateway-error"], perTryTimeoutMs: 60 });
  const { proxy } = await callerOf(t, [slow.port, fast.port], {
    routes: [route({ retries: policy, timeoutMs: 4_000 })],
  });
  for (let round = 0; round < 6; round++) {
    assert.equal((await send(proxy.port, { host })).status, 200);
  }
  assert.equal(fast.seen.length, 6);
  const expected = fast.seen.map(({ headers }) =>
    Number(headers["x-envoy-expected-rq-timeout-ms"]),
  );
  assert.ok(
    expected.every((ms) => ms === 60),
    `each try says how long it has: ${expected.join()}`,
  );
});

test("http.retries.attempts: 0 switches retries off, of a refused connection too", async (t) => {
  const { proxy } = await callerOf(t, [1, 2], {
    routes: [route({ retries: retries({ attempts: 0 }) })],
  });
  const answer = await send(proxy.port, { host });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "UF"]);
  assert.equal(answer.body.toString().match(/tried: /g)?.length, 1);
});

test("a caller may ask for retries of one request by Envoy's headers, which go no further", async (t) => {
  const one = await countingApp(t, (response, count) => {
    response.writeHead(count === 1 ? 503 : 200).end();
  });
  const { proxy } = await callerOf(t, [one.port]);
  const headers = { "x-envoy-retry-on": "5xx", "x-envoy-max-retries": "1" };
  assert.equal((await send(proxy.port, { host, headers })).status, 200);
  assert.equal(one.seen.length, 2);
  assert.ok(one.seen.every((each) => each.headers["x-envoy-retry-on"] === undefined));
});

test("a storm of failures is not multiplied: retries stay within 20 % and a floor", async (t) => {
  const bad = await countingApp(t, (response) => response.writeHead(503).end());
  const { proxy, recorder } = await callerOf(t, [bad.port], {
    routes: [route({ retries: retries({ attempts: 5 }) })],
  });
  const count = 300;
  for (let sent = 0; sent < count; sent += 20) {
    await Promise.all(Array.from({ length: 20 }, () => send(proxy.port, { host })));
  }
  const { retried = 0, budget_exhausted = 0 } = eventsOf(recorder, "heddle_retries_total");
  assert.equal(bad.seen.length, count + retried);
  assert.ok(retried <= 0.2 * count + 30, `${retried} retries of ${count}`);
  assert.ok(retried >= 30, `${retried} retries`);
  assert.ok(budget_exhausted > 0);
  const { labels } = await recorder.find(({ labels }) => labels.responseFlags.includes("UO"));
  assert.equal(labels.responseCode, 503);
});

test("trafficPolicy.retryBudget: retries under way stay below its share", async (t) => {
  const bad = await countingApp(t, (response) => response.writeHead(503).end());
  const { proxy, recorder } = await callerOf(t, [bad.port], {
    routes: [route({ retries: retries({ attempts: 5 }) })],
    trafficPolicy: { retryBudget: { ratio: 0, minConcurrency: 0 } },
  });
  assert.equal((await send(proxy.port, { host })).status, 503);
  assert.equal(bad.seen.length, 1);
  assert.deepEqual(eventsOf(recorder, "heddle_retries_total"), { budget_exhausted: 1 });
});

test("retries through sidecars: a refusing workload's neighbour answers", async (t) => {
  const by = await authority();
  const good = await countingApp(t);
  const workload = await hosted("reviews", { appPort: good.port, version: "v1", by });
  const listener = await inbound(t, workload, new MemoryRecorder());
  const identity = workload.identity.spiffeId ?? "";
  const { proxy } = await callerOf(t, [
    { port: listener.port, identity },
    { port: 1, identity },
  ]);
  for (let round = 0; round < 10; round++) {
    const answer = await send(proxy.port, { host, method: "POST", body: "hello" });
    assert.equal(answer.status, 200);
  }
  assert.ok(good.seen.every(({ body }) => body === "hello"));
});
