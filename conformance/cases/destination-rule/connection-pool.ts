import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { waitFor } from "@heddle/testkit";
import type { CaseMesh } from "../../harness/case-mesh.ts";
import { readUntil } from "../../harness/case-mesh.ts";
import { type ConformanceCase, policyProofs } from "../../harness/conformance-case.ts";
import { type EitherApp, getByHttp2, startEitherApp } from "../../harness/either-app.ts";
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

/** Sends `count` requests at once, each held by the app for a while; their answers in order of sending. */
async function together(mesh: CaseMesh, count: number, delayMs = 150): Promise<Answer[]> {
  await mesh.call(); // the destination is known from here on
  const options = { do: `delay=${delayMs}`, method: "POST", body: "x" };
  return Promise.all(Array.from({ length: count }, () => mesh.call(options)));
}

function connectionsOf(app: SeenApp): number {
  return Math.max(0, ...app.seen.map(({ connection }) => connection));
}

function count<T>(values: readonly T[], value: T): number {
  return values.filter((one) => one === value).length;
}

const httpCases: readonly ConformanceCase[] = [
  ...poolProofs(
    "tcp.maxConnections",
    "opens no more connections; further requests wait for one",
    "tcp: {maxConnections: 1}",
    async (mesh, app) => {
      const answers = await together(mesh, 3, 50);
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 200],
      );
      assert.equal(connectionsOf(app), 1);
    },
  ),
  ...poolProofs(
    "http.http1MaxPendingRequests",
    "bounds how many wait for a connection: one more is refused at once with flag UO",
    "tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}",
    async (mesh) => {
      const answers = await together(mesh, 4);
      const refused = answers.filter(({ status }) => status === 503);
      assert.equal(refused.length, 2);
      for (const { headers, tookMs } of refused) {
        assert.equal(headers["x-heddle-flags"], "UO");
        assert.equal(headers["x-envoy-overloaded"], "true");
        assert.ok(tookMs < 140, `${tookMs} ms, not at once`);
      }
    },
  ),
  ...poolProofs(
    "http.http2MaxRequests",
    "bounds how many requests are under way at once",
    "http: {http2MaxRequests: 2}",
    async (mesh) => {
      const answers = await together(mesh, 4);
      assert.equal(
        count(
          answers.map(({ status }) => status),
          200,
        ),
        2,
      );
      const flags = answers.map(({ headers }) => headers["x-heddle-flags"]);
      assert.equal(count(flags, "UO"), 2);
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
      const failing = () => mesh.call({ do: "status=503 delay=150" });
      await Promise.all([failing(), failing(), failing(), failing()]);
      assert.equal(app.seen.length, 5);
      await mesh.policy("connectionPool: {http: {maxRetries: 0}}");
      await Promise.all([failing(), failing(), failing(), failing()]);
      assert.ok(app.seen.length >= 5 + 4 + 3, `${app.seen.length - 5} of 8`);
    },
  ),
  ...poolProofs(
    "http.idleTimeout",
    "closes a connection that nothing has used for that long",
    "http: {idleTimeout: 150ms}",
    async (mesh, app) => {
      await mesh.call();
      assert.equal(app.openConnections, 1);
      await waitFor("it is closed", 1_500, () => app.openConnections === 0);
      assert.equal((await mesh.call()).status, 200);
    },
  ),
  ...poolProofs(
    "tcp.maxConnectionDuration",
    "gives up a connection after that time, whatever its use",
    "tcp: {maxConnectionDuration: 200ms}",
    async (mesh, app) => {
      await waitFor("a second connection", 3_000, async () => {
        assert.equal((await mesh.call()).status, 200);
        return connectionsOf(app) >= 2;
      });
      const [first] = app.seen;
      const last = app.seen.filter(({ connection }) => connection === 1).at(-1);
      assert.ok((last?.atMs ?? 0) - (first?.atMs ?? 0) < 400);
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
        assert.ok(keepAliveInMs > 30_000 && keepAliveInMs <= 40_500, `${keepAliveInMs} ms`);
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
  delayMs = 0,
): ConformanceCase[] {
  return policyProofs(`connectionPool.http.${field}`, title, async (mesh) => {
    const app = await startEitherApp(mesh, delayMs);
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
      await together(mesh, 3);
      assert.equal(app.connections, 3);
      assert.deepEqual([...new Set(app.versions)], ["2.0"]);
    },
    150,
  ),
];

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
      assert.ok(answer.tookMs >= 140 && answer.tookMs < 2_000, `${answer.tookMs} ms`);
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
      const { socket } = await mesh.connect(`${mesh.host}:9000`);
      assert.match(await readUntil(socket, "\n"), /^echo-v/);
      const startedMs = performance.now();
      socket.resume();
      await once(socket, "close");
      const tookMs = performance.now() - startedMs;
      assert.ok(tookMs > 150 && tookMs < 2_500, `${tookMs} ms`);
    },
  ),
];

export const connectionPoolCases: readonly ConformanceCase[] = [
  ...httpCases,
  ...http2Cases,
  ...tcpCases,
];
