import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "node:tls";
import {
  CONTROL_STREAM_PATH,
  CONTROL_STREAM_PROTOCOL,
  type ProxiesResponse,
  type WorkloadsResponse,
} from "@heddle/contracts";
import { startDatabase, waitFor } from "@heddle/testkit";
import { splitPem } from "../src/snapshot/mesh-trust.ts";
import { runControlPlane } from "./running-control-plane.ts";
import { documents, split, subsets } from "./shop-documents.ts";
import { fetchRoot, join, makeCsr, postJoin, registration, StreamClient } from "./stream-client.ts";

async function setUp(t: Parameters<typeof runControlPlane>[0]) {
  const database = await startDatabase(t);
  const plane = await runControlPlane(t, database.url);
  return { plane, port: plane.controlPort };
}

test("a proxy joins with its token and gets a certificate that names only itself", async (t) => {
  const { plane, port } = await setUp(t);
  const token = await plane.joinToken();
  assert.equal(token.split(".").at(-1), (await fetchRoot(port)).hash);
  const joined = await join(port, token);
  const certificate = new X509Certificate(joined.certPem);
  assert.equal(
    certificate.subjectAltName,
    `URI:spiffe://cluster.local/heddle/proxy/${joined.proxyId}`,
  );
  const chain = splitPem(joined.certPem).map((pem) => new X509Certificate(pem));
  const [leaf, intermediate] = chain;
  assert.ok(leaf && intermediate && chain.length === 2);
  assert.ok(leaf.verify(intermediate.publicKey));
  assert.ok(intermediate.verify(new X509Certificate(joined.rootPem).publicKey));
});

test("the server's certificate bears the names by which proxies of other hosts call it", async (t) => {
  const controlNames = ["mesh.example", "192.0.2.7"];
  const plane = await runControlPlane(t, (await startDatabase(t)).url, { controlNames });
  const socket = connect({ port: plane.controlPort, rejectUnauthorized: false });
  t.after(() => socket.destroy());
  await once(socket, "secureConnect");
  const names = socket.getPeerCertificate().subjectaltname?.split(", ") ?? [];
  for (const name of ["DNS:localhost", "DNS:mesh.example", "IP Address:192.0.2.7"]) {
    assert.ok(names.includes(name), `${name} in ${names.join(", ")}`);
  }
});

test("joining is refused without a good token, a good request, or a use left", async (t) => {
  const { plane, port } = await setUp(t);
  const token = await plane.joinToken({ maxUses: 1 });
  const { csrPem } = await makeCsr();
  const ask = (body: object | string) => postJoin(port, body);
  const proxyName = "host-a";
  const forged = token.replace(/\.[\w-]{43}\./, `.${"x".repeat(43)}.`);
  assert.equal((await ask({ token: forged, csrPem, proxyName })).status, 401);
  assert.equal((await ask({ token: "hello", csrPem, proxyName })).status, 401);
  assert.equal((await ask({ token, csrPem: "nonsense", proxyName })).status, 400);
  assert.equal((await ask("{")).status, 400);
  assert.equal((await ask({ token, csrPem: "x".repeat(70_000), proxyName })).status, 413);
  assert.equal((await ask({ token, csrPem, proxyName })).status, 200);
  const spent = await ask({ token, csrPem, proxyName });
  assert.equal(spent.status, 401);
  assert.equal(spent.body.code, "HEDDLE_JOIN_TOKEN_SPENT");
});

test("two proxies that race for the last use of a token do not both get in", async (t) => {
  const { plane, port } = await setUp(t);
  const token = await plane.joinToken({ maxUses: 1 });
  const { csrPem } = await makeCsr();
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => postJoin(port, { token, csrPem, proxyName: "racer" })),
  );
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
});

test("the stream is closed to callers without a certificate of the mesh", async (t) => {
  const { port } = await setUp(t);
  const { keyPem } = await makeCsr();
  const root = await fetchRoot(port);
  const stranger = { proxyId: "px-0", certPem: "", keyPem, rootPem: root.pem };
  await assert.rejects(StreamClient.open(t, port, { ...stranger, keyPem: "" }), /401/);
});

test("a workload's certificate says who it is, whatever the request asks for", async (t) => {
  const { plane, port } = await setUp(t);
  const joined = await join(port, await plane.joinToken());
  const client = await StreamClient.open(t, port, joined, {
    workloads: [registration(joined.proxyId, "reviews-v2")],
  });
  await client.next("welcome");
  const { csrPem } = await makeCsr("CN=payments, O=bank");
  client.send({ type: "csr", workload: { namespace: "shop", name: "reviews-v2" }, csrPem });
  const issued = await client.next("certificate");
  const certificate = new X509Certificate(issued.chainPem);
  assert.equal(certificate.subjectAltName, "URI:spiffe://cluster.local/ns/shop/sa/reviews-v2");
  assert.equal(certificate.subject, "CN=reviews-v2\nO=reviews\nOU=v2");
  assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"]);
  assert.equal(certificate.ca, false);
  client.send({ type: "csr", workload: { namespace: "shop", name: "payments" }, csrPem });
  assert.equal((await client.next("refused")).code, "HEDDLE_WORKLOAD_NOT_ALLOWED");
});

test("a proxy may host only what its join token allowed", async (t) => {
  const { plane, port } = await setUp(t);
  const joined = await join(port, await plane.joinToken({ workload: "reviews-v1" }));
  const client = await StreamClient.open(t, port, joined, {
    workloads: [registration(joined.proxyId, "payments-v1")],
  });
  const refusal = await client.next("refused");
  assert.equal(refusal.code, "HEDDLE_WORKLOAD_NOT_ALLOWED");
  assert.match(refusal.message, /shop\/payments-v1.*allows only shop\/reviews-v1/);
  assert.equal(await client.closed(), 1008);
});

test("a subscription brings routes and endpoints, a change only what it changed", async (t) => {
  const { plane, port } = await setUp(t);
  const joined = await join(port, await plane.joinToken());
  const client = await StreamClient.open(t, port, joined, {
    workloads: [
      registration(joined.proxyId, "front"),
      registration(joined.proxyId, "reviews-v1"),
      registration(joined.proxyId, "reviews-v2", { inboundPort: 15_007 }),
    ],
  });
  const first = await client.next("push");
  assert.deepEqual(first.upserts.map(({ key }) => key).sort(), [
    "trust/mesh",
    "workload/shop/front",
    "workload/shop/reviews-v1",
    "workload/shop/reviews-v2",
  ]);
  const subscriptions = [
    { namespace: "shop", host: "reviews:8080" },
    { namespace: "shop", host: "api.example.com" },
  ];
  client.send({ type: "subscribe", subscriptions });
  const second = await client.next("push", ({ upserts }) => upserts.length > 0);
  assert.deepEqual(second.upserts.map(({ key }) => key).sort(), [
    "endpoints/shop/reviews",
    "service/shop/reviews",
  ]);
  assert.deepEqual(
    second.resolutions.map(({ service }) => service),
    [{ namespace: "shop", name: "reviews" }, null],
  );
  const endpoints = second.upserts.find(({ kind }) => kind === "endpoints");
  assert.ok(endpoints?.kind === "endpoints");
  assert.deepEqual(
    endpoints.endpoints.map(({ workload, port, identity }) => [workload, port, identity]),
    [
      ["reviews-v1", 15_006, "spiffe://cluster.local/ns/shop/sa/reviews-v1"],
      ["reviews-v2", 15_007, "spiffe://cluster.local/ns/shop/sa/reviews-v2"],
    ],
  );
  const applied = await plane.apply(
    documents(subsets("reviews", "v1", "v2"), split("reviews", { v1: 90, v2: 10 })),
  );
  assert.equal(applied.status, 200, JSON.stringify(applied.body));
  const third = await client.next("push", ({ upserts }) => upserts.length > 0);
  assert.deepEqual(
    third.upserts.map(({ key }) => key),
    ["service/shop/reviews"],
  );
  assert.equal(third.revision, applied.body.revision);
  assert.equal(applied.body.propagation?.proxiesAcked, 1);
  const [service] = third.upserts;
  assert.ok(service?.kind === "service");
  assert.deepEqual(
    service.routes[0]?.destinations.map(({ subset, weight }) => [subset, weight]),
    [
      ["v1", 90],
      ["v2", 10],
    ],
  );
});

test("a proxy that comes back with all it had is sent nothing new", async (t) => {
  const { plane, port } = await setUp(t);
  const joined = await join(port, await plane.joinToken());
  const hello = {
    workloads: [registration(joined.proxyId, "reviews-v1")],
    subscriptions: [{ namespace: "shop", host: "reviews" }],
  };
  const before = await StreamClient.open(t, port, joined, hello);
  await before.next("push", ({ upserts }) => upserts.length === 4);
  before.terminate();
  const have = [...before.have(), { key: "service/shop/gone", version: "1" }];
  await plane.restart();
  const after = await StreamClient.open(t, port, joined, { ...hello, have });
  const push = await after.next("push");
  assert.deepEqual(push.upserts, []);
  assert.deepEqual(push.removes, ["service/shop/gone"]);
});

test("a service that appears later is resolved for those who asked for it before", async (t) => {
  const { plane, port } = await setUp(t);
  const token = await plane.joinToken();
  const joined = await join(port, token);
  const caller = await StreamClient.open(t, port, joined, {
    workloads: [registration(joined.proxyId, "front")],
    subscriptions: [{ namespace: "shop", host: "ratings" }],
  });
  assert.equal((await caller.next("push")).resolutions[0]?.service, null);
  const other = await join(port, token);
  await StreamClient.open(t, port, other, {
    workloads: [registration(other.proxyId, "ratings-v1")],
  });
  const push = await caller.next("push");
  assert.deepEqual(push.resolutions[0]?.service, { namespace: "shop", name: "ratings" });
});

test("a refused push is shown with its reason and not sent again until something changes", async (t) => {
  const { plane, port } = await setUp(t);
  const joined = await join(port, await plane.joinToken());
  const client = await StreamClient.open(t, port, joined, {
    workloads: [
      registration(joined.proxyId, "reviews-v1"),
      registration(joined.proxyId, "reviews-v2"),
    ],
    subscriptions: [{ namespace: "shop", host: "reviews" }],
  });
  await client.next("push", ({ upserts }) => upserts.length > 0);
  const sync = async () =>
    (await plane.call<ProxiesResponse>("GET", "/proxies")).body.proxies[0]?.sync;
  await waitFor("in sync", 5000, async () => (await sync()) === "SYNCED");
  client.answer = "nack";
  const refused = await plane.apply(subsets("reviews", "v1", "v2"));
  assert.deepEqual(refused.body.propagation?.nacks, [
    { proxyId: joined.proxyId, reason: "no room for it" },
  ]);
  const [proxy] = (await plane.call<ProxiesResponse>("GET", "/proxies")).body.proxies;
  assert.equal(proxy?.sync, "ERROR");
  assert.equal(proxy?.lastNack, "no room for it");
  const pushes = client.received.filter(({ type }) => type === "push").length;
  client.answer = "ack";
  const next = await plane.apply(split("reviews", { v1: 50, v2: 50 }));
  assert.equal(next.body.propagation?.proxiesAcked, 1);
  assert.equal(client.received.filter(({ type }) => type === "push").length, pushes + 1);
  assert.equal(await sync(), "SYNCED");
});

test("changes made while a push is under way are folded into one", async (t) => {
  const { plane, port } = await setUp(t);
  const joined = await join(port, await plane.joinToken());
  const client = await StreamClient.open(t, port, joined, {
    workloads: [
      registration(joined.proxyId, "reviews-v1"),
      registration(joined.proxyId, "reviews-v2"),
    ],
    subscriptions: [{ namespace: "shop", host: "reviews" }],
  });
  await client.next("push", ({ upserts }) => upserts.length > 0);
  await plane.apply(subsets("reviews", "v1", "v2"));
  await client.next("push");
  client.answer = "none";
  const slow = plane.apply(split("reviews", { v1: 90, v2: 10 }));
  const held = await client.next("push");
  const changes = [20, 30, 40].map((v2) => plane.apply(split("reviews", { v1: 100 - v2, v2 })));
  await waitFor("revision 5", 5000, async () => {
    const { body } = await plane.call<{ revision: number }>("GET", "/status");
    return body.revision === 5;
  });
  client.answer = "ack";
  client.ack(held.nonce);
  await Promise.all([slow, ...changes]);
  const pushes = client.received.filter(({ type }) => type === "push").slice(-2);
  assert.deepEqual(
    pushes.map((push) => push.type === "push" && push.revision),
    [2, 5],
  );
});

test("a workload leaves at once with bye, and stays for its lease when the stream breaks", async (t) => {
  const { plane, port } = await setUp(t);
  const token = await plane.joinToken();
  const first = await join(port, token);
  const leaver = await StreamClient.open(t, port, first, {
    workloads: [registration(first.proxyId, "reviews-v1")],
  });
  await leaver.next("push");
  const second = await join(port, token);
  const lost = await StreamClient.open(t, port, second, {
    workloads: [registration(second.proxyId, "reviews-v2")],
  });
  await lost.next("push");
  leaver.send({ type: "bye" });
  lost.terminate();
  const workloads = async () =>
    (await plane.call<WorkloadsResponse>("GET", "/workloads")).body.workloads;
  await waitFor("one is gone", 5000, async () => (await workloads()).length === 1);
  const [left] = await workloads();
  assert.equal(left?.name, "reviews-v2");
  await waitFor("the other is lost", 5000, async () => {
    return (await workloads())[0]?.instances[0]?.state === "disconnected";
  });
});

/** Asks for the stream as a WebSocket client does, without a certificate. */
const UPGRADE = [
  `GET ${CONTROL_STREAM_PATH} HTTP/1.1`,
  "host: mesh",
  "connection: upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
  "\r\n",
].join("\r\n");

test("a caller whose stream is refused holds no connection open, so that stopping ends", async (t) => {
  const { plane, port } = await setUp(t);
  const socket = connect({ port, rejectUnauthorized: false });
  socket.allowHalfOpen = true; // it does not hang up by itself
  t.after(() => socket.destroy());
  await once(socket, "secureConnect");
  socket.write(UPGRADE);
  const [answer] = await once(socket, "data");
  assert.match(String(answer), /^HTTP\/1\.1 401 /);
  let isStopped = false;
  void plane.close().then(() => {
    isStopped = true;
  });
  await waitFor("the control plane's stop", 20_000, () => isStopped);
});

test("a proxy that was put out cannot register again on the stream it had", async (t) => {
  const { plane, port } = await setUp(t);
  const joined = await join(port, await plane.joinToken());
  const { proxyId } = joined;
  const workloads = [registration(proxyId, "reviews-v1")];
  const stream = await StreamClient.open(t, port, joined, { workloads });
  await stream.next("push");
  stream.onMessage = (message) => {
    if (message.type !== "refused") return;
    const about = { proxyId, proxyName: "host-a", proxyVersion: "0.1.0" };
    const hello = { ...about, workloads, subscriptions: [], have: [] };
    stream.send({ type: "hello", protocol: CONTROL_STREAM_PROTOCOL, ...hello });
  };
  const reason = "its host was taken over";
  const answer = await plane.call("POST", "/certificates/revocations", { proxyId, reason });
  assert.equal(answer.status, 200);
  await stream.closed();
  const { body } = await plane.call<WorkloadsResponse>("GET", "/workloads");
  assert.deepEqual(body.workloads, []);
});
