import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type Socket } from "node:net";
import { waitFor } from "@heddle/testkit";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { firstAnswers, readUntil } from "../../harness/case-mesh.ts";
import { type ConformanceCase, policyProofs } from "../../harness/conformance-case.ts";
import { startDeafPort } from "../../harness/deaf-port.ts";
import { type EitherApp, getByHttp2, startEitherApp } from "../../harness/either-app.ts";
import type { HeldAnswers } from "../../harness/held-answers.ts";
import { socketsTo } from "../../harness/kernel-sockets.ts";
import type { SeenApp } from "../../harness/seen-app.ts";
import type { Answer } from "../../harness/send-request.ts";
import { listen } from "../../harness/stream-apps.ts";

function poolProofs(
  field: string,
  title: string,
  pool: string,
  run: (mesh: CaseMesh, app: SeenApp) => Promise<void>,
): ConformanceCase[] {
  const fields = field.replaceAll(/\S+/g, (one) => `connectionPool.${one}`);
  return policyProofs(fields, title, async (mesh) => {
    const [app] = await mesh.apps(1);
    assert.ok(app);
    await mesh.serve([app]);
    await mesh.policy(`connectionPool: {${pool}}`);
    await run(mesh, app);
  });
}

/** Sends `count` requests at once, which the app holds; `held` lets them go. */
function together(
  mesh: CaseMesh,
  count: number,
  more = "",
): { readonly sent: Promise<Answer>[]; readonly held: HeldAnswers } {
  const held = mesh.hold();
  const options = { do: `${held.do} ${more}`.trim(), method: "POST", body: "x" };
  return { held, sent: Array.from({ length: count }, () => mesh.call(options)) };
}

/** Of four requests sent at once the first two answers, while the app still holds what has reached it. */
async function refusedOfFour(mesh: CaseMesh): Promise<Answer[]> {
  await mesh.call(); // the destination is known from here on
  const { sent, held } = together(mesh, 4);
  const refused = await firstAnswers(sent, 2);
  held.open();
  const statuses = (await Promise.all(sent)).map(({ status }) => status);
  assert.deepEqual(
    statuses.toSorted((a, b) => a - b),
    [200, 200, 503, 503],
  );
  return refused;
}

function connectionsOf(app: SeenApp): number {
  return Math.max(0, ...app.seen.map(({ connection }) => connection));
}

const httpCases: readonly ConformanceCase[] = [
  ...poolProofs(
    "tcp.maxConnections",
    "opens no more connections; further requests wait for one",
    "tcp: {maxConnections: 1}",
    async (mesh, app) => {
      const { sent, held } = together(mesh, 3);
      await waitFor("one is with the app", 15_000, () => held.count === 1);
      held.open();
      const statuses = (await Promise.all(sent)).map(({ status }) => status);
      assert.deepEqual(statuses, [200, 200, 200]);
      assert.equal(connectionsOf(app), 1);
    },
  ),
  ...poolProofs(
    "http.http1MaxPendingRequests",
    "bounds how many wait for a connection: one more is refused at once with flag UO",
    "tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}",
    async (mesh) => {
      for (const { headers } of await refusedOfFour(mesh)) {
        assert.equal(headers["x-heddle-flags"], "UO");
        assert.equal(headers["x-envoy-overloaded"], "true");
      }
    },
  ),
  ...poolProofs(
    "http.http2MaxRequests",
    "bounds how many requests are under way at once",
    "http: {http2MaxRequests: 2}",
    async (mesh) => {
      const flags = (await refusedOfFour(mesh)).map(({ headers }) => headers["x-heddle-flags"]);
      assert.deepEqual(flags, ["UO", "UO"]);
    },
  ),
  ...poolProofs(
    "http.maxRequestsPerConnection",
    "opens a new connection after that many requests",
    "http: {maxRequestsPerConnection: 2}",
    async (mesh, app) => {
      await mesh.calls(6);
      assert.deepEqual(
        app.seen.map(({ connection }) => connection),
        [1, 1, 2, 2, 3, 3],
      );
    },
  ),
  ...poolProofs(
    "http.maxRetries",
    "bounds the retries that are under way at once; 0 means no bound",
    "http: {maxRetries: 1}",
    async (mesh, app) => {
      await mesh.routes("retries: {attempts: 1, retryOn: 5xx, backoff: 1ms}, ROUTE");
      const failFour = async (answeredMeanwhile: number) => {
        const { sent, held } = together(mesh, 4, "status=503");
        await waitFor("all are with the app", 15_000, () => held.count === 4);
        held.letGo();
        await firstAnswers(sent, answeredMeanwhile);
        await waitFor("the retries have come", 15_000, () => held.count === 4 - answeredMeanwhile);
        held.open();
        await Promise.all(sent);
      };
      await failFour(3);
      assert.equal(app.seen.length, 5);
      await mesh.policy("connectionPool: {http: {maxRetries: 0}}");
      await failFour(0);
      assert.equal(app.seen.length, 5 + 8);
    },
  ),
  ...poolProofs(
    "http.idleTimeout",
    "closes a connection that nothing has used for that long",
    "http: {idleTimeout: 150ms}",
    async (mesh, app) => {
      await mesh.call();
      await waitFor("it is closed", 15_000, () => app.openConnections === 0);
      assert.equal((await mesh.call()).status, 200);
      assert.equal(connectionsOf(app), 2);
    },
  ),
  ...poolProofs(
    "tcp.maxConnectionDuration",
    "gives up a connection after that time, whatever its use",
    "tcp: {maxConnectionDuration: 200ms}",
    async (mesh, app) => {
      await waitFor("a second connection", 15_000, async () => {
        assert.equal((await mesh.call()).status, 200);
        return connectionsOf(app) >= 2;
      });
      assert.equal(app.seen[1]?.connection, 1, "the first one serves until then");
    },
  ),
  ...poolProofs(
    "tcp.tcpKeepalive.time",
    "is when the system begins to probe an idle connection",
    "tcp: {tcpKeepalive: {time: 40s}}",
    async (mesh, app) => {
      await mesh.call();
      const sockets = socketsTo(app.port).filter(({ isEstablished }) => isEstablished);
      assert.ok(sockets.length > 0);
      for (const { keepAliveInMs = 0 } of sockets) {
        assert.ok(keepAliveInMs > 20_000 && keepAliveInMs <= 40_500, `${keepAliveInMs} ms`);
      }
    },
  ),
];

/** Cases whose only endpoint speaks HTTP/1.1 and HTTP/2 alike. */
function eitherProofs(
  field: string,
  title: string,
  pool: string,
  run: (mesh: CaseMesh, app: EitherApp) => Promise<void>,
): ConformanceCase[] {
  return policyProofs(`connectionPool.http.${field}`, title, async (mesh) => {
    const app = await startEitherApp(mesh);
    await mesh.serve([{ port: app.port }]);
    await mesh.policy(`connectionPool: {http: {${pool}}}`);
    await run(mesh, app);
  });
}

const versionOf = async (mesh: CaseMesh) => (await mesh.call()).headers["x-version"];
const versionBy2 = async (mesh: CaseMesh) =>
  (await getByHttp2(mesh.world.outboundPort("front"), mesh.host))["x-version"];

const http2Cases: readonly ConformanceCase[] = [
  ...eitherProofs(
    "h2UpgradePolicy",
    "speaks HTTP/2 to the endpoint with UPGRADE, whatever the caller speaks, and HTTP/1.1 without",
    "h2UpgradePolicy: UPGRADE",
    async (mesh) => {
      assert.equal(await versionOf(mesh), "2.0");
      await mesh.policy("connectionPool: {http: {h2UpgradePolicy: DO_NOT_UPGRADE}}");
      assert.equal(await versionOf(mesh), "1.1");
      assert.equal(await versionBy2(mesh), "1.1");
    },
  ),
  ...eitherProofs(
    "useClientProtocol",
    "speaks to the endpoint what the caller speaks",
    "useClientProtocol: true",
    async (mesh) => {
      assert.equal(await versionOf(mesh), "1.1");
      assert.equal(await versionBy2(mesh), "2.0");
    },
  ),
  ...eitherProofs(
    "maxConcurrentStreams",
    "puts no more requests at once on one connection",
    "h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 1",
    async (mesh, app) => {
      await mesh.call();
      const { sent, held } = together(mesh, 3);
      await waitFor("all are with the app", 15_000, () => held.count === 3);
      held.open();
      await Promise.all(sent);
      assert.equal(app.connections, 3);
      assert.deepEqual([...new Set(app.versions)], ["2.0"]);
    },
  ),
];

const TCP_ENTRY =
  "location: MESH_EXTERNAL, resolution: STATIC, ports: [{number: 9000, name: http, protocol: TCP}]";

/** An app of the case's own that echoes bytes, as the only endpoint of the case's host at port 9000. */
async function serveEcho(mesh: CaseMesh): Promise<number> {
  const port = await listen(
    mesh,
    net.createServer((socket) => {
      socket.on("error", () => undefined); // the caller has gone
      socket.pipe(socket);
    }),
  );
  await mesh.serve([{ port }], undefined, TCP_ENTRY);
  return port;
}

/** Its end, be it a reset. */
const closed = (socket: Socket) =>
  new Promise<void>((resolve) => socket.once("close", () => resolve()));

/** Opens a connection to the case's host; closed with the case. */
async function open(mesh: CaseMesh): Promise<Socket> {
  const { socket } = await mesh.connect(`${mesh.host}:9000`);
  socket.resume();
  return socket;
}

/** A port that takes connections and never says anything. */
function silentPort(mesh: CaseMesh): Promise<number> {
  return listen(
    mesh,
    net.createServer((socket) => void socket.on("error", () => undefined)),
  );
}

const tcpCases: readonly ConformanceCase[] = [
  ...policyProofs(
    "connectionPool.tcp.connectTimeout",
    "ends a try to connect, the TLS handshake included, with 503 and flag UF",
    async (mesh) => {
      await mesh.serve([{ port: await silentPort(mesh) }]);
      await mesh.routes("retries: {attempts: 0}, ROUTE");
      if (mesh.carrier === "MeshConfig") {
        await mesh.destinationRule("trafficPolicy: {tls: {mode: SIMPLE}}");
        await mesh.policy("connectionPool: {tcp: {connectTimeout: 150ms}}");
      } else {
        await mesh.policy("connectionPool: {tcp: {connectTimeout: 150ms}}, tls: {mode: SIMPLE}");
      }
      const answer = await mesh.call();
      assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "UF"]);
      // The default is 5 s.
      assert.ok(answer.tookMs >= 75 && answer.tookMs < 4_900, `${answer.tookMs} ms`);
    },
  ),
  ...policyProofs(
    "connectionPool.tcp.connectTimeout",
    "bounds how long a host may leave the opening of a connection unanswered",
    async (mesh) => {
      await mesh.serve([{ port: await startDeafPort(mesh) }]);
      await mesh.routes("retries: {attempts: 0}, ROUTE");
      await mesh.policy("connectionPool: {tcp: {connectTimeout: 150ms}}");
      const answer = await mesh.call();
      assert.deepEqual([answer.status, answer.headers["x-heddle-flags"]], [503, "UF"]);
      assert.ok(answer.tookMs >= 75 && answer.tookMs < 4_900, `${answer.tookMs} ms`);
    },
  ),
  ...policyProofs(
    "connectionPool.tcp.connectTimeout",
    "holds for opaque connections, too: the caller's is closed",
    async (mesh) => {
      await mesh.serve([{ port: await startDeafPort(mesh) }], undefined, TCP_ENTRY);
      await mesh.policy("connectionPool: {tcp: {connectTimeout: 150ms}}");
      const startedMs = performance.now();
      await closed(await open(mesh));
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs >= 75 && tookMs < 4_900, `${tookMs} ms`);
    },
  ),
  ...policyProofs(
    "connectionPool.tcp.maxConnectionDuration",
    "closes an opaque connection after that time, whatever passes over it",
    async (mesh) => {
      await serveEcho(mesh);
      await mesh.policy("connectionPool: {tcp: {maxConnectionDuration: 300ms}}");
      const startedMs = performance.now();
      const socket = await open(mesh);
      const ping = setInterval(() => socket.write("ping"), 20);
      mesh.after(() => clearInterval(ping));
      await closed(socket);
      clearInterval(ping);
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs >= 200, `${tookMs} ms`);
      assert.ok(socket.bytesRead > 20, "bytes went both ways until then");
    },
  ),
  ...policyProofs(
    "connectionPool.tcp.tcpKeepalive.time",
    "holds for opaque connections, too",
    async (mesh) => {
      const port = await serveEcho(mesh);
      await mesh.policy("connectionPool: {tcp: {tcpKeepalive: {time: 40s}}}");
      const socket = await open(mesh);
      socket.write("ping");
      await once(socket, "data");
      const [probed, ...others] = socketsTo(port).filter(({ isEstablished }) => isEstablished);
      assert.equal(others.length, 0);
      const inMs = probed?.keepAliveInMs ?? 0;
      assert.ok(inMs > 20_000 && inMs <= 40_500, `${inMs} ms`);
    },
  ),
  ...policyProofs(
    "connectionPool.tcp.idleTimeout",
    "closes an opaque connection on which nothing moves for that long",
    async (mesh) => {
      await mesh.applyOne(
        "Service",
        "selector: {app: echo}, ports: [{name: tcp, port: 9000, appProtocol: tcp}]",
      );
      await mesh.policy("connectionPool: {tcp: {idleTimeout: 200ms}}");
      const startedMs = performance.now();
      const { socket } = await mesh.connect(`${mesh.host}:9000`);
      assert.match(await readUntil(socket, "\n"), /^echo-v/);
      socket.resume();
      await closed(socket);
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs >= 120, `${tookMs} ms`);
    },
  ),
];

export const connectionPoolCases: readonly ConformanceCase[] = [
  ...httpCases,
  ...http2Cases,
  ...tcpCases,
];
