import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
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

const { constants } = http2;

/** A real HTTP/2 server of Node's as the app, in plaintext. */
async function http2App(
  t: TestContext,
  onStream: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
): Promise<{ port: number; sessions: Set<http2.ServerHttp2Session> }> {
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on("error", () => {});
    onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    for (const session of sessions) session.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sessions };
}

/** `front` calling `reviews`, whose port speaks HTTP/2 and which has no sidecar. */
async function callerOf(t: TestContext, appPort: number) {
  const mesh = new TestMesh();
  mesh.apply(
    service("reviews", { ports: [{ number: 80, protocol: "http2" }] }),
    endpoints("reviews", [{ port: appPort }]),
  );
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder);
  return { proxy, recorder, mesh };
}

const hello = { ":path": "/", ":authority": "reviews" };

type Http2Answer = {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
};

function connect(t: TestContext, port: number): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  t.after(() => session.destroy());
  return session;
}

async function ask(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: Buffer | string,
): Promise<Http2Answer> {
  const stream = session.request(headers, { endStream: body === undefined });
  let trailers: http2.IncomingHttpHeaders = {};
  stream.on("trailers", (given) => {
    trailers = given;
  });
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  if (body !== undefined) stream.end(body);
  const [answered] = (await once(stream, "response")) as [Http2Answer["headers"]];
  if (!stream.readableEnded) await once(stream, "end");
  return {
    status: answered[":status"] ?? 0,
    headers: answered,
    trailers,
    body: Buffer.concat(parts),
  };
}

test("serves an HTTP/2 client whose service speaks HTTP/1.1", async (t) => {
  const upstream = await app(t, (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      response.setHeader("set-cookie", ["a=1", "b=2"]);
      response.setHeader("x-seen", `${request.method} ${request.url} ${request.headers.host}`);
      response.setHeader("x-cookie", request.headers.cookie ?? "none");
      response.end(Buffer.concat(parts));
    });
  });
  const listener = await inbound(
    t,
    await hosted("reviews", { appPort: upstream.port }),
    new MemoryRecorder(),
  );
  const identity = (await authority()).spiffeId({
    namespace: "shop",
    workload: "reviews",
    service: "reviews",
  });
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: listener.port, identity }]));
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder);
  const session = connect(t, proxy.port);
  const got = await ask(session, {
    ":path": "/a?b=c",
    ":authority": "reviews",
    cookie: ["x=1", "y=2"],
  });
  assert.equal(got.status, 200);
  assert.equal(got.headers["x-seen"], "GET /a?b=c reviews");
  assert.equal(got.headers["x-cookie"], "x=1; y=2");
  assert.deepEqual(got.headers["set-cookie"], ["a=1", "b=2"]);
  const posted = await ask(
    session,
    { ":method": "POST", ":path": "/", ":authority": "reviews" },
    "hello",
  );
  assert.equal(posted.body.toString(), "hello");
  const big = Buffer.alloc(3_000_000, 7);
  assert.deepEqual(
    (await ask(session, { ":method": "PUT", ":path": "/", ":authority": "reviews" }, big)).body,
    big,
  );
  const lost = await ask(session, { ":path": "/", ":authority": "nobody.shop.svc" });
  assert.equal(lost.status, 503);
  const record = await recorder.find(({ labels }) => labels.responseCode === 200);
  assert.equal(record.labels.destination.workload, "reviews");
});

test("serves an HTTP/1.1 client whose service speaks HTTP/2, trailers included", async (t) => {
  const upstream = await http2App(t, (stream, headers) => {
    stream.respond(
      {
        ":status": 200,
        "x-seen": `${headers[":method"]} ${headers[":path"]} ${headers[":authority"]}`,
      },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "7" }));
    stream.pipe(stream);
  });
  const { proxy } = await callerOf(t, upstream.port);
  const client = new RawClient(t, proxy.port);
  client.send("POST /a?b HTTP/1.1\r\nHost: reviews\r\nContent-Length: 5\r\n\r\nhello");
  await client.expect(
    /^HTTP\/1\.1 200 [^]*x-seen: POST \/a\?b reviews\r\n[^]*hello\r\n0\r\nx-sum: 7\r\n\r\n$/,
  );
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      send(proxy.port, { host: "reviews", method: "POST", body: `number ${index}` }),
    ),
  );
  assert.deepEqual(
    answers.map(({ body }) => body.toString()),
    answers.map((_, index) => `number ${index}`),
  );
  assert.equal(upstream.sessions.size, 1);
});

test("never passes on a wish for HTTP/2 by upgrade", async (t) => {
  const upstream = await app(t, (request, response) =>
    response.end(JSON.stringify(request.headers)),
  );
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: upstream.port }]));
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  const client = new RawClient(t, proxy.port);
  client.send(
    "GET / HTTP/1.1\r\nHost: reviews\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
  );
  const [all] = await client.expect(/\{"host".*\}/);
  assert.doesNotMatch(all, /h2c|settings|upgrade/i);
});

test("passes 103 Early Hints on, from HTTP/2 to HTTP/2", async (t) => {
  const upstream = await http2App(t, (stream) => {
    stream.additionalHeaders({ ":status": 103, link: "</a.css>" });
    stream.respond({ ":status": 200 });
    stream.end("body");
  });
  const { proxy } = await callerOf(t, upstream.port);
  const stream = connect(t, proxy.port).request(hello);
  const [hints] = (await once(stream, "headers")) as [http2.IncomingHttpHeaders];
  assert.deepEqual([hints[":status"], hints["link"]], [103, "</a.css>"]);
  stream.resume();
  await once(stream, "end");
});

test("outlives an app that closes its connections, without a failed request", async (t) => {
  let count = 0;
  const upstream = await http2App(t, (stream) => {
    stream.respond({ ":status": 200 });
    stream.end("ok");
    if (++count % 5 === 0) for (const session of upstream.sessions) session.close();
  });
  const { proxy } = await callerOf(t, upstream.port);
  const session = connect(t, proxy.port);
  for (let round = 0; round < 40; round++) {
    assert.equal((await ask(session, hello)).status, 200, `request ${round}`);
  }
});

test("sends a request the app has refused once more, since nothing was done with it", async (t) => {
  let count = 0;
  const upstream = await http2App(t, (stream) => {
    if (++count === 1) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else {
      stream.respond({ ":status": 200 });
      stream.end("second");
    }
  });
  const { proxy } = await callerOf(t, upstream.port);
  const got = await ask(connect(t, proxy.port), hello);
  assert.deepEqual([got.status, got.body.toString(), count], [200, "second", 2]);
});

for (const protocol of ["http2", "auto"] as const) {
  test(`the app's own sidecar sends a call again that an app of protocol ${protocol} has refused`, async (t) => {
    const bodies: string[] = [];
    let count = 0;
    const upstream = await http2App(t, (stream) => {
      if (++count % 2 === 1) {
        stream.close(constants.NGHTTP2_REFUSED_STREAM);
        return;
      }
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        bodies.push(Buffer.concat(parts).toString());
        stream.respond({ ":status": 200 }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.end("done");
      });
    });
    const workload = await hosted("reviews");
    const { port } = await inbound(t, workload, new MemoryRecorder(), undefined, {
      app: { port: upstream.port, protocol },
    });
    const session = connect(t, port);
    const call = {
      ...hello,
      ":method": "POST",
      "content-type": "application/grpc",
      te: "trailers",
    };
    for (const body of ["one", "two"]) {
      const got = await ask(session, call, body);
      assert.deepEqual([got.status, got.body.toString()], [200, "done"]);
      assert.equal(got.trailers["grpc-status"], "0");
    }
    assert.deepEqual([bodies, count], [["one", "two"], 4]);
  });
}

test("never makes a whole request of one whose client went away within it", async (t) => {
  const seen = Promise.withResolvers<string>();
  const upstream = await http2App(t, (stream) => {
    let isWhole = false;
    stream.on("end", () => {
      isWhole = stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted;
    });
    stream.on("close", () => seen.resolve(isWhole ? "whole" : `broken off (${stream.rstCode})`));
    stream.resume();
  });
  for (const extra of [{}, { "content-length": "100000" }]) {
    const { proxy, recorder } = await callerOf(t, upstream.port);
    const stream = connect(t, proxy.port).request(
      { ...hello, ":method": "POST", ...extra },
      { waitForTrailers: true }, // or Node would end the request before it cancels it
    );
    stream.on("error", () => {});
    stream.write("half of it");
    await new Promise((resolve) => setTimeout(resolve, 50));
    stream.close(constants.NGHTTP2_CANCEL);
    assert.equal(await seen.promise, "broken off (8)");
    await recorder.find(({ labels }) => labels.responseFlags === "DC");
  }
});

test("tells a stream the app broke off from one it ended", async (t) => {
  const upstream = await http2App(t, (stream) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.write("half");
    setImmediate(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  });
  const { proxy, recorder } = await callerOf(t, upstream.port);
  const stream = connect(t, proxy.port).request(hello);
  stream.resume();
  const [error] = (await once(stream, "error")) as [Error];
  assert.match(error.message, /NGHTTP2_INTERNAL_ERROR/);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.responseCode, labels.responseFlags], [200, "UC"]);
});

test("a stalled reader holds up none of the other streams of its connection", async (t) => {
  const upstream = await app(t, (request, response) => {
    if (request.url === "/big") response.end(Buffer.alloc(60_000_000));
    else response.end("small");
  });
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: upstream.port }]));
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  const session = connect(t, proxy.port);
  await once(session, "connect");
  session.setLocalWindowSize(10_000_000);
  const stalled = session.request({ ...hello, ":path": "/big" });
  stalled.pause();
  await once(stalled, "response");
  const before = process.memoryUsage.rss();
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask(session, hello)));
  assert.ok(answers.every(({ body }) => body.toString() === "small"));
  assert.ok(process.memoryUsage.rss() - before < 45_000_000);
  let received = 0;
  stalled.on("data", (part: Buffer) => {
    received += part.length;
  });
  stalled.resume();
  await once(stalled, "end");
  assert.equal(received, 60_000_000);
});

const head = (changes: Record<string, string>, ...more: string[]): string[] => {
  const pseudo = { ":method": "GET", ":path": "/", ":authority": "reviews", ":scheme": "http" };
  return [...Object.entries({ ...pseudo, ...changes }).flat(), ...more];
};
/** The first half gets an answer, the rest is reset by `node:http2` itself. */
const malformed: Readonly<Record<string, readonly string[]>> = {
  "another Host than :authority": head({}, "host", "payments"),
  "a CONNECT": [":method", "CONNECT", ":authority", "reviews:80"],
  "a path that is none": head({ ":path": "http://payments/" }),
  "a method that is none": head({ ":method": "G T" }),
  "a head of 70 KiB": head(
    {},
    ...Array.from({ length: 7 }, (_, i) => [`x-${i}`, "a".repeat(10_000)]).flat(),
  ),
  "200 fields": head({}, ...Array.from({ length: 200 }, (_, i) => [`x-${i}`, "a"]).flat()),
};
for (const [what, headers] of Object.entries(malformed)) {
  test(`refuses ${what}, and nothing of it reaches the app`, async (t) => {
    let reached = 0;
    const upstream = await app(t, (_request, response) => {
      reached++;
      response.end();
    });
    const mesh = new TestMesh();
    mesh.apply(service("reviews"), endpoints("reviews", [{ port: upstream.port }]));
    const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
    const session = connect(t, proxy.port);
    const stream = session.request([...headers]);
    const got = await new Promise((resolve) => {
      stream.on("response", (given) => resolve(given[":status"]));
      stream.on("error", () => {});
      stream.on("close", () => resolve("reset"));
    });
    assert.ok(got === "reset" || got === 400 || got === 431, String(got));
    assert.equal(reached, 0);
    assert.equal((await ask(connect(t, proxy.port), hello)).status, 200, "others are served");
  });
}

test("closes a connection that opens and cancels streams without end", async (t) => {
  const upstream = await app(t, () => {});
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: upstream.port }]));
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  const session = connect(t, proxy.port);
  const closed = new Promise((resolve) => session.once("close", resolve));
  let count = 0;
  const attack = () => {
    for (let i = 0; i < 100 && !session.destroyed && !session.closed; i++) {
      count++;
      const stream = session.request(hello);
      stream.on("error", () => {});
      stream.close(constants.NGHTTP2_CANCEL);
    }
    if (!session.destroyed && !session.closed) setImmediate(attack);
  };
  attack();
  await closed;
  assert.ok(count < 20_000, `${count} streams`);
});

test("meets any bytes behind the preface without harm to others", async (t) => {
  const upstream = await app(t, (_request, response) => response.end("ok"));
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: upstream.port }]));
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  for (let round = 0; round < 30; round++) {
    const client = new RawClient(t, proxy.port);
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.socket.write(randomBytes(1 + round * 40));
    client.socket.end();
    await client.closed();
  }
  assert.equal((await ask(connect(t, proxy.port), hello)).status, 200);
});

test("a listener that drains says GOAWAY, and finishes the streams under way", async (t) => {
  const arrived = Promise.withResolvers<() => void>();
  const upstream = await app(t, (_request, response) => {
    arrived.resolve(() => response.end("finished"));
  });
  const mesh = new TestMesh();
  mesh.apply(service("reviews"), endpoints("reviews", [{ port: upstream.port }]));
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  const session = connect(t, proxy.port);
  const answer = ask(session, hello);
  const finish = await arrived.promise;
  const goaway = once(session, "goaway");
  const closed = once(session, "close");
  const drained = proxy.drain(5_000);
  await goaway;
  finish();
  assert.equal((await answer).body.toString(), "finished");
  await drained;
  await closed;
});

test("carries HTTP/2 within a CONNECT to a service of the mesh", async (t) => {
  const upstream = await http2App(t, (stream) => {
    stream.respond({ ":status": 200 });
    stream.end("within");
  });
  const { proxy } = await callerOf(t, upstream.port);
  const outer = new RawClient(t, proxy.port);
  outer.send("CONNECT reviews:80 HTTP/1.1\r\nHost: reviews:80\r\n\r\n");
  await outer.expect(/^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
  outer.socket.removeAllListeners("data");
  const session = http2.connect("http://reviews:80", { createConnection: () => outer.socket });
  t.after(() => session.destroy());
  assert.equal((await ask(session, hello)).body.toString(), "within");
});
