import assert from "node:assert/strict";
import { test } from "node:test";
import type { Denial, GraphEdge, WorkloadState } from "@heddle/contracts";
import { deniedByEdge } from "./denied-edges.ts";

const denial = (given: Partial<Denial>): Denial => ({
  id: "d",
  source: { namespace: "shop", workload: "cart-v5" },
  destination: { namespace: "shop", workload: "payments-v1" },
  effect: "denied",
  method: "GET",
  path: "/",
  fields: [],
  count: 1,
  firstSeenMs: 0,
  lastSeenMs: 0,
  lastTraceId: "0",
  ...given,
});
const edge = (source: string, destination: string): GraphEdge => ({
  id: `${source}->${destination}`,
  source,
  destination,
  protocol: "http",
  health: { state: "healthy", sinceMs: 0, reason: "" },
  signals: {
    requests: 1,
    requestsPerSecond: 1,
    errors: 0,
    requestBytesPerSecond: 0,
    responseBytesPerSecond: 0,
  },
  whoFailed: { app: 0, outboundProxy: 0, inboundProxy: 0, network: 0 },
  lastRequestMs: 0,
});
const registered = (name: string, service: string): WorkloadState => ({
  namespace: "shop",
  name,
  service,
  labels: {},
  identity: "",
  mtlsMode: "STRICT",
  instances: [],
});

test("adds up denials on the edge between the workloads, shadow apart and after", () => {
  const own = edge("workload/shop/cart-v5", "workload/shop/payments-v1");
  const denials = [
    denial({ id: "s", effect: "would-deny", count: 9 }),
    denial({ id: "a", count: 2 }),
    denial({ id: "b", count: 5 }),
    denial({ id: "c", destination: { namespace: "shop", workload: "other" } }),
  ];
  const found = deniedByEdge(denials, [own], []).get(own.id);
  assert.deepEqual([found?.denied, found?.wouldDeny], [7, 9]);
  assert.deepEqual(
    found?.denials.map(({ id }) => id),
    ["b", "a", "s"],
  );
});

test("finds the edge of a caller outside the mesh, and of services in the service view", () => {
  const outside = edge("outside/10.0.4.17", "workload/shop/payments-v1");
  const services = edge("service/shop/cart", "service/shop/payments");
  const workloads = [registered("cart-v5", "cart"), registered("payments-v1", "payments")];
  const byOutside = denial({ source: { address: "10.0.4.17" } });
  assert.equal(deniedByEdge([byOutside], [outside], workloads).get(outside.id)?.denied, 1);
  assert.equal(deniedByEdge([denial({})], [services], workloads).get(services.id)?.denied, 1);
});
