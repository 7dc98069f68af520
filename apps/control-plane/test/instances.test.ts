import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointsResource, WorkloadsResponse } from "@heddle/contracts";
import { startDatabase, waitFor } from "@heddle/testkit";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";
import { join, registration, StreamClient } from "./stream-client.ts";

const reviews = [{ namespace: "shop", host: "reviews" }];

/** The newest endpoints a proxy was sent, once they fulfil a condition. */
async function endpointsOf(
  client: StreamClient,
  matches: (endpoints: EndpointsResource["endpoints"]) => boolean,
): Promise<EndpointsResource["endpoints"]> {
  let found: EndpointsResource["endpoints"] = [];
  await client.next("push", ({ upserts }) =>
    upserts.some((resource) => {
      if (resource.kind !== "endpoints" || !matches(resource.endpoints)) return false;
      found = resource.endpoints;
      return true;
    }),
  );
  return found;
}

async function workloads(plane: RunningControlPlane) {
  return (await plane.call<WorkloadsResponse>("GET", "/workloads")).body.workloads;
}

test("protocol, ports and locality of an instance outlive the control plane", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const joined = await join(plane.controlPort, await plane.joinToken());
  const workload = registration(joined.proxyId, "reviews-v1", {
    protocol: "grpc",
    morePorts: [{ name: "tcp-raw", appPort: 9001, inboundPort: 15_007, protocol: "tcp" }],
    locality: "eu/eu-1/a",
  });
  const hello = { workloads: [workload], subscriptions: reviews };
  const before = await StreamClient.open(t, plane.controlPort, joined, hello);
  const [endpoint] = await endpointsOf(before, ({ length }) => length === 1);
  assert.deepEqual(endpoint?.ports, { 9000: 15_006, 9001: 15_007 });
  assert.equal(endpoint?.locality, "eu/eu-1/a");
  assert.ok(endpoint?.servesSinceMs !== undefined);
  before.terminate();
  await plane.restart();
  const [shown] = await workloads(plane);
  const instance = shown?.instances[0];
  assert.deepEqual(
    [instance?.protocol, instance?.morePorts, instance?.locality, instance?.isDraining],
    ["grpc", workload.morePorts, "eu/eu-1/a", false],
  );
  const after = await StreamClient.open(t, plane.controlPort, joined, {
    ...hello,
    have: before.have(),
  });
  assert.deepEqual((await after.next("push")).upserts, []);
});

test("a workload that drains gets no new requests from others, and stays until it says goodbye", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const token = await plane.joinToken();
  const first = await join(plane.controlPort, token);
  const second = await join(plane.controlPort, token);
  const caller = await StreamClient.open(t, plane.controlPort, first, {
    workloads: [registration(first.proxyId, "reviews-v1")],
    subscriptions: reviews,
  });
  const leaver = await StreamClient.open(t, plane.controlPort, second, {
    workloads: [registration(second.proxyId, "reviews-v2")],
  });
  await endpointsOf(caller, ({ length }) => length === 2);
  leaver.send({ type: "draining" });
  const [left] = await endpointsOf(caller, ({ length }) => length === 1);
  assert.equal(left?.workload, "reviews-v1");
  const shown = await workloads(plane);
  assert.deepEqual(
    shown.map(({ name, instances }) => [name, instances[0]?.isDraining]),
    [
      ["reviews-v1", false],
      ["reviews-v2", true],
    ],
  );
  leaver.send({ type: "bye" });
  await waitFor("it is gone", 5000, async () => (await workloads(plane)).length === 1);
});

test("a protocol that was found out is shown as a suggestion while it is not declared", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const joined = await join(plane.controlPort, await plane.joinToken());
  const client = await StreamClient.open(t, plane.controlPort, joined, {
    workloads: [
      registration(joined.proxyId, "front"),
      registration(joined.proxyId, "reviews-v1", { protocol: "auto" }),
      registration(joined.proxyId, "ratings-v1", { protocol: "http" }),
    ],
  });
  const protocols = ["reviews", "ratings"].map((name) => ({
    service: { namespace: "shop", name },
    port: 9000,
    protocol: "grpc" as const,
  }));
  client.send({ type: "observed", endpoints: [], protocols });
  const suggested = async (name: string) =>
    (await workloads(plane)).find((one) => one.name === name)?.protocolSuggestions;
  await waitFor("a suggestion", 5000, async () => (await suggested("reviews-v1")) !== undefined);
  assert.deepEqual(await suggested("reviews-v1"), [{ port: 9000, protocol: "grpc" }]);
  assert.equal(await suggested("ratings-v1"), undefined);
});
