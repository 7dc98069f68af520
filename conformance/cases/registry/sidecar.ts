import assert from "node:assert/strict";
import { waitFor } from "@heddle/testkit";
import { type CaseMesh, firstAnswers, readUntil } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";
import type { SeenApp } from "../../harness/seen-app.ts";
import type { Answer } from "../../harness/send-request.ts";

const SIDECAR = { namespace: "bank" };

/** A case of a Sidecar for the namespace of teller. */
function sidecarProof(
  fields: string,
  title: string,
  spec: string,
  run: (mesh: CaseMesh) => Promise<void>,
): ConformanceCase {
  return proof(
    "Sidecar",
    fields,
    title,
    async (mesh) => {
      await mesh.applyOne("Sidecar", spec, SIDECAR);
      await run(mesh);
    },
    { isAlone: true },
  );
}

/** A case of a Sidecar for what reaches the app of ratings; `run` is given the app, and counts from here on. */
function poolProof(
  fields: string,
  title: string,
  pool: string,
  run: (mesh: CaseMesh, app: SeenApp, connections: () => number[]) => Promise<void>,
): ConformanceCase {
  const prefixed = fields.replaceAll(/\S+/g, (one) => `inboundConnectionPool.${one}`);
  const inner = async (mesh: CaseMesh) => {
    const app = mesh.world.apps.get("ratings-v1");
    assert.ok(app);
    await callRatings(mesh); // its callers know the way from here on
    const before = app.seen.length;
    await mesh.applyOne(
      "Sidecar",
      `workloadSelector: {labels: {app: ratings}}, inboundConnectionPool: {${pool}}`,
    );
    await run(mesh, app, () => app.seen.slice(before).map(({ connection }) => connection));
  };
  return proof("Sidecar", prefixed, title, inner, { isAlone: true });
}

const callRatings = (mesh: CaseMesh, what = "status=200") =>
  mesh.call({ host: "ratings.shop", do: what, method: "POST", body: "x" });

/** Four requests at once, which the app holds until two are refused; how many were, and by whom. */
async function refusedOfFour(mesh: CaseMesh) {
  await callRatings(mesh); // there is a connection: while one is made, its request waits, too
  const held = mesh.hold();
  const sent = Array.from({ length: 4 }, () => callRatings(mesh, held.do));
  await firstAnswers(sent, 2);
  held.open();
  const answers = await Promise.all(sent);
  const refused = answers.filter(({ status }) => status === 503);
  const words = ({ headers }: Answer) => [headers["x-heddle-flags"], headers["x-heddle-origin"]];
  for (const one of refused) {
    assert.deepEqual(words(one), ["UO", "inbound-proxy; workload=shop/ratings-v1"]);
  }
  assert.ok(answers.every(({ status }) => status === 200 || status === 503));
  return refused.length;
}

const isReached = async (mesh: CaseMesh, host: string) =>
  (await mesh.call({ from: "teller", host })).app !== undefined;

const STRICTLY = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";

export const sidecarCases: readonly ConformanceCase[] = [
  sidecarProof(
    "egress[].hosts",
    "takes every other host away from the namespace's workloads",
    `egress: [{hosts: ["shop/ratings.shop.svc.cluster.local", "./*"]}], ${STRICTLY}`,
    async (mesh) => {
      assert.equal(await isReached(mesh, "ratings.shop"), true);
      assert.equal(await isReached(mesh, "reviews.shop"), false);
    },
  ),
  sidecarProof(
    "egress[].hosts",
    "*/* takes nothing away, ~namespace/… excludes",
    `egress: [{hosts: ["*/*", "~shop/reviews.shop.svc.cluster.local"]}], ${STRICTLY}`,
    async (mesh) => {
      assert.equal(await isReached(mesh, "ratings.shop"), true);
      assert.equal(await isReached(mesh, "reviews.shop"), false);
    },
  ),
  sidecarProof(
    "workloadSelector.labels",
    "holds for workloads with these labels alone",
    `workloadSelector: {labels: {tier: nobody}}, egress: [{hosts: ["./*"]}], ${STRICTLY}`,
    async (mesh) => {
      assert.equal(await isReached(mesh, "reviews.shop"), true);
      const spec = `workloadSelector: {labels: {tier: desk}}, egress: [{hosts: ["./*"]}], ${STRICTLY}`;
      await mesh.applyOne("Sidecar", spec, SIDECAR);
      assert.equal(await isReached(mesh, "reviews.shop"), false);
    },
  ),
  sidecarProof(
    "outboundTrafficPolicy.mode",
    "REGISTRY_ONLY refuses hosts that nobody has named, ALLOW_ANY passes them on",
    STRICTLY,
    async (mesh) => {
      const app = await mesh.app("outside");
      const host = `127.0.0.1:${app.port}`;
      const refused = await mesh.call({ from: "teller", host });
      assert.equal(refused.status, 502);
      assert.match(refused.text, /REGISTRY_ONLY/);
      await mesh.applyOne("Sidecar", "outboundTrafficPolicy: {mode: ALLOW_ANY}", SIDECAR);
      assert.equal((await mesh.call({ from: "teller", host })).app, "outside");
    },
  ),
  poolProof(
    "http.http2MaxRequests",
    "bounds how many requests are under way at the app, whoever calls",
    "http: {http2MaxRequests: 2}",
    async (mesh) => assert.equal(await refusedOfFour(mesh), 2),
  ),
  poolProof(
    "tcp.maxConnections http.http1MaxPendingRequests",
    "opens no more connections to the app, and bounds how many requests wait for one",
    "tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}",
    async (mesh, _app, connections) => {
      assert.equal(await refusedOfFour(mesh), 2);
      assert.equal(new Set(connections()).size, 1);
    },
  ),
  poolProof(
    "http.maxRequestsPerConnection",
    "opens a new connection to the app after that many requests",
    "http: {maxRequestsPerConnection: 2}",
    async (mesh, _app, connections) => {
      for (let count = 0; count < 4; count++) await callRatings(mesh);
      const [first = 0] = connections();
      assert.deepEqual(connections(), [first, first, first + 1, first + 1]);
    },
  ),
  poolProof(
    "http.idleTimeout",
    "closes a connection to the app that nothing has used for that long",
    "http: {idleTimeout: 150ms}",
    async (mesh, app) => {
      await callRatings(mesh);
      await waitFor("it is closed", 15_000, () => app.openConnections === 0);
    },
  ),
  poolProof(
    "tcp.maxConnectionDuration",
    "gives up a connection to the app after that time, whatever its use",
    "tcp: {maxConnectionDuration: 200ms}",
    async (mesh, _app, connections) => {
      await waitFor("a second connection", 15_000, async () => {
        assert.equal((await callRatings(mesh)).status, 200);
        return new Set(connections()).size >= 2;
      });
    },
  ),
  proof(
    "Sidecar",
    "inboundConnectionPool.tcp.idleTimeout",
    "closes an opaque connection to the app on which nothing moves for that long",
    async (mesh) => {
      await mesh.applyOne(
        "Service",
        "selector: {app: echo}, ports: [{name: tcp, port: 9000, appProtocol: tcp}]",
      );
      await mesh.applyOne(
        "Sidecar",
        "workloadSelector: {labels: {app: echo}}, inboundConnectionPool: {tcp: {idleTimeout: 200ms}}",
      );
      const { socket } = await mesh.connect(`${mesh.host}:9000`);
      socket.on("error", () => undefined); // the proxy breaks it off
      assert.match(await readUntil(socket, "\n"), /^echo-v/);
      const startedMs = performance.now();
      socket.resume();
      await new Promise((resolve) => socket.once("close", resolve));
      assert.ok(performance.now() - startedMs > 150);
    },
    { isAlone: true },
  ),
];
