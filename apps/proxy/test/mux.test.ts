import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import fc from "fast-check";
import { END, FRAME, INITIAL_CREDIT } from "../src/transport/mux/frames.ts";
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

const DEADLINE_MS = 10_000;
const NAMES = { namespace: "shop", workload: "reviews", service: "reviews" };

/** `front` calling an app through two sidecars, with what lies between them in sight. */
async function pair(t: TestContext, handler: http.RequestListener) {
  const upstream = await app(t, handler);
  const received = new MemoryRecorder();
  const workload = await hosted("reviews", { appPort: upstream.port });
  const listener = await inbound(t, workload, received);
  const wire = await relay(t, listener.port);
  const mesh = new TestMesh();
  const identity = (await authority()).spiffeId(NAMES);
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: wire.port, identity }]));
  const recorder = new MemoryRecorder();
  const front = await hosted("front");
  const proxy = await outbound(t, front, mesh, recorder);
  return { proxy, listener, wire, recorder, received, front, upstream };
}

/** Passes connections on and counts them. */
async function relay(t: TestContext, to: number) {
  const all: net.Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const other = net.connect({ port: to, host: "127.0.0.1", allowHalfOpen: true });
    all.push(socket, other);
    socket.pipe(other).pipe(socket);
    for (const one of [socket, other]) one.on("error", () => {});
    socket.on("close", () => other.destroy());
    other.on("close", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    for (const socket of all) socket.destroy();
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    get connectionCount() {
      return all.length / 2;
    },
    get openCount() {
      return all.filter((socket) => !socket.destroyed).length / 2;
    },
    cut: () => {
      for (const socket of all) socket.destroy();
    },
  };
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("carries a hundred requests at once over one connection, each with its own answer", async (t) => {
  const waiting: (() => void)[] = [];
  const { proxy, wire } = await pair(t, (request, response) => {
    waiting.push(() => response.end(`answer to ${request.url}`));
    // The last to come is the first to be answered.
    if (waiting.length === 100) for (const answer of waiting.reverse()) answer();
  });
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const paths = Array.from({ length: 100 }, (_, index) => `/${index}`);
  const answers = await Promise.all(
    paths.map((path) => send(proxy.port, { host: "reviews", path, agent })),
  );
  assert.deepEqual(
    answers.map(({ body }) => body.toString()),
    paths.map((path) => `answer to ${path}`),
  );
  assert.equal(wire.connectionCount, 1);
});

test("goes on with a hundred others while one reader has stalled, and keeps little for it", async (t) => {
  const endless = Buffer.alloc(65_536, "x");
  let stalledSent = 0;
  const { proxy, wire } = await pair(t, (request, response) => {
    if (request.url !== "/endless") {
      response.end("done");
      return;
    }
    const more = () => {
      while (!response.destroyed) {
        stalledSent += endless.length;
        if (!response.write(endless)) {
          response.once("drain", more);
          return;
        }
      }
    };
    more();
  });
  const stalled = net.connect(proxy.port, "127.0.0.1");
  t.after(() => stalled.destroy());
  stalled.on("error", () => {});
  stalled.write("GET /endless HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await once(stalled, "readable");
  let sentBefore = -1;
  await until("the stalled answer stands still", () => {
    const stands = sentBefore === stalledSent;
    sentBefore = stalledSent;
    return stands && stalledSent > INITIAL_CREDIT;
  });
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => send(proxy.port, { host: "reviews" })),
    );
    assert.ok(answers.every(({ body }) => body.toString() === "done"));
  }
  assert.equal(wire.connectionCount, 1);
  // What is under way lies in kernel buffers (a few MB) and in the proxies (a few hundred KB).
  assert.ok(stalledSent < 16_777_216, `${stalledSent} bytes were taken ahead of the reader`);
});

test("answers while the request still comes, and lets both go on", async (t) => {
  const { proxy } = await pair(t, (request, response) => {
    response.writeHead(200);
    response.flushHeaders();
    request.on("data", (part: Buffer) => response.write(`echo ${part.toString()}`));
    request.on("end", () => response.end("echo end"));
  });
  const client = new RawClient(t, proxy.port);
  client.send("POST / HTTP/1.1\r\nHost: reviews\r\nTransfer-Encoding: chunked\r\n\r\n");
  await client.expect(/^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\n/);
  client.send("3\r\none\r\n");
  await client.expect(/echo one/);
  client.send("3\r\ntwo\r\n");
  await client.expect(/echo two/);
  client.send("0\r\n\r\n");
  await client.expect(/echo end\r\n0\r\n\r\n$/);
});

test("carries trailers both ways", async (t) => {
  const { proxy } = await pair(t, (request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(200, { trailer: "x-sum" });
      response.write("body");
      response.addTrailers({ "x-sum": `sum of ${request.trailers["x-part"]}` });
      response.end();
    });
  });
  const client = new RawClient(t, proxy.port);
  client.send(
    "POST / HTTP/1.1\r\nHost: reviews\r\nConnection: te\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "3\r\none\r\n0\r\nx-part: seven\r\n\r\n",
  );
  await client.expect(/x-sum: sum of seven\r\n\r\n$/i);
});

test("tells the app when the client has gone, and keeps the connection", async (t) => {
  const aborted = Promise.withResolvers<void>();
  const { proxy, wire, received } = await pair(t, (request, response) => {
    if (request.url === "/long") response.on("close", () => aborted.resolve());
    else response.end("still here");
  });
  const client = new RawClient(t, proxy.port);
  client.send("GET /long HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await until("the request has arrived", () => wire.openCount === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  client.socket.destroy();
  await aborted.promise;
  assert.equal((await received.find(() => true)).labels.responseFlags, "DC");
  const answer = await send(proxy.port, { host: "reviews" });
  assert.equal(answer.body.toString(), "still here");
  assert.equal(wire.connectionCount, 1);
});

test("breaks an answer off at the client when the app does", async (t) => {
  const { proxy, recorder } = await pair(t, (_request, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("the first half");
    setImmediate(() => response.socket?.destroy());
  });
  await assert.rejects(send(proxy.port, { host: "reviews" }), /ECONNRESET|aborted/);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.responseCode, labels.responseFlags], [200, "UC"]);
});

test("repeats harmless requests when the connection breaks, and answers 503 to others", async (t) => {
  const held: http.ServerResponse[] = [];
  const { proxy, wire } = await pair(t, (request, response) => {
    if (request.url === "/held" && held.length < 2) held.push(response);
    else response.end("answered");
  });
  await send(proxy.port, { host: "reviews" });
  const get = send(proxy.port, { host: "reviews", path: "/held" });
  const post = send(proxy.port, { host: "reviews", path: "/held", method: "POST", body: "x" });
  await until("both are under way", () => held.length === 2);
  wire.cut();
  assert.equal((await get).body.toString(), "answered");
  const refused = await post;
  assert.equal(refused.status, 503);
  assert.equal(refused.headers["x-heddle-flags"], "UC");
});

test("opens a new connection for a new certificate, and lets the old one finish", async (t) => {
  const release = Promise.withResolvers<void>();
  const { proxy, wire, front } = await pair(t, (request, response) => {
    if (request.url === "/long") void release.promise.then(() => response.end("long"));
    else response.end("short");
  });
  const long = send(proxy.port, { host: "reviews", path: "/long" });
  await until("the long one is under way", () => wire.openCount === 1);
  const by = await authority();
  const names = { namespace: "shop", workload: "front", service: "front" };
  front.identity.install({ ...(await by.issueWorkload(names)), trustBundlePem: by.trustBundlePem });
  assert.equal((await send(proxy.port, { host: "reviews" })).body.toString(), "short");
  assert.equal(wire.connectionCount, 2);
  release.resolve();
  assert.equal((await long).body.toString(), "long");
  await until("the old connection is closed", () => wire.openCount === 1);
});

test("speaks HTTP/1.1 over mTLS with a peer that knows nothing else", async (t) => {
  const by = await authority();
  const { keyPem, chainPem } = await by.issueWorkload(NAMES);
  const requests: string[] = [];
  const server = tls.createServer(
    {
      key: keyPem,
      cert: chainPem,
      ca: by.trustBundlePem,
      requestCert: true,
      ALPNProtocols: ["istio-http/1.1"],
    },
    (socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        requests.push(`${socket.alpnProtocol} ${bytes.toString().split("\r\n")[0]}`);
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nold ");
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port, identity: by.spiffeId(NAMES) }]));
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  for (const path of ["/a", "/b"]) {
    const answer = await send(proxy.port, { host: "reviews", path });
    assert.equal(answer.body.toString(), "old ");
  }
  assert.deepEqual(requests, ["istio-http/1.1 GET /a HTTP/1.1", "istio-http/1.1 GET /b HTTP/1.1"]);
});

// ---- A hostile peer ----

function frame(type: number, stream: number, payload: Buffer | string, isEnd = false): Buffer {
  const body = Buffer.from(payload as string);
  const header = Buffer.alloc(8);
  header.writeUIntBE(body.length, 0, 3);
  header[3] = isEnd ? type | END : type;
  header.writeUInt32BE(stream, 4);
  return Buffer.concat([header, body]);
}

const GET = "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: reviews\r\nTransfer-Encoding: chunked\r\n\r\n";
const byte = (value: number) => Buffer.from([value]);
const repeat = (length: number, make: (index: number) => Buffer) =>
  Array.from({ length }, (_, index) => make(index));
const word = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** A peer with a good certificate that writes what it likes. */
async function rogue(t: TestContext, port: number) {
  const by = await authority();
  const names = { namespace: "shop", workload: "rogue", service: "rogue" };
  const { keyPem, chainPem } = await by.issueWorkload(names);
  const socket = tls.connect({
    port,
    host: "127.0.0.1",
    key: keyPem,
    cert: chainPem,
    ca: by.trustBundlePem,
    ALPNProtocols: ["heddle-mux/1"],
    checkServerIdentity: () => undefined,
  });
  t.after(() => socket.destroy());
  let received = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    received = Buffer.concat([received, bytes as Buffer]);
  });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return {
    socket,
    get received() {
      return received;
    },
  };
}

const violations: Readonly<Record<string, readonly Buffer[]>> = {
  "an unknown type of frame": [frame(9, 1, "x")],
  "data on a stream that was never opened": [frame(FRAME.data, 7, "x")],
  "a window for a stream that was never opened": [frame(FRAME.window, 7, word(1))],
  "a stream opened twice": [frame(FRAME.head, 1, POST), frame(FRAME.head, 1, POST)],
  "streams out of order": [frame(FRAME.head, 3, POST), frame(FRAME.head, 2, POST)],
  "a head that ends before its frame": [frame(FRAME.head, 1, `${GET}more`, true)],
  "a head that does not end in its frame": [frame(FRAME.head, 1, "GET / HTTP/1.1\r\n", true)],
  "data behind the end of a request": [
    frame(FRAME.head, 1, "GET /held HTTP/1.1\r\nHost: reviews\r\n\r\n", true),
    frame(FRAME.data, 1, "x"),
  ],
  "a window that grows by nothing": [
    frame(FRAME.head, 1, POST.replace("/", "/held")),
    frame(FRAME.window, 1, word(0)),
  ],
  "a window that grows beyond all bounds": [
    frame(FRAME.head, 1, POST.replace("/", "/held")),
    frame(FRAME.window, 1, word(0x7fff_ffff)),
  ],
  "a chunk among the trailers": [
    frame(FRAME.head, 1, POST.replace("/", "/held")),
    frame(FRAME.trailers, 1, "1\r\nx\r\n0\r\n\r\n", true),
  ],
};
/** Here the peer is still writing when the connection goes, so that it may not see the GOAWAY. */
const floods: Readonly<Record<string, readonly Buffer[]>> = {
  "more data than the stream has credit for": [
    frame(FRAME.head, 1, POST.replace("/", "/unread")),
    ...Array.from({ length: 400 }, () => frame(FRAME.data, 1, Buffer.alloc(65_536))),
  ],
  "a flood of pings": repeat(12_000, () => frame(FRAME.ping, 0, Buffer.alloc(8))),
  "a flood of resets": repeat(12_000, (index) =>
    Buffer.concat([
      frame(FRAME.head, index + 1, GET, true),
      frame(FRAME.reset, index + 1, byte(0)),
    ]),
  ),
  "a flood of empty frames": [
    frame(FRAME.head, 1, POST.replace("/", "/held")),
    ...repeat(12_000, () => frame(FRAME.data, 1, "")),
  ],
};

for (const [what, frames] of Object.entries({ ...violations, ...floods })) {
  test(`closes the connection for ${what}, and serves the others`, async (t) => {
    const { proxy, listener } = await pair(t, (request, response) => {
      if (request.url !== "/unread") request.resume();
      if (request.url === "/") response.end("well");
    });
    await send(proxy.port, { host: "reviews" });
    const peer = await rogue(t, listener.port);
    peer.socket.write(Buffer.concat(frames));
    await until("the connection is closed", () => peer.socket.destroyed);
    if (what in violations) {
      assert.deepEqual(peer.received.subarray(-9), frame(FRAME.goaway, 0, byte(1)));
    }
    const answer = await send(proxy.port, { host: "reviews" });
    assert.equal(answer.body.toString(), "well");
  });
}

test("answers a request that is not valid HTTP on its own stream, and goes on", async (t) => {
  const { listener } = await pair(t, (_request, response) => response.end("well"));
  const peer = await rogue(t, listener.port);
  const bad = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
  peer.socket.write(frame(FRAME.head, 1, bad, true));
  await until("400", () => peer.received.includes("HTTP/1.1 400 "));
  peer.socket.write(frame(FRAME.head, 2, GET, true));
  await until("200", () => peer.received.includes("HTTP/1.1 200 OK"));
});

test("refuses a head above its limits on its own stream, whatever the sender may send", async (t) => {
  const { listener } = await pair(t, (_request, response) => response.end("well"));
  const peer = await rogue(t, listener.port);
  const large = `GET / HTTP/1.1\r\nHost: a\r\n${`X: ${"a".repeat(10_000)}\r\n`.repeat(50)}\r\n`;
  peer.socket.write(frame(FRAME.head, 1, large, true));
  await until("431", () => peer.received.includes("HTTP/1.1 431 "));
  const trailers = `0\r\n${`x: ${"a".repeat(10_000)}\r\n`.repeat(50)}\r\n`;
  peer.socket.write(
    Buffer.concat([frame(FRAME.head, 2, POST), frame(FRAME.trailers, 2, trailers, true)]),
  );
  await until("a reset", () => peer.received.includes(frame(FRAME.reset, 2, byte(2))));
  peer.socket.write(
    Buffer.concat([
      frame(FRAME.head, 3, POST),
      frame(FRAME.trailers, 3, "0\r\nbad trailer\r\n\r\n", true),
    ]),
  );
  await until("a reset", () => peer.received.includes(frame(FRAME.reset, 3, byte(2))));
  peer.socket.write(frame(FRAME.head, 4, GET, true));
  await until("200", () => peer.received.includes("HTTP/1.1 200 OK"));
});

test("takes a body only as long as its head says", async (t) => {
  const bodies: string[] = [];
  const { listener } = await pair(t, (request, response) => {
    request.on("data", (part: Buffer) => bodies.push(part.toString()));
    request.on("end", () => response.end("well"));
  });
  const peer = await rogue(t, listener.port);
  const head = "POST / HTTP/1.1\r\nHost: reviews\r\nContent-Length: 4\r\n\r\n";
  peer.socket.write(
    Buffer.concat([frame(FRAME.head, 1, head), frame(FRAME.data, 1, "GET / HTTP/1.1", true)]),
  );
  await until("a reset", () => peer.received.includes(frame(FRAME.reset, 1, byte(2))));
  peer.socket.write(Buffer.concat([frame(FRAME.head, 2, head), frame(FRAME.data, 2, "abc", true)]));
  await until("a reset", () => peer.received.includes(frame(FRAME.reset, 2, byte(2))));
  peer.socket.write(
    Buffer.concat([frame(FRAME.head, 3, head), frame(FRAME.data, 3, "good", true)]),
  );
  await until("200", () => peer.received.includes("HTTP/1.1 200 OK"));
  assert.ok(!bodies.join("").includes("GET"), "a second request was smuggled in");
});

const anyFrame = fc.oneof(
  fc
    .record({ type: fc.integer({ min: 0, max: 6 }), id: fc.integer({ min: 0, max: 6 }) })
    .chain(({ type, id }) =>
      fc
        .tuple(fc.boolean(), fc.oneof(fc.constant(GET), fc.constant(POST), fc.string()))
        .map(([isEnd, payload]) => frame(type, id, payload, isEnd)),
    ),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
);

test("survives whatever a peer writes", async (t) => {
  const { proxy, listener } = await pair(t, (request, response) => {
    request.resume();
    response.end("well");
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 12 }), async (frames) => {
      const peer = await rogue(t, listener.port);
      const closed = once(peer.socket, "close");
      for (const each of frames) peer.socket.write(each);
      peer.socket.end();
      await closed;
      assert.equal((await send(proxy.port, { host: "reviews" })).status, 200);
    }),
    { numRuns: Number(process.env["HEDDLE_FUZZ_RUNS"] ?? 60) },
  );
});
