import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS } from "@heddle/http1";
import { app, hosted, inbound, MemoryRecorder, RawClient, rawApp, send } from "./data-path-kit.ts";
import { failingCallerOf } from "./support/failing-caller.ts";

test("refuses an upstream's answer that is not HTTP: 502, UPE", async (t) => {
  const reviews = await rawApp(t, (socket) => {
    socket.once("data", () =>
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    );
  });
  const { proxy } = await failingCallerOf(t, [reviews.port]);
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
  const { proxy } = await failingCallerOf(t, [upstream.port]);
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
  const { proxy } = await failingCallerOf(t, [reviews.port]);
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
  const { proxy } = await failingCallerOf(t, [reviews.port]);
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
  const { proxy } = await failingCallerOf(t, [reviews.port], { limits });
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
  const { proxy } = await failingCallerOf(t, [reviews.port]);
  const bad = new RawClient(t, proxy.port);
  bad.send(request("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n"));
  await new Promise((resolve) => setImmediate(resolve));
  bad.send("zz\r\n");
  assert.match(await bad.closed(), /^HTTP\/1\.1 400 [^]*chunk size/);
  assert.equal((await send(proxy.port, { host: "reviews" })).body.toString(), "ok");
});

test("ends a connection whose head does not come in time: 408", async (t) => {
  const timeouts = { idleMs: 60_000, headMs: 60, streamIdleMs: 60_000 };
  const { proxy } = await failingCallerOf(t, [], { timeouts });
  const slow = new RawClient(t, proxy.port);
  slow.send("GET / HTTP/1.1\r\n");
  assert.match(await slow.closed(), /^HTTP\/1\.1 408 /);
});
