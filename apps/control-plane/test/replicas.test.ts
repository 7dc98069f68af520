import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  MtlsGuardResponse,
  MtlsSetResponse,
  ProxiesResponse,
  ProxyDetail,
  ReplicasResponse,
  ResourcesResponse,
  RevisionDetail,
  RevisionsResponse,
  WorkloadsResponse,
} from "@heddle/contracts";
import { beat, openConfigDb } from "@heddle/store";
import { startDatabase, startDatabaseServer, waitFor } from "@heddle/testkit";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";
import { documents, split, subsets } from "./shop-documents.ts";
import { join, registration, StreamClient } from "./stream-client.ts";
import { PATIENCE_MS, runTwo } from "./two-control-planes.ts";

async function resourcesOf(plane: RunningControlPlane): Promise<Record<string, string>> {
  const { body } = await plane.call<ResourcesResponse>("GET", "/resources");
  return Object.fromEntries(
    body.resources.map(({ kind, namespace, name, yaml }) => [`${kind} ${namespace}/${name}`, yaml]),
  );
}

/** What the whole history makes of an empty mesh. */
async function replay(plane: RunningControlPlane): Promise<Record<string, string>> {
  const { body } = await plane.call<RevisionsResponse>("GET", "/revisions?limit=200");
  const texts: Record<string, string> = {};
  for (const { revision } of body.revisions.toReversed()) {
    const detail = await plane.call<RevisionDetail>("GET", `/revisions/${revision}`);
    for (const { kind, namespace, name, before, after } of detail.body.changes) {
      const key = `${kind} ${namespace}/${name}`;
      assert.equal(texts[key], before, `${key} before revision ${revision}`);
      if (after === undefined) delete texts[key];
      else texts[key] = after;
    }
  }
  return texts;
}

test("a change made at one control plane reaches the proxies of the other, and both count them", async (t) => {
  const [a, b] = await runTwo(t);
  const joined = await join(b.controlPort, await b.joinToken());
  const client = await StreamClient.open(t, b.controlPort, joined, {
    workloads: [registration(joined.proxyId, "web-v1")],
    subscriptions: [{ namespace: "shop", host: "reviews" }],
  });
  await client.next("push");
  const { status, body } = await a.apply(subsets("reviews", "v1"));
  assert.equal(status, 200, JSON.stringify(body));
  const push = await client.next("push", ({ revision }) => revision === body.revision);
  assert.ok(push.upserts.some(({ key }) => key === "service/shop/reviews"));
  const { propagation } = body;
  if (propagation?.replicasUnheard === undefined) {
    assert.deepEqual([propagation?.proxiesAcked, propagation?.proxiesTotal], [1, 1]);
  }
  assert.deepEqual(await resourcesOf(b), await resourcesOf(a));
});

test("changes made at two control planes at once are all kept, in one line", async (t) => {
  const planes = await runTwo(t);
  const services = Array.from({ length: 12 }, (_, index) => `s${index}`);
  const answers = await Promise.all(
    services.flatMap((service, index) => {
      const first = planes[index % 2 === 0 ? 0 : 1];
      const second = planes[index % 2 === 0 ? 1 : 0];
      return [
        first.apply(documents(subsets(service, "v1"), split(service, { v1: 100 }))),
        second.apply(subsets(`${service}x`, "v1")),
      ];
    }),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    answers.map(() => 200),
  );
  const revisions = answers.map(({ body }) => body.revision).toSorted((one, two) => one - two);
  assert.deepEqual(
    revisions,
    revisions.map((_, index) => index + 1),
  );
  const [a, b] = planes;
  const replayed = await replay(a);
  assert.equal(Object.keys(replayed).length, 36);
  for (const plane of [a, b]) {
    await waitFor("the newest revision is taken over", PATIENCE_MS, async () => {
      return JSON.stringify(await resourcesOf(plane)) === JSON.stringify(await resourcesOf(a));
    });
    assert.deepEqual(await resourcesOf(plane), replayed);
  }
});

test("of two changes that exclude each other, made at two control planes at once, one is refused", async (t) => {
  const [a, b] = await runTwo(t);
  await a.apply(subsets("reviews", "v1"));
  const answers = await Promise.all([
    a.apply(split("reviews", { v1: 100 }, "one")),
    b.apply(split("reviews", { v1: 100 }, "two")),
  ]);
  const statuses = answers.map(({ status }) => status).toSorted();
  assert.deepEqual(statuses, [200, 422], JSON.stringify(answers));
});

test("a control plane that fell silent is shown, with what its version means beside the others'", async (t) => {
  const database = await startDatabase(t);
  const db = openConfigDb(database.url, () => {});
  t.after(() => db.close());
  const about = { name: "host-x", controlAddress: "127.0.0.1:1", apiUrl: "", startedAtMs: 1 };
  const said = { ...about, proxiesConnected: 0, revision: 0, duties: [] };
  const a = await runControlPlane(t, database.url);
  await beat(db, { ...said, id: "cp-next", version: "0.2.0" });
  await beat(db, { ...said, id: "cp-far", version: "9.0.0" });
  const find = async (id: string) => {
    const { body } = await a.call<ReplicasResponse>("GET", "/replicas");
    return body.replicas.find((one) => one.id === id);
  };
  const next = await waitFor("it to be seen", PATIENCE_MS, () => find("cp-next"));
  assert.match(next.versionSkew ?? "", /^it runs 0\.2\.0, the one that answers .*understand each/);
  const far = await waitFor("the other", PATIENCE_MS, () => find("cp-far"));
  assert.match(far.versionSkew ?? "", /more than one minor version apart is not supported/);
  await waitFor("it to fall silent", PATIENCE_MS, async () => {
    return (await find("cp-next"))?.isAlive === false;
  });
});

test("a task of the whole mesh is the other control plane's as soon as the first stops", async (t) => {
  const [a, b] = await runTwo(t);
  const holders = async (plane: RunningControlPlane) => {
    const { body } = await plane.call<ReplicasResponse>("GET", "/replicas");
    return body.replicas.filter(({ duties }) => duties.includes("forget-replicas"));
  };
  const [holder] = await waitFor("somebody has it", PATIENCE_MS, async () => {
    const found = await holders(a);
    return found.length === 1 && found;
  });
  const [first, other] = holder?.isAnswering === true ? [a, b] : [b, a];
  await first.close();
  await waitFor("the other has it", PATIENCE_MS, async () => {
    const found = await holders(other);
    return found.length === 1 && found[0]?.isAnswering === true;
  });
});

test("an instance is an endpoint for callers at every control plane, from its hello to its goodbye", async (t) => {
  const [a, b] = await runTwo(t);
  const caller = await join(a.controlPort, await a.joinToken());
  const atA = await StreamClient.open(t, a.controlPort, caller, {
    workloads: [registration(caller.proxyId, "web-v1")],
    subscriptions: [{ namespace: "shop", host: "reviews" }],
  });
  await atA.next("push");
  const server = await join(a.controlPort, await a.joinToken()); // it joins at one and turns to the other
  const atB = await StreamClient.open(t, b.controlPort, server, {
    workloads: [registration(server.proxyId, "reviews-v1")],
  });
  const endpointsOf = (upserts: readonly { kind: string; endpoints?: unknown[] }[]) =>
    upserts.find(({ kind }) => kind === "endpoints")?.endpoints?.length;
  await atA.next("push", ({ upserts }) => endpointsOf(upserts) === 1);
  await waitFor("either tells how both stand", PATIENCE_MS, async () => {
    const { body } = await a.call<ProxiesResponse>("GET", "/proxies");
    return body.proxies.filter((one) => one.connected && one.sync === "SYNCED").length === 2;
  });
  const closely = await a.call<ProxyDetail>("GET", `/proxies/${server.proxyId}`);
  assert.ok(closely.body.kinds.some(({ kind, acked }) => kind === "workload" && acked === 1));
  const again = await StreamClient.open(t, a.controlPort, server, {
    workloads: [registration(server.proxyId, "reviews-v1")],
  });
  await again.next("push");
  await atB.closed(); // its newer stream took the place of this one
  again.send({ type: "bye" });
  await atA.next("push", ({ upserts }) => endpointsOf(upserts) === 0);
  await waitFor("it is gone everywhere", PATIENCE_MS, async () => {
    const answer = await b.call<WorkloadsResponse>("GET", "/workloads");
    return answer.body.workloads.every(({ name }) => name !== "reviews-v1");
  });
});

test("callers at one control plane learn what the proxy at another one has acked", async (t) => {
  const [a, b] = await runTwo(t);
  const caller = await join(a.controlPort, await a.joinToken());
  const atA = await StreamClient.open(t, a.controlPort, caller, {
    workloads: [registration(caller.proxyId, "web-v1")],
    subscriptions: [{ namespace: "shop", host: "reviews" }],
  });
  const server = await join(b.controlPort, await b.joinToken());
  const atB = await StreamClient.open(t, b.controlPort, server, {
    workloads: [registration(server.proxyId, "reviews-v1")],
  });
  await atB.next("push");
  await atA.next("push", ({ upserts }) => upserts.some(({ key }) => key.startsWith("endpoints/")));
  const { status } = await a.call("PUT", "/mtls/shop/reviews-v1", { mode: "DISABLE" });
  assert.equal(status, 200);
  const push = await atA.next("push", ({ upserts }) =>
    JSON.stringify(upserts).includes("plaintextPorts"),
  );
  assert.ok(push.upserts.some(({ key }) => key === "endpoints/shop/reviews"));
});

test("a proxy that is put out at one control plane loses its stream at the other", async (t) => {
  const [a, b] = await runTwo(t);
  const joined = await join(b.controlPort, await b.joinToken());
  const client = await StreamClient.open(t, b.controlPort, joined, {
    workloads: [registration(joined.proxyId, "reviews-v1")],
  });
  await client.next("push");
  await waitFor("the other knows it", PATIENCE_MS, async () => {
    const { body } = await a.call<ProxiesResponse>("GET", "/proxies");
    return body.proxies.length === 1;
  });
  const { status, body } = await a.call("POST", "/certificates/revocations", {
    proxyId: joined.proxyId,
    reason: "lost",
  });
  assert.equal(status, 200, JSON.stringify(body));
  await client.closed();
  await waitFor("its instances are gone", PATIENCE_MS, async () => {
    const answer = await b.call<WorkloadsResponse>("GET", "/workloads");
    return answer.body.workloads.length === 0;
  });
});

test("a flip guarded at one control plane is taken back by what a proxy at the other has refused", async (t) => {
  const [a, b] = await runTwo(t);
  const joined = await join(b.controlPort, await b.joinToken());
  const client = await StreamClient.open(t, b.controlPort, joined, {
    workloads: [registration(joined.proxyId, "reviews-v1")],
  });
  await client.next("push");
  await waitFor("the other knows it", PATIENCE_MS, async () => {
    const { body } = await a.call<WorkloadsResponse>("GET", "/workloads");
    return body.workloads.length === 1;
  });
  const guard = { windowMs: 600_000, maxRefusals: 5 };
  const flip = await a.call<MtlsSetResponse>("PUT", "/mtls/shop/reviews-v1", {
    mode: "STRICT",
    guard,
  });
  assert.equal(flip.status, 200, JSON.stringify(flip.body));
  const workload = { namespace: "shop", name: "reviews-v1" };
  const caller = { sourceAddress: "10.0.0.9", reason: "plaintext", wouldBeRefused: 0 } as const;
  client.send({
    type: "turned-away",
    callers: [{ workload, ...caller, refused: 6, lastSeenMs: Date.now() }],
  });
  await waitFor("the flip is taken back", PATIENCE_MS, async () => {
    const { body } = await b.call<MtlsGuardResponse>(
      "GET",
      `/mtls/guards/${flip.body.guard?.id ?? ""}`,
    );
    return body.guard.status === "taken-back" && body.guard.refused === 6;
  });
});

test("after the database was away, control planes hear of each other again and nobody is sent what it has", async (t) => {
  const database = await startDatabaseServer(t);
  const [a, b] = await runTwo(t, database);
  const joined = await join(b.controlPort, await b.joinToken());
  const client = await StreamClient.open(t, b.controlPort, joined, {
    workloads: [registration(joined.proxyId, "web-v1")],
    subscriptions: [{ namespace: "shop", host: "reviews" }],
  });
  await client.next("push");
  await a.apply(subsets("reviews", "v1"));
  await client.next("push", ({ upserts }) => upserts.some(({ key }) => key.startsWith("service/")));
  process.kill(database.pid, "SIGKILL");
  await waitFor("changes are refused", PATIENCE_MS, async () => {
    return (await a.apply(subsets("reviews", "v2"))).status === 503;
  });
  const sentBefore = client.received.length;
  await database.restart();
  const applied = await waitFor("changes work again", PATIENCE_MS, async () => {
    const answer = await a.apply(subsets("reviews", "v1", "v2"));
    return answer.status === 200 && answer.body;
  });
  await waitFor("the other has taken it over", PATIENCE_MS, async () => {
    return JSON.stringify(await resourcesOf(b)) === JSON.stringify(await resourcesOf(a));
  });
  await waitFor("its proxy runs it", PATIENCE_MS, () =>
    client.received.some((one) => one.type === "push" && one.revision === applied.revision),
  );
  const sent = client.received.slice(sentBefore).filter((one) => one.type === "push");
  const keys = sent.flatMap(({ upserts }) => upserts.map(({ key }) => key));
  assert.deepEqual(new Set(keys), new Set(["service/shop/reviews"]));
  assert.equal(client.closeCode, undefined);
});
