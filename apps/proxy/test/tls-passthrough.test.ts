import assert from "node:assert/strict";
import { once } from "node:events";
import type net from "node:net";
import { type TestContext, test } from "node:test";
import tls from "node:tls";
import { ProtocolMemory } from "../src/core/protocol-memory.ts";
import {
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  RawClient,
  service,
  TestMesh,
} from "./data-path-kit.ts";

/** A TLS server with a certificate of its own that says its name and echoes. */
async function tlsServer(t: TestContext, name: string, ALPNProtocols: string[] = []) {
  const { keyPem, chainPem } = await (await authority()).issueServer();
  const server = tls.createServer({ key: keyPem, cert: chainPem, ALPNProtocols }, (socket) => {
    socket.on("error", () => {});
    socket.write(name);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const fingerprint = await fingerprintOf(chainPem);
  return { port: (server.address() as net.AddressInfo).port, fingerprint };
}

async function fingerprintOf(chainPem: string): Promise<string> {
  const { X509Certificate } = await import("node:crypto");
  return new X509Certificate(chainPem).fingerprint256;
}

/** Opens TLS for `servername` on a local port; what the server said first and its certificate. */
async function greet(
  t: TestContext,
  port: number,
  servername: string | undefined,
  ALPNProtocols: string[] = [],
) {
  const socket = tls.connect({
    port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    ...(servername !== undefined && { servername }),
    ...(ALPNProtocols.length > 0 && { ALPNProtocols }),
  });
  t.after(() => socket.destroy());
  const [first] = (await once(socket, "data")) as [Buffer];
  const { fingerprint256 } = socket.getPeerCertificate();
  return { said: first.toString(), fingerprint: fingerprint256, alpn: socket.alpnProtocol };
}

test("routes TLS on the main port by its server name, and leaves the server its own certificate", async (t) => {
  const api = await tlsServer(t, "api");
  const other = await tlsServer(t, "other");
  const mesh = new TestMesh();
  for (const [name, server] of [
    ["api", api],
    ["other", other],
  ] as const) {
    mesh.hosts.set(`${name}.example.com`, { namespace: "shop", name });
    mesh.apply(
      service(name, {
        isExternal: true,
        host: `${name}.example.com`,
        ports: [{ number: 443, protocol: "tls" }],
      }),
      endpoints(name, [{ port: server.port }]),
    );
  }
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder);
  for (const [name, server] of [
    ["api", api],
    ["other", other],
  ] as const) {
    const { said, fingerprint } = await greet(t, proxy.port, `${name}.example.com`);
    assert.deepEqual([said, fingerprint], [name, server.fingerprint]);
    const { labels } = await recorder.findTcp(
      (record) => record.labels.destinationServiceName === name,
    );
    assert.equal(labels.destinationService, `${name}.example.com`);
  }
  await assert.rejects(greet(t, proxy.port, undefined), "no server name, no way");
  await recorder.findTcp(({ labels }) => labels.responseFlags === "NR");
});

test("chooses by a tls route's sniHosts, and refuses a name no route has", async (t) => {
  const one = await tlsServer(t, "one");
  const two = await tlsServer(t, "two");
  const mesh = new TestMesh();
  const to = (name: string) => [{ service: { namespace: "shop", name }, weight: 1 }];
  mesh.apply(
    service("gate", {
      ports: [{ number: 443, protocol: "tls" }],
      tlsRoutes: [
        { name: "one", matches: [{ sniHosts: ["a.example.com"] }], destinations: to("one") },
        { name: "two", matches: [{ sniHosts: ["*.example.com"] }], destinations: to("two") },
      ],
    }),
    service("one"),
    endpoints("one", [{ port: one.port }]),
    service("two"),
    endpoints("two", [{ port: two.port }]),
  );
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder, { host: "gate:443" });
  assert.equal((await greet(t, proxy.port, "a.example.com")).said, "one");
  assert.equal((await greet(t, proxy.port, "b.example.com")).said, "two");
  await assert.rejects(greet(t, proxy.port, "a.example.org"));
  const { labels } = await recorder.findTcp((record) => record.labels.responseFlags === "NR");
  assert.equal(labels.destinationServiceName, "gate");
});

test("passes TLS with a protocol that is none of the mesh's to the app in PERMISSIVE, and refuses it in STRICT", async (t) => {
  const app = await tlsServer(t, "own tls", ["h2"]);
  const recorder = new MemoryRecorder();
  const workload = await hosted("secure", { appPort: app.port });
  const protocols = new ProtocolMemory();
  const { port } = await inbound(t, workload, recorder, undefined, {
    app: { port: app.port, protocol: "auto" },
    protocols,
  });
  const { said, fingerprint, alpn } = await greet(t, port, "secure.shop", ["h2"]);
  assert.deepEqual([said, fingerprint, alpn], ["own tls", app.fingerprint, "h2"]);
  assert.equal((await greet(t, port, "secure.shop")).fingerprint, app.fingerprint);
  const { labels } = await recorder.findTcp(() => true);
  assert.equal(labels.security, "none");
  const service = { namespace: "shop", name: "secure" };
  assert.deepEqual(protocols.all, [{ service, port: app.port, protocol: "tls" }]);
  workload.mtlsMode = "STRICT";
  await assert.rejects(greet(t, port, "secure.shop", ["h2"]));
});

test("reaches a server that begins through a CONNECT, and TLS within one", async (t) => {
  const app = await tlsServer(t, "inside");
  const mesh = new TestMesh();
  mesh.apply(
    service("db", { ports: [{ number: 5432, protocol: "auto" }] }),
    endpoints("db", [{ port: app.port }]),
  );
  const proxy = await outbound(t, await hosted("front"), mesh, new MemoryRecorder());
  const client = new RawClient(t, proxy.port);
  client.send("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
  await client.expect(/^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
  client.socket.removeAllListeners("data");
  const secure = tls.connect({ socket: client.socket, rejectUnauthorized: false });
  const [said] = (await once(secure, "data")) as [Buffer];
  assert.equal(said.toString(), "inside");
  assert.equal(secure.getPeerCertificate().fingerprint256, app.fingerprint);
});
