import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { GoneInstancesResponse, HoldResponse, HoldsResponse } from "@heddle/contracts";
import { waitFor } from "@heddle/testkit";
import type { RunningControlPlane } from "./running-control-plane.ts";
import { join, registration, StreamClient } from "./stream-client.ts";
import { PATIENCE_MS, runTwo } from "./two-control-planes.ts";

const KEY = "endpoints/shop/reviews";

async function serve(t: TestContext, plane: RunningControlPlane, workload: string) {
  const joined = await join(plane.controlPort, await plane.joinToken());
  const workloads = [registration(joined.proxyId, workload)];
  return StreamClient.open(t, plane.controlPort, joined, { workloads });
}

/** A caller of the service that gives signs of life. */
async function call(t: TestContext, plane: RunningControlPlane) {
  const joined = await join(plane.controlPort, await plane.joinToken());
  const client = await StreamClient.open(t, plane.controlPort, joined, {
    workloads: [registration(joined.proxyId, "web-v1")],
    subscriptions: [{ namespace: "shop", host: "reviews" }],
  });
  const beat = () => client.send({ type: "observed", endpoints: [], protocols: [] });
  const timer = setInterval(beat, 4000);
  t.after(() => clearInterval(timer));
  return client;
}

/** How many endpoints of the service a caller was told last. */
function told(client: StreamClient): number | undefined {
  const pushes = client.received.flatMap((one) => (one.type === "push" ? one.upserts : []));
  const last = pushes.findLast(({ key }) => key === KEY);
  return last?.kind === "endpoints" ? last.endpoints.length : undefined;
}

async function holdsOf(plane: RunningControlPlane): Promise<HoldsResponse["holds"]> {
  return (await plane.call<HoldsResponse>("GET", "/holds")).body.holds;
}

/** The one hold of so many instances, at this control plane. */
function untilHeld(plane: RunningControlPlane, count: number) {
  return waitFor(`${count} to be held`, PATIENCE_MS, async () => {
    const [hold] = await holdsOf(plane);
    return hold?.held.length === count && hold;
  });
}

test("what two control planes hold of a service is one hold at each, and outlives both", async (t) => {
  const [a, b] = await runTwo(t);
  const servers = [
    await serve(t, a, "reviews-v1"),
    await serve(t, a, "reviews-v2"),
    await serve(t, b, "reviews-v3"),
  ];
  const caller = await call(t, b); // nobody who is connected to the first one uses the service
  await waitFor("the caller to know all", PATIENCE_MS, () => told(caller) === 3);
  for (const client of servers) client.terminate();
  const atA = await untilHeld(a, 3);
  const atB = await untilHeld(b, 3);
  assert.deepEqual([atB.id, atB.words], [atA.id, atA.words]);
  assert.equal((await holdsOf(a)).length, 1);
  assert.equal(told(caller), 3);

  const kept = await b.callAs<HoldResponse>("operator", "POST", `/holds/${atB.id}/dismiss`);
  assert.equal(kept.status, 200, JSON.stringify(kept.body));
  const isDismissed = async (plane: RunningControlPlane) => {
    const [hold] = await holdsOf(plane);
    return hold?.held.length === 3 && hold.dismissed?.by === "ada";
  };
  await waitFor("the other to say so", PATIENCE_MS, () => isDismissed(a));
  await b.restart();
  await waitFor("it to say so after a restart", PATIENCE_MS, () => isDismissed(b));
  await a.close();
  await waitFor("it to hold what the other has left", PATIENCE_MS, () => isDismissed(b));

  const confirmed = await b.callAs<HoldResponse>("operator", "POST", `/holds/${atB.id}/confirm`);
  assert.ok(confirmed.body.revision > 0, JSON.stringify(confirmed.body));
  await waitFor("nothing to be held", PATIENCE_MS, async () => (await holdsOf(b)).length === 0);
});

test("an answer given where nothing is kept takes out what another control plane holds", async (t) => {
  const [a, b] = await runTwo(t);
  const servers = [await serve(t, a, "reviews-v1"), await serve(t, a, "reviews-v2")];
  const caller = await call(t, a);
  await waitFor("the caller to know both", PATIENCE_MS, () => told(caller) === 2);
  for (const client of servers) client.terminate();
  const { id } = await untilHeld(b, 2);
  const [first, second] = await Promise.all([
    b.callAs<HoldResponse>("operator", "POST", `/holds/${id}/confirm`),
    a.callAs<HoldResponse>("operator", "POST", `/holds/${id}/dismiss`),
  ]);
  assert.equal(first.status, 200, JSON.stringify(first.body));
  assert.ok([200, 404].includes(second.status), "it may have come too late");
  await waitFor("the caller to lose them", PATIENCE_MS, () => told(caller) === 0);
  for (const plane of [a, b]) {
    await waitFor("nothing to be held", PATIENCE_MS, async () => {
      return (await holdsOf(plane)).length === 0;
    });
  }
  for (const plane of [a, b]) {
    await waitFor("both to say why", PATIENCE_MS, async () => {
      const { gone } = (await plane.call<GoneInstancesResponse>("GET", "/registry/gone")).body;
      return gone.length === 2 && gone.every(({ cause }) => cause === "confirmed");
    });
  }
});
