import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredInstance } from "@heddle/store";
import { collectEndpoints, toEndpointsResource } from "./endpoint-set.ts";

const reviews = { namespace: "shop", name: "reviews" };
type Status = "healthy" | "unhealthy" | "unknown";

function instance(id: string, status?: Status): StoredInstance {
  return {
    instanceId: `${id}/shop/reviews`,
    proxyId: id,
    namespace: "shop",
    workload: "reviews",
    service: "reviews",
    version: undefined,
    labels: { app: "reviews" },
    address: "127.0.0.1",
    inboundPort: 15_006,
    appPort: 9000,
    protocol: "http",
    morePorts: [],
    locality: undefined,
    servesSinceMs: 0,
    isDraining: false,
    leaseEndsAtMs: 100,
    certificateNotAfterMs: undefined,
    ...(status === undefined ? {} : { health: { status, check: "http", sinceMs: 1 } }),
  };
}

function told(...instances: StoredInstance[]) {
  const known = collectEndpoints(reviews, undefined, {
    trustDomain: "cluster.local",
    registered: () => instances,
    instancesOf: () => instances,
    entries: [],
    plaintextPortsOf: () => new Set(),
  });
  return toEndpointsResource(reviews, known).endpoints;
}

function ids(...instances: StoredInstance[]): string[] {
  return told(...instances).map(({ id }) => id.split("/")[0] ?? "");
}

test("an instance whose app is not well, or was not checked yet, gets no new requests", () => {
  assert.deepEqual(ids(instance("a", "healthy"), instance("b", "unhealthy")), ["a"]);
  assert.deepEqual(ids(instance("a"), instance("b", "unknown")), ["a"]);
});

test("when more than half are not well, all are used", () => {
  const well = instance("a", "healthy");
  const unwell = [instance("b", "unhealthy"), instance("c", "unhealthy")];
  assert.deepEqual(ids(well, ...unwell), ["a", "b", "c"]);
  assert.deepEqual(ids(instance("b", "unhealthy")), ["b"]);
});

test("one that drains counts neither among the well nor among the others", () => {
  const draining = { ...instance("a", "healthy"), isDraining: true };
  assert.deepEqual(ids(draining, instance("b", "healthy"), instance("c", "unhealthy")), ["b"]);
});

test("an instance without a proxy is reached at its own port, in plaintext, by its weight", () => {
  const [endpoint] = told({
    ...instance("x"),
    proxyId: "",
    source: "api",
    inboundPort: 9000,
    weight: 3,
  });
  assert.equal(endpoint?.identity, undefined);
  assert.deepEqual([endpoint?.port, endpoint?.weight], [9000, 3]);
});
