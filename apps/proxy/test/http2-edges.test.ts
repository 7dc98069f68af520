import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import { Metadata } from "@grpc/grpc-js";
import { ProtocolMemory } from "../src/core/protocol-memory.ts";
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
import { Echo, grpcApp, grpcClient } from "./grpc-kit.ts";

async function bodyOf(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders) {
  const stream = session.request(headers);
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  await once(stream, "end");
  return Buffer.concat(parts).toString();
}

test("takes HTTP/2 from another mesh's proxy by ALPN istio-h2, with its identity", async (t) => {
  const upstream = await app(t, (request, response) => {
    response.end(String(request.headers["x-forwarded-client-cert"]));
  });
  const recorder = new MemoryRecorder();
  const { port } = await inbound(t, await hosted("reviews", { appPort: upstream.port }), recorder);
  const by = await authority();
  const { keyPem, chainPem } = await by.issueWorkload({
    namespace: "shop",
    workload: "envoy",
    service: "envoy",
  });
  const socket = tls.connect({
    port,
    host: "127.0.0.1",
    key: keyPem,
    cert: chainPem,
    ca: by.trustBundlePem,
    ALPNProtocols: ["istio-h2"],
    checkServerIdentity: () => undefined,
  });
  await once(socket, "secureConnect");
  assert.equal(socket.alpnProtocol, "istio-h2");
  const session = http2.connect("https://reviews", { createConnection: () => socket });
  t.after(() => session.destroy());
  const bodies = await Promise.all(
    Array.from({ length: 10 }, () => bodyOf(session, { ":path": "/", ":authority": "reviews" })),
  );
  for (const body of bodies)
    assert.match(body, /URI=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/envoy/);
  const { labels } = await recorder.find(() => true);
  assert.deepEqual([labels.security, labels.source.workload], ["mutual_tls", "envoy"]);
});

/** A TLS server that speaks HTTP/2 alone, and the file with the authority that signed it. */
async function secureHttp2(t: TestContext) {
  const by = await authority();
  const { keyPem, chainPem } = await by.issueServer(["api.example.com"]);
  const server = http2.createSecureServer({ key: keyPem, cert: chainPem, allowHTTP1: false });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream: http2.ServerHttp2Stream) => {
    stream.respond({ ":status": 200 });
    stream.end("by HTTP/2 and TLS");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = mkdtempSync(join(tmpdir(), "heddle-h2-"));
  t.after(() => {
    server.close();
    for (const session of sessions) session.destroy();
    rmSync(folder, { recursive: true, force: true });
  });
  const caFile = join(folder, "ca.pem");
  writeFileSync(caFile, by.trustBundlePem);
  return { port: (server.address() as AddressInfo).port, caFile };
}

function external(mesh: TestMesh, port: number, rest: Parameters<typeof service>[1]): void {
  mesh.hosts.set("api.example.com", { namespace: "shop", name: "api.example.com" });
  mesh.apply(
    service("api.example.com", { isExternal: true, host: "api.example.com", ...rest }),
    endpoints("api.example.com", [{ port }]),
  );
}

test("begins TLS for an external service that speaks HTTP/2, by ALPN h2", async (t) => {
  const { port, caFile } = await secureHttp2(t);
  const mesh = new TestMesh();
  external(mesh, port, {
    ports: [{ number: 80, protocol: "http2" }],
    trafficPolicy: { tls: { mode: "SIMPLE", caCertificatesFile: caFile } },
  });
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  const answer = await send(proxy.port, { host: "api.example.com" });
  assert.deepEqual([answer.status, answer.body.toString()], [200, "by HTTP/2 and TLS"]);
});

test("h2UpgradePolicy UPGRADE speaks HTTP/2 to a port that says HTTP/1", async (t) => {
  const server = http2.createServer((_request, response) => response.end("two"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const mesh = new TestMesh();
  mesh.apply(
    service("reviews", {
      ports: [{ number: 80, protocol: "http" }],
      trafficPolicy: { connectionPool: { upgradesToHttp2: true } },
    }),
    endpoints("reviews", [{ port }]),
  );
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  assert.equal((await send(proxy.port, { host: "reviews" })).body.toString(), "two");
  await proxy.drain(1_000);
  server.close();
});

test("begins TLS for opaque connections too, and refuses a certificate for another name", async (t) => {
  const by = await authority();
  for (const [name, isGood] of [
    ["api.example.com", true],
    ["other.example.com", false],
  ] as const) {
    const { keyPem, chainPem } = await by.issueServer([name]);
    const server = tls.createServer({ key: keyPem, cert: chainPem }, (socket) => {
      socket.on("error", () => {});
      socket.end("hello by TLS");
    });
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { caFile } = await secureHttp2(t);
    const mesh = new TestMesh();
    external(mesh, (server.address() as AddressInfo).port, {
      ports: [{ number: 5432, protocol: "tcp" }],
      trafficPolicy: { tls: { mode: "SIMPLE", caCertificatesFile: caFile } },
    });
    const recorder = new MemoryRecorder();
    const host = "api.example.com:5432";
    const proxy = await outbound(t, await hosted("front"), mesh, recorder, { host });
    assert.equal(await new RawClient(t, proxy.port).closed(), isGood ? "hello by TLS" : "");
    const { labels } = await recorder.findTcp(({ closed }) => closed === 1);
    assert.equal(labels.responseFlags, isGood ? "-" : "UF");
  }
});

test("carries gRPC and HTTP to a port of no declared protocol, and notes what its callers spoke", async (t) => {
  const echo = await grpcApp(t, { unary: (call, done) => done(null, call.request) });
  const received = new MemoryRecorder();
  const workload = await hosted("echo", { appPort: echo.port });
  const protocols = new ProtocolMemory();
  const listener = await inbound(t, workload, received, undefined, {
    app: { port: echo.port, protocol: "auto" },
    protocols,
  });
  const names = { namespace: "shop", workload: "echo", service: "echo" };
  const identity = (await authority()).spiffeId(names);
  const mesh = new TestMesh();
  mesh.apply(
    service("echo", { ports: [{ number: 50_051, protocol: "auto" }] }),
    endpoints("echo", [{ port: listener.port, identity }]),
  );
  const callers = new ProtocolMemory();
  const front = await hosted("front");
  const proxy = await outbound(t, front, mesh, new MemoryRecorder(), {
    host: "echo:50051",
    protocols: callers,
  });
  const call = (port: number) =>
    new Promise<string | undefined>((resolve, reject) => {
      const client = grpcClient(t, port, "echo:50051");
      const { path, requestSerialize, responseDeserialize } = Echo.unary;
      const message = Buffer.from("undeclared");
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        message,
        new Metadata(),
        (error, answer?: Buffer) => (error === null ? resolve(answer?.toString()) : reject(error)),
      );
    });
  assert.equal(await call(proxy.port), "undeclared");
  const service50051 = { service: { namespace: "shop", name: "echo" }, port: 50_051 };
  assert.deepEqual(callers.all, [{ ...service50051, protocol: "http2" }]);
  assert.equal(await call(listener.port), "undeclared", "a plaintext caller too");
  assert.deepEqual(
    protocols.all.map(({ protocol }) => protocol),
    ["http2"],
  );
  const { labels } = await received.find(() => true);
  assert.deepEqual([labels.protocol, labels.grpcStatus], ["grpc", "0"]);
});

test("takes a client that keeps silent for a while for no proof that its server begins", async (t) => {
  const upstream = await rawApp(t, (socket) => {
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  });
  const mesh = new TestMesh();
  mesh.apply(
    service("web", { ports: [{ number: 8080, protocol: "auto" }] }),
    endpoints("web", [{ port: upstream.port }]),
  );
  const protocols = new ProtocolMemory();
  const recorder = new MemoryRecorder();
  const options = { host: "web:8080", protocols };
  const proxy = await outbound(t, await hosted("front"), mesh, recorder, options);
  // A connection opened ahead of need proves nothing about its server.
  const idle = new RawClient(t, proxy.port);
  await recorder.findTcp(({ opened }) => opened === 1);
  assert.deepEqual(protocols.all, []);
  idle.send("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
  await idle.expect(/200 OK/);
  assert.equal((await send(proxy.port, { host: "web" })).status, 200);
  assert.equal(protocols.find({ namespace: "shop", name: "web" }, 8080), "http");
});

test("an HTTP/2 client gets an app's 205 whole, without the content it may not have", async (t) => {
  const framings = [
    "content-length: 5\r\n\r\nhello",
    "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  ];
  for (const framing of framings) {
    const upstream = await rawApp(t, (socket) => {
      socket.on("data", () =>
        socket.write(`HTTP/1.1 205 Reset Content\r\nx-form: cleared\r\n${framing}`),
      );
    });
    const mesh = new TestMesh();
    mesh.apply(service("reviews"), endpoints("reviews", [{ port: upstream.port }]));
    const recorder = new MemoryRecorder();
    const proxy = await outbound(t, await hosted("front"), mesh, recorder);
    const session = http2.connect(`http://127.0.0.1:${proxy.port}`);
    t.after(() => session.destroy());
    for (let count = 0; count < 2; count++) {
      const stream = session.request({ ":path": "/", ":authority": "reviews" });
      const [head] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
      stream.resume();
      await once(stream, "close");
      assert.deepEqual([head[":status"], head["x-form"], stream.rstCode], [205, "cleared", 0]);
    }
    const { labels } = await recorder.find(() => true);
    assert.deepEqual([labels.responseCode, labels.responseFlags], [205, "-"]);
  }
});
