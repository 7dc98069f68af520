import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  MemoryRecorder,
  outbound,
  service,
  TestMesh,
} from "./data-path-kit.ts";

const LEGS = { "the multiplexed leg": 2, "HTTP/1.1 between the sidecars": 0 } as const;

/** A WebSocket client of `chat` behind two sidecars; the server does what `onSocket` says. */
async function chatting(
  t: TestContext,
  muxConnections: number,
  onSocket: (socket: WebSocket) => void,
) {
  const sockets = new WebSocketServer({ noServer: true });
  // First of all, since the server below ends only when its connections have.
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
  });
  const upstream = await app(t, (_request, response) => response.writeHead(426).end());
  upstream.server.on("upgrade", (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, onSocket),
  );
  const received = new MemoryRecorder();
  const listener = await inbound(t, await hosted("chat", { appPort: upstream.port }), received);
  const names = { namespace: "shop", workload: "chat", service: "chat" };
  const identity = (await authority()).spiffeId(names);
  const mesh = new TestMesh();
  mesh.apply(service("chat"), endpoints("chat", [{ port: listener.port, identity }]));
  const recorder = new MemoryRecorder();
  const proxy = await outbound(t, await hosted("front"), mesh, recorder, { muxConnections });
  const client = new WebSocket(`ws://127.0.0.1:${proxy.port}/room?x=1`, ["talk"], {
    headers: { host: "chat" },
  });
  t.after(() => client.terminate());
  await once(client, "open");
  return { client, recorder, received };
}

for (const [leg, muxConnections] of Object.entries(LEGS)) {
  test(`echoes WebSocket frames of 1 MiB over ${leg}, and keeps pings and the subprotocol`, async (t) => {
    const { client } = await chatting(t, muxConnections, (socket) => {
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    assert.equal(client.protocol, "talk");
    for (const size of [0, 1, 125, 65_536, 1_048_576, 1_048_576]) {
      const sent = randomBytes(size);
      client.send(sent);
      const [back] = (await once(client, "message")) as [Buffer];
      assert.ok(back.equals(sent), `${size} bytes`);
    }
    client.ping("are you there");
    const [pong] = (await once(client, "pong")) as [Buffer];
    assert.equal(pong.toString(), "are you there");
  });

  test(`passes close codes both ways over ${leg}, and counts a tunnel when it ends`, async (t) => {
    const closed = Promise.withResolvers<[number, string]>();
    const { client, recorder, received } = await chatting(t, muxConnections, (socket) => {
      socket.on("close", (code, reason) => closed.resolve([code, reason.toString()]));
      socket.on("message", (data) => socket.send(data));
    });
    client.send("twelve bytes");
    await once(client, "message");
    assert.deepEqual([recorder.records.length, received.records.length], [0, 0]);
    client.close(4001, "enough");
    const [code, reason] = (await once(client, "close")) as [number, Buffer];
    assert.deepEqual([code, reason.toString()], [4001, "enough"]);
    assert.deepEqual(await closed.promise, [4001, "enough"]);
    for (const each of [recorder, received]) {
      const { labels, requestBytes, responseBytes } = await each.find(() => true);
      assert.deepEqual([labels.responseCode, labels.destination.workload], [101, "chat"]);
      assert.ok(requestBytes > 12 && responseBytes > 12);
    }
  });

  test(`a server that closes, or breaks off, is seen by the client over ${leg}`, async (t) => {
    const { client } = await chatting(t, muxConnections, (socket) => socket.close(1013, "later"));
    const [code, reason] = (await once(client, "close")) as [number, Buffer];
    assert.deepEqual([code, reason.toString()], [1013, "later"]);
    const broken = await chatting(t, muxConnections, (socket) => socket.terminate());
    const [how] = (await once(broken.client, "close")) as [number];
    assert.equal(how, 1006);
  });

  test(`a client that vanishes is seen by the server over ${leg}`, async (t) => {
    const closed = Promise.withResolvers<number>();
    const { client } = await chatting(t, muxConnections, (socket) => {
      socket.on("close", (code) => closed.resolve(code));
    });
    client.terminate();
    assert.equal(await closed.promise, 1006);
  });

  test(`holds a WebSocket server back while its client does not read, over ${leg}`, async (t) => {
    const piece = randomBytes(1_048_576);
    let sent = 0;
    const { client } = await chatting(t, muxConnections, (socket) => {
      const more = () => {
        if (sent < 100) socket.send(piece, more);
        sent++;
      };
      more();
    });
    client.pause();
    const before = process.memoryUsage.rss();
    for (let last = -1; last !== sent; ) {
      last = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(sent < 100, "everything was taken though nobody reads");
    assert.ok(process.memoryUsage.rss() - before < 70_000_000);
    let received = 0;
    const all = new Promise<void>((resolve) => {
      client.on("message", (data: Buffer) => {
        if (data.equals(piece)) received++;
        if (received === 100) resolve();
      });
    });
    client.resume();
    await all;
  });
}
