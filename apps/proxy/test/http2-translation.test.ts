import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import {
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  RawClient,
  rawApp,
  service,
  TestMesh,
} from "./data-path-kit.ts";
import { route } from "./outbound-kit.ts";

type Protocol = "http" | "http2";

/** The port of `front`'s sidecar, with that of `reviews` behind it or none. */
async function wayTo(
  t: TestContext,
  appPort: number,
  protocol: Protocol,
  isPair: boolean,
  rule: Parameters<typeof route>[0] = {},
) {
  const mesh = new TestMesh();
  let endpoint: { port: number; identity?: string } = { port: appPort };
  if (isPair) {
    const reviews = await hosted("reviews", { appPort });
    const app = { port: appPort, protocol };
    const listener = await inbound(t, reviews, new MemoryRecorder(), undefined, { app });
    const names = { namespace: "shop", workload: "reviews", service: "reviews" };
    endpoint = { port: listener.port, identity: (await authority()).spiffeId(names) };
  }
  mesh.apply(
    service("reviews", { ports: [{ number: 80, protocol }], routes: [route(rule)] }),
    endpoints("reviews", [endpoint]),
  );
  return (await outbound(t, await hosted("front"), mesh, new MemoryRecorder())).port;
}

async function http2App(
  t: TestContext,
  onStream: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
) {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", onStream);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    for (const session of sessions) session.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** Answers each request, which has no body, with these bytes. */
function answers(answer: string): (socket: Socket) => void {
  return (socket) => {
    let head = "";
    socket.on("data", (bytes: Buffer) => {
      head += bytes.toString("latin1");
      if (!head.endsWith("\r\n\r\n")) return;
      head = "";
      socket.write(answer, "latin1");
    });
  };
}

function connect(t: TestContext, port: number): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  t.after(() => session.destroy());
  return session;
}

async function ask(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders = {}) {
  const stream = session.request({ ":path": "/", ":authority": "reviews", ...headers });
  let status = 0;
  let trailers: http2.IncomingHttpHeaders = {};
  let body = "";
  stream.on("error", () => {});
  stream.on("response", (head) => {
    status = head[":status"] ?? 0;
  });
  stream.on("trailers", (given) => {
    trailers = given;
  });
  stream.on("data", (bytes: Buffer) => {
    body += bytes.toString();
  });
  await once(stream, "close");
  return { status, body, trailers };
}

const ODD_ANSWERS: Readonly<Record<string, string>> = {
  "a field twice that HTTP/2's library wants once":
    "HTTP/1.1 200 OK\r\ncontent-type: a\r\ncontent-type: b\r\netag: a\r\netag: b\r\ncontent-length: 2\r\n\r\nok",
  "a status above 599": "HTTP/1.1 999 Denied\r\ncontent-length: 2\r\n\r\nok",
  "103 with fields named like an object's own":
    "HTTP/1.1 103 Early\r\nconstructor: x\r\n__proto__: y\r\netag: a\r\netag: b\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
  "trailers named like an object's own":
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nconstructor: x\r\n__proto__: y\r\n\r\n",
  "a trailer twice":
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\netag: x\r\netag: y\r\n\r\n",
};

for (const [what, answer] of Object.entries(ODD_ANSWERS)) {
  for (const isPair of [false, true]) {
    const way = isPair ? "two sidecars" : "one sidecar";
    test(`an HTTP/2 client gets an HTTP/1.1 app's answer with ${what} over ${way}`, async (t) => {
      const app = await rawApp(t, answers(answer));
      const session = connect(t, await wayTo(t, app.port, "http", isPair));
      const expected = answer.includes(" 999 ") ? 502 : 200;
      for (let round = 0; round < 2; round++) {
        const { status, body } = await ask(session);
        assert.deepEqual([status, body], [expected, "ok"]);
      }
    });
  }
}

test("an HTTP/2 app gets an HTTP/1.1 client's repeated fields and trailers named like an object's own", async (t) => {
  const appPort = await http2App(t, (stream) => {
    stream.resume();
    stream.on("end", () => {
      stream.respond({ ":status": 200 });
      stream.end("ok");
    });
  });
  const client = new RawClient(t, await wayTo(t, appPort, "http2", false));
  const text =
    "POST / HTTP/1.1\r\nHost: reviews\r\nAuthorization: a\r\nAuthorization: b\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "2\r\nok\r\n0\r\nconstructor: x\r\n__proto__: y\r\netag: a\r\netag: b\r\n\r\n";
  client.send(text);
  await client.expect(/^HTTP\/1\.1 200 [^]*ok\r\n0\r\n\r\n$/);
});

for (const isPair of [false, true]) {
  const way = isPair ? "two sidecars" : "one sidecar";
  test(`HTTP/1.1 clients get the heads of an HTTP/2 app's answers before their bodies, each its own, over ${way}`, async (t) => {
    const streams: http2.ServerHttp2Stream[] = [];
    const appPort = await http2App(t, (stream, headers) => {
      streams.push(stream);
      stream.respond({ ":status": 200, "x-path": headers[":path"] });
    });
    const port = await wayTo(t, appPort, "http2", isPair);
    const paths = ["/a", "/b", "/c"];
    const clients = paths.map(() => new RawClient(t, port));
    for (const [index, client] of clients.entries()) {
      client.send(`GET ${paths[index]} HTTP/1.1\r\nHost: reviews\r\n\r\n`);
    }
    await Promise.all(
      clients.map((client, index) =>
        client.expect(new RegExp(`^HTTP/1.1 200 [^]*x-path: ${paths[index]}\r\n[^]*\r\n\r\n$`)),
      ),
    );
    for (const stream of streams) stream.end("ok");
    for (const client of clients) {
      await client.expect(/2\r\nok\r\n0\r\n\r\n$/);
      assert.equal(client.received.match(/HTTP\/1\.1/g)?.length, 1);
    }
  });
}

test("an answer whose HTTP/2 connection the app closes within it is never passed on as whole", async (t) => {
  const begun: http2.ServerHttp2Stream[] = [];
  const appPort = await http2App(t, (stream) => {
    begun.push(stream);
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
    stream.write("half");
  });
  const port = await wayTo(t, appPort, "http2", false);
  const client = new RawClient(t, port);
  client.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  const stream = connect(t, port).request({ ":path": "/", ":authority": "reviews" });
  stream.on("error", () => {});
  await Promise.all([client.expect(/half/), once(stream, "data")]);
  const [first] = begun;
  assert.equal(begun.length, 2);
  stream.resume();
  first?.session?.destroy();
  await new Promise<void>((resolve) => stream.once("close", () => resolve()));
  assert.notEqual(stream.rstCode, http2.constants.NGHTTP2_NO_ERROR);
  assert.doesNotMatch(await client.closed(), /\r\n0\r\n\r\n$/);
});

test("the proxy outlives apps that answer by HTTP/2 while the request's body still comes", async (t) => {
  const appPort = await http2App(t, (stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
    stream.end("early");
    stream.close(http2.constants.NGHTTP2_NO_ERROR);
  });
  const port = await wayTo(t, appPort, "http2", false);
  const half = Buffer.alloc(100_000, "x");
  const upload = async () => {
    const request = http.request({
      ...{ port, method: "POST", agent: false as const, headers: { host: "reviews" } },
    });
    request.on("error", () => {});
    const answer = once(request, "response");
    request.write(half);
    setImmediate(() => request.end(half));
    const [response] = (await answer) as [http.IncomingMessage];
    response.on("error", () => {}).resume();
    await once(response, "close");
    return response.statusCode;
  };
  for (let round = 0; round < 20; round++) {
    const statuses = await Promise.all(Array.from({ length: 20 }, upload));
    assert.ok(statuses.every((status) => status === 200 || status === 503));
  }
});

for (const isPair of [false, true]) {
  const way = isPair ? "two sidecars" : "one sidecar";
  test(`a slow reader gets the rest of an answer that was whole in time over ${way}`, async (t) => {
    const app = await rawApp(t, (socket) => {
      const head = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
      socket.once("data", () =>
        socket.write(Buffer.concat([Buffer.from(head), Buffer.alloc(100_000)])),
      );
    });
    const session = connect(t, await wayTo(t, app.port, "http", isPair, { timeoutMs: 200 }));
    const stream = session.request({ ":path": "/", ":authority": "reviews" });
    stream.on("error", () => {});
    await once(stream, "response");
    const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
    // The route's timeout passes while the client reads nothing.
    await setTimeout(500);
    let length = 0;
    stream.on("data", (bytes: Buffer) => {
      length += bytes.length;
    });
    await closed;
    assert.deepEqual([stream.rstCode, length], [0, 100_000]);
  });
}

test("each answer over the leg between sidecars keeps its own trailers", async (t) => {
  const server = http.createServer((request, response) => {
    response.writeHead(200, { trailer: "x-n" });
    response.write("body");
    response.addTrailers({ "x-n": String(request.headers["x-n"]) });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const session = connect(t, await wayTo(t, port, "http", true));
  for (let round = 0; round < 5; round++) {
    const names = Array.from({ length: 50 }, (_, index) => `${round}-${index}`);
    const got = await Promise.all(names.map((name) => ask(session, { "x-n": name })));
    assert.deepEqual(
      got.map(({ trailers }) => trailers["x-n"]),
      names,
    );
  }
});

for (const protocol of ["http", "http2"] as const) {
  test(`requests that wait for the app's connection keep their own trailers (${protocol})`, async (t) => {
    const seen: [body: string, trailer: unknown][] = [];
    const appPort =
      protocol === "http2"
        ? await http2App(t, (stream) => {
            let body = "";
            let trailer: unknown;
            stream.on("trailers", (trailers) => {
              trailer = trailers["x-n"];
            });
            stream.on("data", (bytes: Buffer) => {
              body += bytes.toString();
            });
            stream.on("end", () => {
              seen.push([body, trailer]);
              stream.respond({ ":status": 200 });
              stream.end("ok");
            });
          })
        : await http1App(t, (body, trailers) => seen.push([body, trailers["x-n"]]));
    const port = await wayTo(t, appPort, protocol, true);
    const clients = Array.from({ length: 20 }, () => new RawClient(t, port));
    await Promise.all(clients.map(({ socket }) => once(socket, "connect")));
    for (const [index, client] of clients.entries()) {
      const name = `n${String(index).padStart(2, "0")}`;
      client.send(
        `POST / HTTP/1.1\r\nHost: reviews\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n${name}\r\n0\r\nx-n: ${name}\r\n\r\n`,
      );
    }
    await Promise.all(clients.map((client) => client.expect(/ok/)));
    assert.equal(seen.length, clients.length);
    for (const [body, trailer] of seen) assert.equal(trailer, body);
  });
}

async function http1App(
  t: TestContext,
  onRequest: (body: string, trailers: NodeJS.Dict<string>) => void,
): Promise<number> {
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (bytes: Buffer) => {
      body += bytes.toString();
    });
    request.on("end", () => {
      onRequest(body, request.trailers);
      response.end("ok");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}
