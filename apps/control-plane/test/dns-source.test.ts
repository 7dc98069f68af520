import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  EndpointsResource,
  HoldResponse,
  HoldsResponse,
  RegistrySource,
  RegistrySourcesResponse,
  ResourcesResponse,
} from "@heddle/contracts";
import {
  type DnsServer,
  type ServedRecord,
  startDatabase,
  startDnsServer,
  waitFor,
} from "@heddle/testkit";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";
import { join, StreamClient } from "./stream-client.ts";

const DEADLINE_MS = 30_000;

const source = (server: DnsServer, lookups: string, intervals = "minInterval: 1s") => `
apiVersion: heddle.dev/v1
kind: DnsSource
metadata: { name: db, namespace: shop }
spec:
  lookups: [${lookups}]
  port: { number: 5432, protocol: tcp }
  servers: ["${server.address}"]
  ${intervals}
`;

const addresses = (...all: string[]) =>
  all.map((address): ServedRecord => ({ type: "A", address, ttl: 1 }));
const service = (target: string, port: number, priority = 10, weight = 1): ServedRecord => ({
  ...{ type: "SRV", target, port, priority, weight, ttl: 1 },
});

function told(client: StreamClient): string | undefined {
  const all = client.received.flatMap((message) =>
    message.type === "push" ? message.upserts : [],
  );
  const found = all.findLast(({ key }) => key === "endpoints/shop/db") as
    | EndpointsResource
    | undefined;
  return found?.endpoints
    .map((one) => `${one.address}:${one.port}*${one.weight ?? 1}`)
    .sort()
    .join();
}

async function sourceOf(plane: RunningControlPlane): Promise<RegistrySource | undefined> {
  const { body } = await plane.call<RegistrySourcesResponse>("GET", "/registry/sources");
  return body.sources.find(({ name }) => name === "dns shop/db");
}

async function holdsOf(plane: RunningControlPlane): Promise<HoldsResponse["holds"]> {
  return (await plane.call<HoldsResponse>("GET", "/holds")).body.holds;
}

test("names of the DNS are endpoints: a server that dies keeps them, an empty answer is held and asks", async (t) => {
  const server = await startDnsServer(t);
  server.records.set("db.test", addresses("10.0.0.1", "10.0.0.2"));
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const yaml = source(server, "{ name: db.test, type: A, port: 6432, labels: { version: v1 } }");
  assert.equal((await plane.apply(yaml)).status, 200);
  const own = await join(plane.controlPort, await plane.joinToken());
  const hello = { subscriptions: [{ namespace: "shop", host: "db" }] };
  const caller = await StreamClient.open(t, plane.controlPort, own, hello);
  const both = "10.0.0.1:6432*1,10.0.0.2:6432*1";
  await waitFor("the caller to know both", DEADLINE_MS, () => told(caller) === both);
  const { resources } = (await plane.call<ResourcesResponse>("GET", "/resources?kind=ServiceEntry"))
    .body;
  assert.deepEqual(
    resources.map(({ name, origin }) => [name, origin]),
    [["db", { source: "dns shop/db" }]],
  );
  const state = await sourceOf(plane);
  assert.deepEqual(
    [state?.state, state?.count, state?.lookups?.[0]?.ttlSeconds, state?.lookups?.[0]?.state],
    ["ok", 2, 1, "ok"],
  );

  server.records.set("db.test", addresses("10.0.0.2", "10.0.0.3"));
  await waitFor(
    "the new answer",
    DEADLINE_MS,
    () => told(caller) === "10.0.0.2:6432*1,10.0.0.3:6432*1",
  );

  server.records.set("db.test", "broken");
  const broken = await waitFor("the failure to show", DEADLINE_MS, async () => {
    const now = await sourceOf(plane);
    return now?.state === "failing" ? now : undefined;
  });
  assert.match(
    broken.faults[0]?.message ?? "",
    /^db\.test: the DNS does not answer \(ESERVFAIL\); its last answer stays in use$/,
  );
  assert.deepEqual([broken.count, (await holdsOf(plane)).length], [2, 0]);

  server.records.delete("db.test"); // there is no such name any more
  const hold = await waitFor("it to be held", DEADLINE_MS, async () => (await holdsOf(plane))[0]);
  assert.deepEqual(
    [hold.cause, hold.source, hold.endpointsBefore, hold.endpointsAfter, hold.held.length],
    ["source", "dns shop/db", 2, 0, 2],
  );
  assert.equal(told(caller), "10.0.0.2:6432*1,10.0.0.3:6432*1");
  const why = (await sourceOf(plane))?.faults[0]?.message;
  assert.equal(why, "db.test: the DNS knows no A of that name");

  server.records.set("db.test", addresses("10.0.0.2", "10.0.0.3", "10.0.0.4"));
  await waitFor(
    "the hold to end by itself",
    DEADLINE_MS,
    async () => (await holdsOf(plane)).length === 0,
  );
  await waitFor(
    "the third to be known",
    DEADLINE_MS,
    () => told(caller)?.includes("10.0.0.4") === true,
  );

  // killed, and the control plane restarted meanwhile: the last answer stands in the database
  await server.close();
  await plane.restart();
  const again = await StreamClient.open(t, plane.controlPort, own, hello);
  const three = "10.0.0.2:6432*1,10.0.0.3:6432*1,10.0.0.4:6432*1";
  await waitFor("the caller to know all again", DEADLINE_MS, () => told(again) === three);

  // taking the source away is a change like others: it asks, too, and takes its endpoints with it
  const path = "/resources/DnsSource/shop/db";
  assert.equal((await plane.call("DELETE", path)).status, 409);
  assert.equal((await plane.call("DELETE", `${path}?acceptEndpointLoss=true`)).status, 200);
  await waitFor("the endpoints to go", DEADLINE_MS, () => {
    return again.have().every(({ key }) => key !== "endpoints/shop/db");
  });
});

test("SRV answers say ports and weights; of several priorities the first is used, and a yes lets the last go", async (t) => {
  const server = await startDnsServer(t);
  server.records.set("a.test", addresses("10.0.1.1"));
  server.records.set("b.test", addresses("10.0.1.2"));
  server.records.set("spare.test", addresses("10.0.9.9"));
  const name = "_db._tcp.test";
  server.records.set(name, [
    service("a.test", 7001, 10, 3),
    service("b.test", 7002, 10, 0),
    service("spare.test", 7003, 20),
  ]);
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  assert.equal((await plane.apply(source(server, `{ name: ${name} }`))).status, 200);
  const own = await join(plane.controlPort, await plane.joinToken());
  const caller = await StreamClient.open(t, plane.controlPort, own, {
    subscriptions: [{ namespace: "shop", host: "db" }],
  });
  await waitFor("both of the first priority", DEADLINE_MS, () => {
    return told(caller) === "10.0.1.1:7001*3,10.0.1.2:7002*1";
  });
  server.records.set(name, [service("a.test", 7011, 10, 1), service("b.test", 7002, 10, 5)]);
  await waitFor("the other port and weights", DEADLINE_MS, () => {
    return told(caller) === "10.0.1.1:7011*1,10.0.1.2:7002*5";
  });
  server.records.set(name, [service("spare.test", 7003, 20)]);
  await waitFor(
    "half as many to be an ordinary change",
    DEADLINE_MS,
    () => told(caller) === "10.0.9.9:7003*1",
  );

  server.records.set(name, []);
  const hold = await waitFor(
    "the last to be held",
    DEADLINE_MS,
    async () => (await holdsOf(plane))[0],
  );
  const path = `/holds/${hold.id}/confirm`;
  const answer = await plane.callAs<HoldResponse>("operator", "POST", path, { reason: "moved" });
  assert.ok(answer.body.revision > 0, JSON.stringify(answer.body));
  await waitFor("it to go", DEADLINE_MS, () => told(caller) === "");
  assert.ok(server.asked(name) > 3);
});

test("a DnsSource that cannot be is refused with what is allowed", async (t) => {
  const server = await startDnsServer(t);
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const refused = async (yaml: string) => {
    const { status, body } = await plane.apply<{ detail: string }>(yaml);
    assert.equal(status, 422);
    return body.detail;
  };
  assert.match(
    await refused(source(server, "{ name: _db._tcp.test, port: 1 }")),
    /lookups\[0\]\.port.*is said by the SRV answer; leave it out/,
  );
  assert.match(
    await refused(source(server, "{ name: db.test }", "minInterval: 100ms")),
    /minInterval.*expected at least 1s/,
  );
  assert.match(await refused(source(server, "{ name: db..test }")), /expected a name of the DNS/);
});
