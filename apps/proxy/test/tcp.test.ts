import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { ProtocolMemory } from "../src/core/protocol-memory.ts";
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

/** How opaque connections travel between sidecars: over the connections requests share, or each its own. */
const LEGS = ["mux", "own mTLS connection"] as const;
type Leg = (typeof LEGS)[number];

const GREETING = "5.7.0-server-first\n";

/** A server that speaks first, then echoes, and says goodbye when the client has ended its side. */
function serverFirst(t: TestContext) {
  return rawApp(t, (socket) => {
    socket.allowHalfOpen = true;
    socket.write(GREETING);
    socket.on("data", (bytes) => socket.write(bytes));
    socket.on("end", () => socket.end("bye"));
  });
}

async function localPort(t: TestContext, mesh: TestMesh, host: string, leg: Leg = "mux") {
  const recorder = new MemoryRecorder();
  const protocols = new ProtocolMemory();
  const muxConnections = leg === "mux" ? 2 : 0;
  const proxy = await outbound(t, await hosted("front"), mesh, recorder, {
    host,
    protocols,
    muxConnections,
  });
  return { proxy, recorder, protocols };
}

test("connects an app to a declared TCP port before it has sent a byte, and keeps half-closes", async (t) => {
  const db = await serverFirst(t);
  const mesh = new TestMesh();
  mesh.apply(
    service("db", { ports: [{ number: 5432, protocol: "tcp" }] }),
    endpoints("db", [{ port: db.port }]),
  );
  const { proxy, recorder } = await localPort(t, mesh, "db:5432");
  const startMs = performance.now();
  const client = new RawClient(t, proxy.port);
  await client.expect(/^5\.7\.0-server-first\n$/);
  assert.ok(performance.now() - startMs < 90, "no detection where the protocol is declared");
  client.send("select 1");
  await client.expect(/select 1$/);
  client.socket.end();
  assert.equal(await client.closed(), `${GREETING}select 1bye`);
  const { labels, opened, sentBytes, receivedBytes } = await recorder.findTcp(
    ({ closed }) => closed === 1,
  );
  assert.equal(opened, 1);
  assert.deepEqual([sentBytes, receivedBytes], [GREETING.length + 11, 8]);
  assert.equal(labels.destination.workload, "db");
  assert.equal(labels.destinationServiceName, "db");
  assert.equal(labels.responseFlags, "-");
});

/** `front` calling `db` on a local port, through two sidecars. */
async function twoSidecars(
  t: TestContext,
  appPort: number,
  { protocol = "tcp", leg = "mux" }: { protocol?: "tcp" | "auto"; leg?: Leg } = {},
) {
  const db = await hosted("db", { appPort });
  const received = new MemoryRecorder();
  const app = { port: appPort, protocol };
  const listener = await inbound(t, db, received, undefined, { app });
  const names = { namespace: "shop", workload: "db", service: "db" };
  const identity = (await authority()).spiffeId(names);
  const mesh = new TestMesh();
  mesh.apply(
    service("db", { ports: [{ number: 5432, protocol }] }),
    endpoints("db", [{ port: listener.port, identity }]),
  );
  return { ...(await localPort(t, mesh, "db:5432", leg)), db, received, listener, mesh };
}

for (const leg of LEGS) {
  test(`carries TCP between two sidecars by mTLS, half-closes included, and counts it at both ends (${leg})`, async (t) => {
    const app = await serverFirst(t);
    const { proxy, recorder, received } = await twoSidecars(t, app.port, { leg });
    const client = new RawClient(t, proxy.port);
    await client.expect(/^5\.7\.0-server-first\n$/);
    client.socket.end("last words");
    assert.equal(await client.closed(), `${GREETING}last wordsbye`);
    for (const each of [recorder, received]) {
      const { labels, ...counts } = await each.findTcp(({ closed }) => closed === 1);
      const sentBytes = GREETING.length + "last wordsbye".length;
      assert.deepEqual(counts, { opened: 1, closed: 1, sentBytes, receivedBytes: 10 });
      assert.deepEqual([labels.source.workload, labels.destination.workload], ["front", "db"]);
    }
    assert.equal(received.tcp[0]?.labels.security, "mutual_tls");
  });
}

test("counts bytes while a connection is open, each second", async (t) => {
  const app = await serverFirst(t);
  const { proxy, recorder, received } = await twoSidecars(t, app.port);
  const client = new RawClient(t, proxy.port);
  await client.expect(/server-first/);
  for (const each of [recorder, received]) {
    const open = await each.findTcp(({ sentBytes }) => sentBytes === GREETING.length);
    assert.equal(open.closed, 0);
  }
});

for (const leg of LEGS) {
  test(`holds a sender back while nobody reads, and then loses nothing (${leg})`, async (t) => {
    const piece = randomBytes(1_048_576);
    const app = await rawApp(t, (socket) => socket.pipe(socket));
    const { proxy } = await twoSidecars(t, app.port, { leg });
    const client = net.connect(proxy.port, "127.0.0.1");
    t.after(() => client.destroy());
    client.pause();
    const before = process.memoryUsage.rss();
    const sent = createHash("md5");
    let count = 0;
    for (let isStuck = false; !isStuck; ) {
      assert.ok(++count < 128, "everything was taken though nobody reads");
      sent.update(piece);
      if (client.write(piece)) continue;
      const drained = once(client, "drain").then(() => false);
      const patience = new Promise<boolean>((resolve) => setTimeout(resolve, 500, true).unref());
      isStuck = await Promise.race([drained, patience]);
    }
    const grown = process.memoryUsage.rss() - before;
    assert.ok(grown < 80 * 1_048_576, `memory grew by ${grown}`);
    client.end();
    const received = createHash("md5");
    client.on("data", (part: Buffer) => received.update(part));
    client.resume();
    await once(client, "end");
    assert.equal(received.digest("hex"), sent.digest("hex"));
  });
}

for (const leg of LEGS) {
  test(`STRICT refuses plaintext TCP and counts it; a sidecar's connection passes (${leg})`, async (t) => {
    const app = await serverFirst(t);
    const { proxy, db, received, listener } = await twoSidecars(t, app.port, { leg });
    db.mtlsMode = "STRICT";
    const plain = new RawClient(t, listener.port);
    plain.send("hello");
    assert.equal(await plain.closed(), "");
    assert.deepEqual(received.refusals, [
      { workload: "db", address: "127.0.0.1", reason: "plaintext" },
    ]);
    await new RawClient(t, proxy.port).expect(/server-first/);
  });
}

test("PERMISSIVE passes plaintext TCP to the app, also when the server is to begin", async (t) => {
  const app = await serverFirst(t);
  const { received, listener } = await twoSidecars(t, app.port);
  const talker = new RawClient(t, listener.port);
  talker.send("hello");
  await talker.expect(/server-first\nhello$/);
  await new RawClient(t, listener.port).expect(/server-first/);
  const { labels } = await received.findTcp(() => true);
  assert.deepEqual([labels.security, labels.sourceAddress], ["none", "127.0.0.1"]);
});

test("goes to the next endpoint when one does not answer, and says UF when none does", async (t) => {
  const app = await serverFirst(t);
  const closed = await rawApp(t, () => {});
  const gone = closed.port;
  const mesh = new TestMesh();
  const ports = [{ number: 5432, protocol: "tcp" as const }];
  const nowhere = "127.0.0.77"; // nobody listens there
  mesh.apply(
    service("db", { ports }),
    endpoints("db", [{ port: app.port }, { port: gone, address: nowhere }]),
    service("lost", { ports }),
    endpoints("lost", [{ port: gone, address: nowhere }]),
    service("empty", { ports }),
    endpoints("empty", []),
  );
  const { proxy } = await localPort(t, mesh, "db:5432");
  for (let i = 0; i < 6; i++) await new RawClient(t, proxy.port).expect(/server-first/);
  for (const [name, flag, failedBy] of [
    ["lost", "UF", "network"],
    ["empty", "UH", "outbound-proxy"],
  ] as const) {
    const { proxy: local, recorder } = await localPort(t, mesh, `${name}:5432`);
    assert.equal(await new RawClient(t, local.port).closed(), "");
    const { labels } = await recorder.findTcp((record) => record.closed === 1);
    assert.deepEqual([labels.responseFlags, labels.failedBy], [flag, failedBy]);
    assert.equal(labels.destinationServiceName, name);
  }
});

test("splits connections by the weights of a tcp route, over subsets", async (t) => {
  const v1 = await rawApp(t, (socket) => socket.end("v1"));
  const v2 = await rawApp(t, (socket) => socket.end("v2"));
  const mesh = new TestMesh();
  const id = { namespace: "shop", name: "db" };
  const weights = [
    { service: id, subset: "v1", weight: 75 },
    { service: id, subset: "v2", weight: 25 },
  ];
  mesh.apply(
    service("db", {
      ports: [{ number: 5432, protocol: "tcp" }],
      subsets: ["v1", "v2"].map((version) => ({ name: version, labels: { version } })),
      tcpRoutes: [
        { name: "other", matches: [{ port: 1 }], destinations: [{ service: id, weight: 1 }] },
        { name: "split", matches: [{ port: 5432 }], destinations: weights },
      ],
    }),
    endpoints("db", [
      { port: v1.port, version: "v1", workload: "db-v1" },
      { port: v2.port, version: "v2", workload: "db-v2" },
    ]),
  );
  const { proxy } = await localPort(t, mesh, "db:5432");
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => new RawClient(t, proxy.port).closed()),
  );
  const share = answers.filter((answer) => answer === "v2").length;
  assert.ok(share >= 9 && share <= 11, `${share} of 40 went to v2`);
});

test("closes a connection beyond maxConnections with UO, and admits one again when one ends", async (t) => {
  const app = await serverFirst(t);
  const mesh = new TestMesh();
  mesh.apply(
    service("db", {
      ports: [{ number: 5432, protocol: "tcp" }],
      trafficPolicy: { connectionPool: { maxConnections: 1 } },
    }),
    endpoints("db", [{ port: app.port }]),
  );
  const { proxy, recorder } = await localPort(t, mesh, "db:5432");
  const first = new RawClient(t, proxy.port);
  await first.expect(/server-first/);
  assert.equal(await new RawClient(t, proxy.port).closed(), "");
  await recorder.findTcp(({ labels }) => labels.responseFlags === "UO");
  first.socket.end();
  await first.closed();
  await recorder.findTcp(({ labels, closed }) => labels.responseFlags === "-" && closed === 1);
  await new RawClient(t, proxy.port).expect(/server-first/);
});

test("ends a connection that is idle for longer than tcp.idleTimeout", async (t) => {
  const app = await serverFirst(t);
  const mesh = new TestMesh();
  mesh.apply(
    service("db", {
      ports: [{ number: 5432, protocol: "tcp" }],
      trafficPolicy: { connectionPool: { tcpIdleTimeoutMs: 150 } },
    }),
    endpoints("db", [{ port: app.port }]),
  );
  const { proxy } = await localPort(t, mesh, "db:5432");
  assert.equal(await new RawClient(t, proxy.port).closed(), GREETING);
});

test("looks at a port of no declared protocol once: 100 ms for a server that begins, then nothing", async (t) => {
  const app = await serverFirst(t);
  const { proxy, protocols } = await twoSidecars(t, app.port, { protocol: "auto" });
  const time = async () => {
    const startMs = performance.now();
    await new RawClient(t, proxy.port).expect(/server-first/);
    return performance.now() - startMs;
  };
  const first = await time();
  assert.ok(first >= 95 && first < 400, `the first took ${first} ms`);
  const found = { service: { namespace: "shop", name: "db" }, port: 5432, protocol: "tcp" };
  assert.deepEqual(protocols.all, [found]);
  const again = await time();
  assert.ok(again < 90, `the second took ${again} ms`);
});

test("tunnels to a host outside the mesh on a local port, unless the policy is REGISTRY_ONLY", async (t) => {
  const app = await serverFirst(t);
  const mesh = new TestMesh();
  const { proxy, recorder } = await localPort(t, mesh, `127.0.0.1:${app.port}`);
  await new RawClient(t, proxy.port).expect(/server-first/);
  mesh.outboundTrafficPolicy = "REGISTRY_ONLY";
  assert.equal(await new RawClient(t, proxy.port).closed(), "");
  await recorder.findTcp(({ labels }) => labels.responseFlags === "NR");
});

for (const leg of LEGS) {
  test(`tells its client of an app that is not there, and of one that breaks off (${leg})`, async (t) => {
    const gone = await rawApp(t, () => {});
    const { proxy, recorder, received } = await twoSidecars(t, gone.port, { leg });
    for (const socket of gone.sockets) socket.destroy();
    await gone.close();
    assert.equal(await new RawClient(t, proxy.port).closed(), "");
    const { labels } = await received.findTcp((record) => record.closed === 1);
    assert.deepEqual([labels.responseFlags, labels.failedBy], ["UF", "inbound-proxy"]);
    await recorder.findTcp((record) => record.closed === 1);
    const rude = await rawApp(t, (socket) => socket.resetAndDestroy());
    const other = await twoSidecars(t, rude.port, { leg });
    const client = new RawClient(t, other.proxy.port);
    assert.equal(await client.closed(), "");
  });
}

test("goes to the next sidecar when the app behind the first is not there", async (t) => {
  const app = await serverFirst(t);
  const gone = await rawApp(t, () => {});
  await gone.close();
  const workload = await hosted("db", { appPort: app.port });
  const names = { namespace: "shop", workload: "db", service: "db" };
  const identity = (await authority()).spiffeId(names);
  const ports = await Promise.all(
    [app.port, gone.port].map(async (port) => {
      const to = { port, protocol: "tcp" as const };
      const recorder = new MemoryRecorder();
      return (await inbound(t, workload, recorder, undefined, { app: to })).port;
    }),
  );
  const mesh = new TestMesh();
  mesh.apply(
    service("db", { ports: [{ number: 5432, protocol: "tcp" }] }),
    endpoints(
      "db",
      ports.map((port) => ({ port, identity })),
    ),
  );
  const { proxy } = await localPort(t, mesh, "db:5432");
  for (let i = 0; i < 8; i++) await new RawClient(t, proxy.port).expect(/server-first/);
});

test("a connection that stalls on the shared leg holds up no other, and no request", async (t) => {
  const app = await rawApp(t, (socket) => socket.pipe(socket));
  const { proxy } = await twoSidecars(t, app.port);
  const stalled = net.connect(proxy.port, "127.0.0.1");
  t.after(() => stalled.destroy());
  stalled.pause();
  stalled.write(Buffer.alloc(64 * 1_048_576));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const others = Array.from({ length: 50 }, () => new RawClient(t, proxy.port));
  await Promise.all(
    others.map(async (client, index) => {
      client.send(`hello ${index}.`);
      await client.expect(new RegExp(`^hello ${index}\\.$`));
    }),
  );
});
