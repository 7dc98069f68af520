import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
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
  rawApp,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";

const MIB = 1_048_576;
const big = randomBytes(20 * MIB);
const md5 = (bytes: Buffer) => createHash("md5").update(bytes).digest("hex");
const bigMd5 = md5(big);

type Way = "plaintext" | "mTLS";

/** `front` calling the app at `appPort`: straight, or through two sidecars. */
async function wayTo(t: TestContext, appPort: number, way: Way) {
  const mesh = new TestMesh();
  const recorder = new MemoryRecorder();
  const received = new MemoryRecorder();
  let endpoint: { port: number; identity?: string } = { port: appPort };
  if (way === "mTLS") {
    const listener = await inbound(t, await hosted("reviews", { appPort }), received);
    const names = { namespace: "shop", workload: "reviews", service: "reviews" };
    endpoint = { port: listener.port, identity: (await authority()).spiffeId(names) };
  }
  mesh.apply(service("reviews"), endpoints("reviews", [endpoint]));
  const proxy = await outbound(t, await hosted("front"), mesh, recorder);
  return { proxy, recorder, received };
}

for (const way of ["plaintext", "mTLS"] as const) {
  for (const framing of ["content-length", "chunked"] as const) {
    test(`carries 20 MB each way over ${way} with ${framing}, unchanged`, async (t) => {
      const upstream = await app(t, (request, response) => {
        const hash = createHash("md5");
        request.on("data", (part: Buffer) => hash.update(part));
        request.on("end", () => {
          response.setHeader("x-md5", hash.digest("hex"));
          if (framing === "content-length") response.setHeader("content-length", big.length);
          response.write(big.subarray(0, 100));
          response.end(big.subarray(100));
        });
      });
      const { proxy, recorder } = await wayTo(t, upstream.port, way);
      const headers = framing === "chunked" ? { "transfer-encoding": "chunked" } : {};
      const answer = await send(proxy.port, {
        host: "reviews",
        method: "POST",
        headers,
        body: big,
      });
      assert.equal(answer.headers["x-md5"], bigMd5);
      assert.equal(md5(answer.body), bigMd5);
      const record = await recorder.find(() => true);
      assert.deepEqual([record.requestBytes, record.responseBytes], [big.length, big.length]);
    });
  }

  test(`keeps memory bounded over ${way} while a reader is slow, and loses nothing`, async (t) => {
    let sent = 0;
    const upstream = await app(t, (_request, response) => {
      response.setHeader("content-length", big.length);
      const more = () => {
        while (sent < big.length) {
          const part = big.subarray(sent, sent + 65_536);
          sent += part.length;
          if (!response.write(part)) {
            response.once("drain", more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    const { proxy } = await wayTo(t, upstream.port, way);
    const request = http.get({
      port: proxy.port,
      hostname: "127.0.0.1",
      headers: { host: "reviews" },
    });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    const hash = createHash("md5");
    let received = 0;
    for await (const part of response as AsyncIterable<Buffer>) {
      hash.update(part);
      received += part.length;
      // What is under way lies in kernel buffers (a few MB) and in the proxies (a few hundred KB).
      assert.ok(
        sent - received < 16 * MIB,
        `${sent - received} bytes were taken ahead of the reader`,
      );
      if (received < 4 * MIB) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(hash.digest("hex"), bigMd5);
  });
}

test("holds an upload back while the upstream does not read", async (t) => {
  const upstream = await rawApp(t, (socket) => socket.pause());
  const { proxy } = await wayTo(t, upstream.port, "plaintext");
  const before = process.memoryUsage().arrayBuffers;
  const client = net.connect(proxy.port, "127.0.0.1");
  t.after(() => client.destroy());
  client.on("error", () => {});
  client.write(`POST / HTTP/1.1\r\nHost: reviews\r\nContent-Length: ${200 * MIB}\r\n\r\n`);
  let pushed = 0;
  const part = Buffer.alloc(MIB);
  while (pushed < 100 * MIB) {
    pushed += part.length;
    if (client.write(part)) continue;
    const drained = await Promise.race([
      once(client, "drain").then(() => true),
      new Promise((resolve) => setTimeout(() => resolve(false), 300)),
    ]);
    if (drained === false) break;
  }
  assert.ok(pushed < 32 * MIB, `${pushed} bytes were taken though nobody read them`);
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 8 * MIB, `buffers grew by ${grown} bytes`);
});

test("answers pipelined requests in order, each by its own upstream exchange", async (t) => {
  const seen: string[] = [];
  const upstream = await app(t, (request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => {
      body += part.toString();
    });
    request.on("end", () => {
      seen.push(`${request.url}${body}`);
      setImmediate(() => response.end(`<${request.url}${body}>`));
    });
  });
  const { proxy } = await wayTo(t, upstream.port, "mTLS");
  const client = new RawClient(t, proxy.port);
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: reviews\r\n\r\n`;
  const chunked =
    "POST /2 HTTP/1.1\r\nHost: reviews\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n-b\r\n0\r\n\r\n";
  client.send(get("/1") + chunked + get("/3") + get("/4"));
  await client.expect(/<\/1>[\s\S]*<\/2-b>[\s\S]*<\/3>[\s\S]*<\/4>/);
  assert.deepEqual(seen, ["/1", "/2-b", "/3", "/4"]);
});

test("answers a valid pipelined request before it refuses the broken one behind it", async (t) => {
  const upstream = await app(t, (request, response) => response.end(`<${request.url}>`));
  const { proxy } = await wayTo(t, upstream.port, "plaintext");
  const client = new RawClient(t, proxy.port);
  client.send("GET /1 HTTP/1.1\r\nHost: reviews\r\n\r\nBROKEN\r\n\r\n");
  assert.match(await client.closed(), /<\/1>HTTP\/1\.1 400 Bad Request\r\n/);
});

test("tunnels an upgraded connection both ways, and counts it when it ends", async (t) => {
  const upstream = await app(t, () => {});
  upstream.server.on("upgrade", (request, socket, head) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${request.headers.upgrade}\r\nConnection: Upgrade\r\n\r\nhello `,
    );
    socket.write(head);
    socket.pipe(socket);
  });
  const { proxy, recorder, received } = await wayTo(t, upstream.port, "mTLS");
  const client = new RawClient(t, proxy.port);
  client.send(
    "GET /ws HTTP/1.1\r\nHost: reviews\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst,",
  );
  await client.expect(/^HTTP\/1\.1 101 [\s\S]*upgrade: websocket[\s\S]*\r\n\r\nhello first,$/i);
  client.send("second");
  await client.expect(/first,second$/);
  client.socket.end();
  await client.closed();
  for (const each of [recorder, received]) {
    const { labels } = await each.find(() => true);
    assert.equal(labels.responseCode, 101);
  }
});

test("goes on with HTTP when the upstream does not want to upgrade", async (t) => {
  const upstream = await app(t, (request, response) => response.end(`no ${request.url}`));
  const { proxy } = await wayTo(t, upstream.port, "plaintext");
  const client = new RawClient(t, proxy.port);
  client.send(
    "GET /1 HTTP/1.1\r\nHost: reviews\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: reviews\r\n\r\n",
  );
  await client.expect(/no \/1[\s\S]*no \/2/);
});

test("passes 100 Continue on before the body is sent", async (t) => {
  const upstream = await app(t, () => {});
  upstream.server.on("checkContinue", (request, response) => {
    response.writeContinue();
    request.on("data", (part: Buffer) => response.write(part));
    request.on("end", () => response.end());
  });
  const { proxy } = await wayTo(t, upstream.port, "mTLS");
  const client = new RawClient(t, proxy.port);
  client.send(
    "POST / HTTP/1.1\r\nHost: reviews\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
  );
  await client.expect(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  client.send("body");
  await client.expect(/HTTP\/1\.1 200 OK[\s\S]*body/);
});

test("closes after an early final answer to a body that was announced but not sent", async (t) => {
  const upstream = await app(t, () => {});
  upstream.server.on("checkContinue", (_request, response) => response.writeHead(417).end("no"));
  const { proxy } = await wayTo(t, upstream.port, "plaintext");
  const client = new RawClient(t, proxy.port);
  client.send(
    "POST / HTTP/1.1\r\nHost: reviews\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
  );
  assert.match(await client.closed(), /^HTTP\/1\.1 417 [\s\S]*no/);
});

test("an answer that comes before its request is whole says that the connection ends with it", async (t) => {
  const upstream = await rawApp(t, (socket) => {
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly"));
  });
  const { proxy } = await wayTo(t, upstream.port, "plaintext");
  const client = new RawClient(t, proxy.port);
  client.send("POST / HTTP/1.1\r\nHost: reviews\r\nContent-Length: 10\r\n\r\nhalf");
  await client.expect(/^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n\r\nearly$/);
});

test("serves an HTTP/1.0 client: no chunks, and closed unless it asks for keep-alive", async (t) => {
  const upstream = await app(t, (_request, response) => {
    response.write("one ");
    response.end("two");
  });
  const { proxy } = await wayTo(t, upstream.port, "plaintext");
  const client = new RawClient(t, proxy.port);
  client.send("GET / HTTP/1.0\r\nHost: reviews\r\n\r\n");
  const all = await client.closed();
  assert.match(all, /\r\n\r\none two$/);
  assert.doesNotMatch(all, /transfer-encoding/i);
});

test("reads a response that ends with its connection, and frames it anew", async (t) => {
  const upstream = await rawApp(t, (socket) => {
    socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nuntil the end"));
  });
  const { proxy } = await wayTo(t, upstream.port, "mTLS");
  const answer = await send(proxy.port, { host: "reviews" });
  assert.equal(answer.body.toString(), "until the end");
  assert.equal(answer.headers["transfer-encoding"], "chunked");
});

test("passes trailers on, without those that only a head may carry", async (t) => {
  const upstream = await rawApp(t, (socket) => {
    socket.once("data", () =>
      socket.write(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 7\r\nX-Heddle-Origin: forged\r\n\r\n",
      ),
    );
  });
  const { proxy } = await wayTo(t, upstream.port, "plaintext");
  const client = new RawClient(t, proxy.port);
  client.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await client.expect(/\r\n2\r\nab\r\n0\r\nX-Sum: 7\r\n\r\n$/);
});

test("tells the app that its caller reads trailers, and nothing else of TE", async (t) => {
  const upstream = await app(t, (request, response) => {
    const { te, connection } = request.headers;
    response.end(`te=${String(te)} connection=${String(connection)}`);
  });
  const { proxy } = await wayTo(t, upstream.port, "mTLS");
  const client = new RawClient(t, proxy.port);
  client.send(
    "GET / HTTP/1.1\r\nHost: reviews\r\nTE: gzip, trailers\r\nConnection: TE, X-Hop\r\nX-Hop: 1\r\n\r\n",
  );
  await client.expect(/te=trailers connection=te/);
});

test("keeps trailers as they were sent while their request waits for a connection", async (t) => {
  const upstream = await app(t, (request, response) => {
    request.on("end", () => response.end(`trailers: ${JSON.stringify(request.trailers)}`));
    request.resume();
  });
  const { proxy } = await wayTo(t, upstream.port, "mTLS");
  const first = new RawClient(t, proxy.port);
  const others = Array.from({ length: 8 }, () => new RawClient(t, proxy.port));
  first.send(
    "POST / HTTP/1.1\r\nHost: reviews\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-sum: right\r\n\r\n",
  );
  for (const other of others) {
    other.send(`GET /${"z".repeat(900)} HTTP/1.1\r\nHost: reviews\r\n\r\n`);
  }
  await first.expect(/trailers: \{"x-sum":"right"\}/);
});

test("answers HEAD without a body and keeps the connection in step", async (t) => {
  const upstream = await app(t, (_request, response) => response.end("twelve bytes"));
  const { proxy } = await wayTo(t, upstream.port, "mTLS");
  const client = new RawClient(t, proxy.port);
  client.send("HEAD / HTTP/1.1\r\nHost: reviews\r\n\r\nGET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await client.expect(/^HTTP\/1\.1 200 OK[^]*?\r\n\r\nHTTP\/1\.1 200 OK[^]*\r\n\r\ntwelve bytes$/);
});

test("aborts the upstream when the client goes away, and counts it with code 0", async (t) => {
  const closed = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const upstream = await app(t, (request) => {
    arrived.resolve();
    request.socket.once("close", () => closed.resolve());
  });
  const { proxy, recorder, received } = await wayTo(t, upstream.port, "mTLS");
  const client = new RawClient(t, proxy.port);
  client.send("GET / HTTP/1.1\r\nHost: reviews\r\n\r\n");
  await arrived.promise;
  client.socket.destroy();
  await closed.promise;
  for (const each of [recorder, received]) {
    const { labels } = await each.find(() => true);
    assert.deepEqual([labels.responseCode, labels.responseFlags, labels.failedBy], [0, "DC", ""]);
  }
});
