import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type {
  ApplyResponse,
  AuditResponse,
  ControlMessage,
  EndpointsResource,
  GoneInstancesResponse,
  HoldResponse,
  HoldsResponse,
  InstanceResponse,
  RegistrySourcesResponse,
  RevisionsResponse,
  WorkloadsResponse,
} from "@heddle/contracts";
import { loadRegistry, openConfigDb, saveRegistry } from "@heddle/store";
import { startDatabase, waitFor } from "@heddle/testkit";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";
import { join, registration, StreamClient } from "./stream-client.ts";

const LEASE_DEADLINE_MS = 60_000;
const subscriptions = ["reviews", "ratings"].map((host) => ({ namespace: "shop", host }));

/** How many endpoints of a service a proxy has been told last; `undefined`: nothing of it. */
function told(client: StreamClient, key: string): number | undefined {
  return endpointsIn(client.received, `endpoints/${key}`)?.length;
}

function endpointsIn(
  received: readonly ControlMessage[],
  key: string,
): EndpointsResource["endpoints"] | undefined {
  const all = received.flatMap((message) => (message.type === "push" ? message.upserts : []));
  const found = all.findLast((resource) => resource.kind === "endpoints" && resource.key === key);
  return found?.kind === "endpoints" ? found.endpoints : undefined;
}

async function serve(t: TestContext, plane: RunningControlPlane, workload: string) {
  const joined = await join(plane.controlPort, await plane.joinToken());
  const workloads = [registration(joined.proxyId, workload)];
  const client = await StreamClient.open(t, plane.controlPort, joined, { workloads });
  return { joined, client, hello: { workloads } };
}

async function holdsOf(plane: RunningControlPlane): Promise<HoldsResponse["holds"]> {
  return (await plane.call<HoldsResponse>("GET", "/holds")).body.holds;
}

test("a registry that hears of nobody any more keeps their endpoints, says why and asks", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const v1 = await serve(t, plane, "reviews-v1");
  const v2 = await serve(t, plane, "reviews-v2");
  const v3 = await serve(t, plane, "reviews-v3");
  const ratings = await serve(t, plane, "ratings");
  const own = await join(plane.controlPort, await plane.joinToken());
  const caller = await StreamClient.open(t, plane.controlPort, own, {
    workloads: [registration(own.proxyId, "caller")],
    subscriptions,
  });
  await waitFor("the caller to know all", 10_000, () => {
    return told(caller, "shop/reviews") === 3 && told(caller, "shop/ratings") === 1;
  });
  for (const { client } of [v1, v2, v3, ratings]) client.terminate();

  const beat = setInterval(
    () => caller.send({ type: "observed", endpoints: [], protocols: [] }),
    4000,
  );
  t.after(() => clearInterval(beat));
  const holds = await waitFor("both to be held", LEASE_DEADLINE_MS, async () => {
    const found = await holdsOf(plane);
    return found.length === 2 ? found : undefined;
  });
  assert.deepEqual([told(caller, "shop/reviews"), told(caller, "shop/ratings")], [3, 1]);
  const reviews = holds.find(({ service }) => service === "shop/reviews");
  assert.ok(reviews);
  assert.deepEqual(
    [reviews.cause, reviews.endpointsBefore, reviews.endpointsAfter, reviews.held.length],
    ["leases", 3, 0, 3],
  );
  assert.match(reviews.words, /3 of the 3 endpoints of shop\/reviews gave no more sign of life/);
  const { workloads } = (await plane.call<WorkloadsResponse>("GET", "/workloads")).body;
  const shown = workloads.find(({ name }) => name === "reviews-v1")?.instances[0];
  assert.deepEqual([shown?.state, shown?.holdId], ["disconnected", reviews.id]);

  // one comes back: it is no longer held, and the caller sees no change
  await StreamClient.open(t, plane.controlPort, v1.joined, v1.hello);
  await waitFor("one to be held no more", 10_000, async () => {
    const now = (await holdsOf(plane)).find(({ id }) => id === reviews.id);
    return now?.held.length === 2;
  });
  assert.equal((await plane.callAs("viewer", "POST", `/holds/${reviews.id}/confirm`)).status, 403);
  const kept = await plane.callAs<HoldResponse>("operator", "POST", `/holds/${reviews.id}/dismiss`);
  assert.equal(kept.body.revision, 0);
  assert.equal((await holdsOf(plane)).at(-1)?.dismissed?.by, "ada", "the dismissed ones come last");
  assert.equal(told(caller, "shop/reviews"), 3);
  const answer = await plane.callAs<HoldResponse>(
    "operator",
    "POST",
    `/holds/${reviews.id}/confirm`,
    { reason: "host b was switched off" },
  );
  assert.ok(answer.body.revision > 0, answer.body.words);
  await waitFor("the caller to lose the others", 10_000, () => told(caller, "shop/reviews") === 1);

  // of the lonely one a caller says that nobody is there: that makes two witnesses
  clearInterval(beat);
  caller.send({
    type: "observed",
    protocols: [],
    endpoints: [
      {
        source: { namespace: "shop", name: "caller" },
        service: { namespace: "shop", name: "ratings" },
        endpointId: `${ratings.joined.proxyId}/shop/ratings`,
        state: "unreachable",
        reason: "connection refused",
        sinceMs: Date.now(),
      },
    ],
  });
  await waitFor("the lonely one to go", 10_000, () => told(caller, "shop/ratings") === 0);
  const { gone } = (await plane.call<GoneInstancesResponse>("GET", "/registry/gone")).body;
  assert.deepEqual(
    gone.map(({ cause }) => cause),
    ["unreachable", "confirmed", "confirmed"],
  );
  const { revisions } = (await plane.call<RevisionsResponse>("GET", "/revisions")).body;
  const [newest] = revisions;
  assert.deepEqual(
    [newest?.kind, newest?.author, newest?.reason, newest?.services],
    ["registry", "ada", "host b was switched off", ["shop/reviews"]],
  );
  const { entries } = (await plane.call<AuditResponse>("GET", "/audit")).body;
  assert.ok(entries.some(({ act, target }) => act === "hold.confirm" && target === "shop/reviews"));
});

test("a control plane that starts with an empty registry empties no proxy, says why and asks", async (t) => {
  const database = await startDatabase(t);
  const plane = await runControlPlane(t, database.url);
  const server = await serve(t, plane, "reviews-v1");
  const own = await join(plane.controlPort, await plane.joinToken());
  const hello = {
    workloads: [registration(own.proxyId, "caller")],
    subscriptions: [{ namespace: "shop", host: "reviews" }],
  };
  const before = await StreamClient.open(t, plane.controlPort, own, hello);
  await waitFor("the caller to know it", 10_000, () => told(before, "shop/reviews") === 1);
  before.terminate();
  server.client.terminate();
  await plane.restart({
    meanwhile: async () => {
      const db = openConfigDb(database.url, () => {});
      const { instances } = await loadRegistry(db);
      const removedInstanceIds = instances.map(({ instanceId }) => instanceId);
      await saveRegistry(db, { seen: [], saved: [], removedInstanceIds, replicaId: "test" });
      await db.close();
    },
  });
  const have = before.have();
  const caller = await StreamClient.open(t, plane.controlPort, own, { ...hello, have });
  const first = await caller.next("push");
  const isOfReviews = (key: string) => key.endsWith("/shop/reviews");
  assert.ok(!first.upserts.some(({ key }) => key === "endpoints/shop/reviews"));
  assert.deepEqual(first.removes.filter(isOfReviews), []);
  const hold = await waitFor("it to be asked for", LEASE_DEADLINE_MS, async () => {
    return (await holdsOf(plane)).find(({ service }) => service === "shop/reviews");
  });
  assert.equal(hold.cause, "start");
  assert.equal(told(caller, "shop/reviews"), undefined, "nothing was taken");
  await StreamClient.open(t, plane.controlPort, server.joined, server.hello);
  await waitFor("the hold to end", 10_000, async () => (await holdsOf(plane)).length === 0);
});

test("an instance without a proxy comes in by the API, lives by its lease and can be taken out", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const own = await join(plane.controlPort, await plane.joinToken());
  const caller = await StreamClient.open(t, plane.controlPort, own, {
    subscriptions: [{ namespace: "shop", host: "legacy" }],
  });
  const path = "/registry/instances/shop/legacy-1";
  const body = { service: "legacy", address: "10.0.0.9", port: 8080, weight: 3 };
  assert.equal((await plane.callAs("viewer", "PUT", path, body)).status, 403);
  const bad = await plane.call("PUT", path, { ...body, address: "no address" });
  assert.match(bad.body.detail, /address: expected an IP address or host name \(is "no address"\)/);
  const first = await plane.callAs<InstanceResponse>("operator", "PUT", path, body);
  assert.deepEqual([first.status, first.body.isNew], [200, true]);
  await waitFor("the caller to know it", 10_000, () => told(caller, "shop/legacy") === 1);
  const [endpoint] = endpointsIn(caller.received, "endpoints/shop/legacy") ?? [];
  assert.deepEqual(
    [endpoint?.address, endpoint?.port, endpoint?.weight, endpoint?.identity],
    ["10.0.0.9", 8080, 3, undefined],
  );
  const again = await plane.callAs<InstanceResponse>("operator", "PUT", path, body);
  assert.equal(again.body.isNew, false);
  const { sources } = (await plane.call<RegistrySourcesResponse>("GET", "/registry/sources")).body;
  assert.deepEqual(
    sources.map(({ name, count }) => [name, count]),
    [["api", 1]],
  );
  await plane.restart();
  const { workloads } = (await plane.call<WorkloadsResponse>("GET", "/workloads")).body;
  const kept = workloads.find(({ name }) => name === "legacy-1")?.instances[0];
  assert.deepEqual([kept?.source, kept?.state], ["api", "connected"]);
  const back = await StreamClient.open(t, plane.controlPort, own, {
    subscriptions: [{ namespace: "shop", host: "legacy" }],
  });
  await waitFor("the caller to know it again", 10_000, () => told(back, "shop/legacy") === 1);
  assert.equal((await plane.callAs("operator", "DELETE", path)).status, 200);
  await waitFor("it to be gone", 10_000, () => told(back, "shop/legacy") === 0);
  assert.equal((await plane.callAs("operator", "DELETE", path)).status, 404);
});

const entry = (...addresses: string[]) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: db, namespace: shop }
spec:
  hosts: [db.internal]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{ number: 5432, name: tcp, protocol: TCP }]
  endpoints: [${addresses.map((address) => `{ address: ${address} }`).join(", ")}]
`;

test("a change that takes most endpoints of a service in use needs a word that this is meant", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const all = entry("10.0.0.1", "10.0.0.2", "10.0.0.3");
  assert.equal((await plane.apply(all)).status, 200);
  const one = entry("10.0.0.1");
  assert.equal((await plane.apply(one)).status, 200, "nobody uses it yet");
  assert.equal((await plane.apply(all)).status, 200);

  const own = await join(plane.controlPort, await plane.joinToken());
  const caller = await StreamClient.open(t, plane.controlPort, own, {
    subscriptions: [{ namespace: "shop", host: "db.internal" }],
  });
  await waitFor("the caller to know it", 10_000, () => told(caller, "shop/db.internal") === 3);
  const refused = await plane.apply<{ code: string; detail: string }>(one);
  assert.deepEqual([refused.status, refused.body.code], [409, "HEDDLE_ENDPOINT_LOSS"]);
  assert.match(refused.body.detail, /shop\/db\.internal would have 1 of its 3 endpoints left/);
  const tried = await plane.apply(one, { dryRun: true });
  assert.match(tried.body.warnings.join(), /would have 1 of its 3 endpoints left/);
  const path = "/resources/ServiceEntry/shop/db";
  assert.equal((await plane.call("DELETE", path)).status, 409);
  assert.equal((await plane.apply(entry("10.0.0.1", "10.0.0.2"))).status, 200, "a third may go");
  assert.equal((await plane.apply(one)).status, 200, "half may go");
  const meant = await plane.call<ApplyResponse>("DELETE", `${path}?acceptEndpointLoss=true`);
  assert.equal(meant.status, 200);
});
