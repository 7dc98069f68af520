import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { ProtocolMemory } from "../src/core/protocol-memory.ts";
import {
  endpoints,
  hosted,
  MemoryRecorder,
  outbound,
  RawClient,
  rawApp,
  service,
  TestMesh,
} from "./data-path-kit.ts";

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

async function localPort(t: TestContext, mesh: TestMesh, host: string) {
  const recorder = new MemoryRecorder();
  const protocols = new ProtocolMemory();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder, { host, protocols });
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
