import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { DEFAULT_LIMITS, type Http1Limits } from "@heddle/http1";
import { waitFor } from "@heddle/testkit";
import type { ExchangeTimeouts } from "../src/transport/exchange-timeouts.ts";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  RawClient,
  rawApp,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";

const id = { namespace: "shop", name: "reviews" };
const routeTo = (subset: string | undefined, rest: { timeoutMs?: number } = {}) => [
  { name: "main", matches: [], destinations: [{ service: id, subset, weight: 1 }], ...rest },
];

async function callerOf(
  t: TestContext,
  ports: readonly number[],
  rest: { timeoutMs?: number; timeouts?: ExchangeTimeouts; limits?: Http1Limits } = {},
) {
  const mesh = new TestMesh();
  const { timeoutMs, timeouts, limits } = rest;
  mesh.apply(
    service("reviews", {
      revision: 7,
      routes: routeTo(undefined, timeoutMs === undefined ? {} : { timeoutMs }),
    }),
    endpoints(
      "reviews",
      ports.map((port) => ({ port })),
    ),
  );
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder, {
    ...(timeouts && { timeouts }),
    ...(limits && { limits }),
  });
  return { mesh, recorder, proxy };
}

/** A port where nobody listens. */
async function deadPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("says that no route matches: 404, NR", async (t) => {
  const { mesh, proxy, recorder } = await callerOf(t, []);
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
  const { proxy } = await callerOf(t, []);
  const answer = await send(proxy.port, { host: "reviews" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "UH"]);
  assert.match(
    answer.body.toString(),
    /service: shop\/reviews\nrule: main \(revision 7\)\n.*\nendpoints: 0/,
  );
});

test("says that a rule names an unknown subset: 503, NC", async (t) => {
  const { mesh, proxy } = await callerOf(t, []);
  mesh.apply(service("reviews", { routes: routeTo("v9") }));
  const answer = await send(proxy.port, { host: "reviews" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "NC"]);
  assert.match(answer.body.toString(), /the subset "v9"/);
});

test("says that no endpoint takes connections: 503, UF, and lists what was tried", async (t) => {
  const { proxy, recorder } = await callerOf(t, [await deadPort(), await deadPort()]);
  const answer = await send(proxy.port, { host: "reviews", method: "POST", body: "x" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "UF,URX"]);
  assert.equal(answer.body.toString().match(/tried: .*ECONNREFUSED/g)?.length, 3);
  assert.equal(recorder.records[0]?.labels.failedBy, "network");
});

test("moves a request on to another endpoint when one takes no connection, body and all", async (t) => {
  const bodies: string[] = [];
  const reviews = await app(t, (request, response) => {
    request.on("data", (part: Buffer) => bodies.push(part.toString()));
    request.on("end", () => response.end(String(request.headers["x-envoy-attempt-count"])));
  });
  const { proxy } = await callerOf(t, [await deadPort(), reviews.port]);
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
  const { proxy } = await callerOf(t, [reviews.port]);
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
  const { proxy } = await callerOf(t, [reviews.port]);
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
  const { proxy, recorder } = await callerOf(t, [reviews.port]);
  const answer = await send(proxy.port, { host: "reviews" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"], requests], [503, "UC", 1]);
  assert.equal(recorder.records[0]?.labels.failedBy, "network");
});

test("ends an exchange at the rule's timeout: 504, UT, and leaves the upstream", async (t) => {
  const gone = Promise.withResolvers<void>();
  const reviews = await app(t, (request) => request.socket.once("close", () => gone.resolve()));
  const { proxy, recorder } = await callerOf(t, [reviews.port], { timeoutMs: 100 });
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
  const { proxy, recorder } = await callerOf(t, [reviews.port], { timeoutMs: 100 });
  await assert.rejects(send(proxy.port, { host: "reviews" }), /aborted|ECONNRESET/);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.responseCode, labels.responseFlags], [200, "UT"]);
});

test("breaks a response off when the upstream does, and counts it", async (t) => {
  const reviews = await rawApp(t, (socket) => {
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"));
  });
  const { proxy, recorder } = await callerOf(t, [reviews.port]);
  await assert.rejects(send(proxy.port, { host: "reviews" }), /aborted|ECONNRESET/);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.responseFlags, labels.failedBy], ["UC", "network"]);
});

test("refuses an upstream's answer that is not HTTP: 502, UPE", async (t) => {
  const reviews = await rawApp(t, (socket) => {
    socket.once("data", () =>
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    );
  });
  const { proxy } = await callerOf(t, [reviews.port]);
  const answer = await send(proxy.port, { host: "reviews" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [502, "UPE"]);
  assert.match(answer.body.toString(), /Content-Length is repeated/);
});

test("refuses a switch of protocols that nobody asked for: 502, UPE, and no tunnel", async (t) => {
  const upstream = await rawApp(t, (socket) =>
    socket.on("data", () =>
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nfree bytes",
      ),
    ),
  );
  const { proxy } = await callerOf(t, [upstream.port]);
  const got = await send(proxy.port, { host: "reviews" });
  assert.equal(got.status, 502);
  assert.equal(got.headers["x-heddle-flags"], "UPE");
  assert.match(got.body.toString(), /101 answers a request that asked for no other protocol/);
});

test("does not give the next request an answer that came unasked", async (t) => {
  let connections = 0;
  const reviews = await rawApp(t, (socket) => {
    connections++;
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${connections}`;
    socket.on("data", () => socket.write(`${answer}HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nX`));
  });
  const { proxy } = await callerOf(t, [reviews.port]);
  const first = await send(proxy.port, { host: "reviews" });
  const second = await send(proxy.port, { host: "reviews" });
  assert.deepEqual([first.body.toString(), second.body.toString(), connections], ["1", "2", 2]);
});

const request = (fields: string, body = "") =>
  `POST /evil HTTP/1.1\r\nHost: reviews\r\n${fields}\r\n${body}`;
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: reviews\r\n\r\n";
const attacks: Record<string, [status: number, text: string]> = {
  "CL.TE": [
    400,
    request("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${smuggled}`),
  ],
  "TE.CL": [
    400,
    request(
      "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
      `5c\r\n${smuggled}\r\n0\r\n\r\n`,
    ),
  ],
  "TE.TE": [
    400,
    request("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", `0\r\n\r\n${smuggled}`),
  ],
  "an obfuscated coding": [400, request("Transfer-Encoding: xchunked\r\n", `0\r\n\r\n${smuggled}`)],
  "a space before the colon": [
    400,
    request("Transfer-Encoding : chunked\r\n", `0\r\n\r\n${smuggled}`),
  ],
  "two lengths": [400, request("Content-Length: 0\r\nContent-Length: 44\r\n", smuggled)],
  "a folded length": [400, request("X: y\r\n Content-Length: 44\r\n", smuggled)],
  "a bare LF": [400, `POST /evil HTTP/1.1\nHost: reviews\nContent-Length: 0\n\n${smuggled}`],
  "a NUL in a value": [400, request("X: a\0b\r\n")],
  "two Hosts": [400, request("Host: payments\r\n")],
  "another Host than the target's": [400, "GET http://payments/ HTTP/1.1\r\nHost: reviews\r\n\r\n"],
  "a nominated length": [
    400,
    request("Connection: content-length\r\nContent-Length: 3\r\n", "abc"),
  ],
  "a head of 70 KiB": [431, request(`${"X: ".padEnd(10_000, "a")}\r\n`.repeat(7))],
  "101 fields": [431, request("X: 1\r\n".repeat(100))],
  "a target of 17 KiB": [414, `GET /${"a".repeat(17_000)} HTTP/1.1\r\nHost: reviews\r\n\r\n`],
  "HTTP/3.0": [505, "GET / HTTP/3.0\r\nHost: reviews\r\n\r\n"],
};

test("answers smuggling attempts itself; nothing of them reaches the upstream", async (t) => {
  const seen: (string | undefined)[] = [];
  const reviews = await app(t, (each, response) => {
    seen.push(each.url);
    response.end("ok");
  });
  const recorder = new MemoryRecorder();
  const listener = await inbound(t, await hosted("reviews", { appPort: reviews.port }), recorder);
  const { proxy } = await callerOf(t, [reviews.port]);
  for (const [what, [status, text]] of Object.entries(attacks)) {
    for (const port of [proxy.port, listener.port]) {
      const client = new RawClient(t, port);
      client.send(text);
      const answer = await client.closed();
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [^]*x-heddle-flags: DPE`), what);
      assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, what);
    }
  }
  assert.deepEqual(seen, []);
  assert.ok(recorder.records.every(({ labels }) => labels.responseFlags === "DPE"));
});

test("holds requests and answers to the limits its operator has set", async (t) => {
  const limits = { ...DEFAULT_LIMITS, maxFields: 6, maxLineBytes: 512, maxHeadBytes: 1_024 };
  const reviews = await app(t, (each, response) => {
    const count = Number(each.headers["x-wanted"] ?? 0);
    for (let i = 0; i < count; i++) response.setHeader(`x-${i}`, "1");
    response.end("ok");
  });
  const { proxy } = await callerOf(t, [reviews.port], { limits });
  const statusOf = async (text: string) => {
    const client = new RawClient(t, proxy.port);
    client.send(text);
    return Number((await client.expect(/^HTTP\/1\.1 (\d{3}) /))[1]);
  };
  assert.equal(await statusOf(request("X: 1\r\n".repeat(5))), 200);
  assert.equal(await statusOf(request("X: 1\r\n".repeat(6))), 431);
  assert.equal(await statusOf(request(`X: ${"a".repeat(512)}\r\n`)), 431);
  assert.equal(await statusOf(request(`X: ${"a".repeat(400)}\r\n`.repeat(3))), 431);
  assert.equal(await statusOf(`GET /${"a".repeat(512)} HTTP/1.1\r\nHost: reviews\r\n\r\n`), 414);
  assert.equal(await statusOf(request("X-Wanted: 1\r\n")), 200);
  assert.equal(await statusOf(request("X-Wanted: 9\r\n")), 502);
});

test("refuses a broken chunk in the middle of a body without harm to the other requests", async (t) => {
  const reviews = await app(t, (each, response) =>
    each.on("end", () => response.end("ok")).resume(),
  );
  const { proxy } = await callerOf(t, [reviews.port]);
  const bad = new RawClient(t, proxy.port);
  bad.send(request("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n"));
  await new Promise((resolve) => setImmediate(resolve));
  bad.send("zz\r\n");
  assert.match(await bad.closed(), /^HTTP\/1\.1 400 [^]*chunk size/);
  assert.equal((await send(proxy.port, { host: "reviews" })).body.toString(), "ok");
});

test("ends a connection whose head does not come in time: 408", async (t) => {
  const timeouts = { idleMs: 60_000, headMs: 60, streamIdleMs: 60_000 };
  const { proxy } = await callerOf(t, [], { timeouts });
  const slow = new RawClient(t, proxy.port);
  slow.send("GET / HTTP/1.1\r\n");
  assert.match(await slow.closed(), /^HTTP\/1\.1 408 /);
});

test("ends an exchange in which nothing moves: 504, SI", async (t) => {
  const timeouts = { idleMs: 60_000, headMs: 60_000, streamIdleMs: 80 };
  const reviews = await app(t, () => {});
  const { proxy } = await callerOf(t, [reviews.port], { timeouts });
  const answer = await send(proxy.port, { host: "reviews" });
  assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [504, "SI"]);
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

test("finishes requests under way when it drains, closes their connections, and takes no new ones", async (t) => {
  const release = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const reviews = await app(t, (_request, response) => {
    arrived.resolve();
    void release.promise.then(() => response.end("done"));
  });
  const { proxy } = await callerOf(t, [reviews.port]);
  const idle = new RawClient(t, proxy.port);
  await new Promise((resolve) => idle.socket.once("connect", resolve));
  const busy = new RawClient(t, proxy.port);
  busy.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await arrived.promise;
  const drained = proxy.drain(5_000);
  await idle.closed();
  await assert.rejects(send(proxy.port, { host: "reviews" }), /ECONNREFUSED/);
  release.resolve();
  assert.match(await busy.closed(), /connection: close[^]*done/i);
  await drained;
});

test("cuts off what has not finished when the drain's time is over", async (t) => {
  const reviews = await app(t, () => {});
  const { proxy } = await callerOf(t, [reviews.port]);
  const busy = new RawClient(t, proxy.port);
  busy.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await waitFor(
    "the request is under way",
    5_000,
    () => reviews.server.listening && busy.socket.bytesWritten > 0,
  );
  await proxy.drain(50);
  assert.equal(await busy.closed(), "");
});
