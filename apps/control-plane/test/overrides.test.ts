import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type {
  AuditResponse,
  EndpointsResource,
  EndpointsResponse,
  InstanceOverrideResponse,
  InstanceOverridesResponse,
  RestoreResponse,
  RevisionsResponse,
} from "@heddle/contracts";
import { startDatabase, waitFor } from "@heddle/testkit";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";
import { join, StreamClient } from "./stream-client.ts";

const DEADLINE_MS = 30_000;

function told(client: StreamClient): EndpointsResource["endpoints"] {
  const all = client.received.flatMap((message) =>
    message.type === "push" ? message.upserts : [],
  );
  const found = all.findLast(({ key }) => key === "endpoints/shop/legacy") as
    | EndpointsResource
    | undefined;
  return found?.endpoints ?? [];
}

const addressesOf = (client: StreamClient) =>
  told(client)
    .map(({ address }) => address)
    .sort()
    .join();

async function startWithThree(t: TestContext) {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  for (const number of [1, 2, 3]) {
    const body = { service: "legacy", address: `10.0.0.${number}`, port: 8080, leaseSeconds: 3600 };
    const path = `/registry/instances/shop/legacy-${number}`;
    assert.equal((await plane.callAs("operator", "PUT", path, body)).status, 200);
  }
  const own = await join(plane.controlPort, await plane.joinToken());
  const caller = await StreamClient.open(t, plane.controlPort, own, {
    subscriptions: [{ namespace: "shop", host: "legacy" }],
  });
  await waitFor("the caller to know all", DEADLINE_MS, () => told(caller).length === 3);
  return { plane, caller };
}

const set = (plane: RunningControlPlane, number: number, body: object) =>
  plane.callAs<InstanceOverrideResponse & { code?: string; detail?: string }>(
    "operator",
    "PUT",
    `/registry/overrides/shop/legacy-${number}`,
    { address: `10.0.0.${number}:8080`, ...body },
  );

test("an instance is taken out by hand in a revision with author and reason, which is restored like others", async (t) => {
  const { plane, caller } = await startWithThree(t);
  const asViewer = await plane.callAs("viewer", "PUT", "/registry/overrides/shop/legacy-1", {
    address: "10.0.0.1:8080",
    drain: true,
  });
  assert.equal(asViewer.status, 403);
  const out = await set(plane, 1, { drain: true, reason: "its disk is slow" });
  assert.deepEqual([out.status, out.body.words], [200, "shop/legacy-1 at 10.0.0.1:8080: drained."]);
  await waitFor("it to be out", DEADLINE_MS, () => addressesOf(caller) === "10.0.0.2,10.0.0.3");

  const { endpoints } = (
    await plane.call<EndpointsResponse>("GET", "/services/shop/legacy/endpoints")
  ).body;
  const first = endpoints.find(({ address }) => address === "10.0.0.1");
  assert.deepEqual(
    [first?.state, first?.override?.isDrained, first?.override?.by, first?.override?.reason],
    ["draining", true, "ada", "its disk is slow"],
  );
  const { overrides } = (await plane.call<InstanceOverridesResponse>("GET", "/registry/overrides"))
    .body;
  assert.deepEqual(
    overrides.map(({ workload, address, endpoints: at }) => [workload, address, at]),
    [["legacy-1", "10.0.0.1:8080", ["10.0.0.1:8080"]]],
  );
  const { revisions } = (await plane.call<RevisionsResponse>("GET", "/revisions")).body;
  assert.deepEqual(
    [revisions[0]?.kind, revisions[0]?.author, revisions[0]?.reason, revisions[0]?.services],
    ["registry", "ada", "its disk is slow", ["shop/legacy"]],
  );
  const { entries } = (await plane.call<AuditResponse>("GET", "/audit")).body;
  assert.ok(
    entries.some(
      ({ act, target }) => act === "instance.override" && target === "shop/legacy-1 10.0.0.1:8080",
    ),
  );

  assert.equal((await set(plane, 2, { drain: true })).status, 200, "half of the rest may go");
  const last = await set(plane, 3, { drain: true });
  assert.deepEqual([last.status, last.body.code], [409, "HEDDLE_ENDPOINT_LOSS"]);
  assert.match(last.body.detail ?? "", /shop\/legacy would have 0 of its 1 endpoints left/);
  const meant = await set(plane, 3, { drain: true, acceptEndpointLoss: true });
  assert.equal(meant.status, 200);
  await waitFor("nobody to be left", DEADLINE_MS, () => addressesOf(caller) === "");

  const restored = await plane.call<RestoreResponse>(
    "POST",
    `/revisions/${out.body.revision}/restore`,
    {},
  );
  assert.equal(restored.status, 200, JSON.stringify(restored.body));
  await waitFor("both to be back", DEADLINE_MS, () => addressesOf(caller) === "10.0.0.2,10.0.0.3");
  const back = await plane.callAs<InstanceOverrideResponse>(
    "operator",
    "DELETE",
    "/registry/overrides/shop/legacy-1?address=10.0.0.1:8080&reason=repaired",
  );
  assert.equal(back.status, 200, JSON.stringify(back.body));
  await waitFor("all to be back", DEADLINE_MS, () => told(caller).length === 3);
});

test("weight, labels and locality are set by hand, kept beside each other, and end when their time is over", async (t) => {
  const { plane, caller } = await startWithThree(t);
  const of = (address: string) => told(caller).find((one) => one.address === address);
  const set1 = await set(plane, 1, {
    weight: 5,
    labels: { version: "v9" },
    untilMs: Date.now() + 3_600_000,
  });
  assert.equal(set1.status, 200, JSON.stringify(set1.body));
  assert.deepEqual([of("10.0.0.1")?.weight, of("10.0.0.1")?.labels["version"]], [5, "v9"]);
  assert.equal((await set(plane, 1, { locality: "eu/west/b" })).status, 200);
  assert.deepEqual([of("10.0.0.1")?.weight, of("10.0.0.1")?.locality], [5, "eu/west/b"]);
  assert.equal((await set(plane, 1, { weight: null, labels: null })).status, 200);
  assert.deepEqual(
    [of("10.0.0.1")?.weight, of("10.0.0.1")?.labels["version"], of("10.0.0.1")?.locality],
    [undefined, undefined, "eu/west/b"],
  );
  assert.equal((await set(plane, 1, { untilMs: Date.now() - 1000 })).status, 200);
  await waitFor("its end", DEADLINE_MS, () => of("10.0.0.1")?.locality === undefined);
  const { revisions } = (await plane.call<RevisionsResponse>("GET", "/revisions")).body;
  assert.deepEqual([revisions[0]?.author, revisions[0]?.source], ["heddle", "timer"]);

  const unknown = await set(plane, 1, { address: "10.9.9.9", drain: true });
  assert.equal(unknown.status, 404);
  assert.match(
    unknown.body.detail ?? "",
    /no endpoint of shop\/legacy-1 is at 10\.9\.9\.9: it serves at 10\.0\.0\.1:8080/,
  );
  const bad = await set(plane, 1, { address: "no address", drain: true });
  assert.equal(bad.status, 422);
  assert.match(
    bad.body.detail ?? "",
    /expected an IP address or host name, with a port or without/,
  );
});
