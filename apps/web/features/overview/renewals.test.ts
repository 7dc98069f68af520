import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkloadState } from "@heddle/contracts";
import { binRenewals, renewalsOf } from "./renewals.ts";

const HOUR = 3_600_000;

function workload(
  name: string,
  certificateNotAfterMs: number | undefined,
  state: "connected" | "disconnected" = "connected",
): WorkloadState {
  return {
    namespace: "shop",
    name,
    service: name,
    labels: {},
    identity: "",
    mtlsMode: "PERMISSIVE",
    ...(certificateNotAfterMs !== undefined && { certificateNotAfterMs }),
    instances: [
      {
        instanceId: name,
        proxyId: name,
        proxyName: name,
        address: "127.0.0.1",
        inboundPort: 1,
        state,
        leaseEndsAtMs: 0,
      },
    ],
  };
}

test("a certificate is due at half of its life, the next one first", () => {
  const workloads = [
    workload("ratings", 30 * HOUR),
    workload("cart", 20 * HOUR),
    workload("new", undefined),
    workload("away", 15 * HOUR, "disconnected"),
  ];
  assert.deepEqual(renewalsOf(workloads, 24 * HOUR), [
    { workload: "cart", atMs: 8 * HOUR },
    { workload: "ratings", atMs: 18 * HOUR },
  ]);
});

test("what is overdue counts as due now, what is later than the window is not drawn", () => {
  const due = [-1, 0, 5, 11, 12].map((hour) => ({ workload: "any", atMs: hour * HOUR }));
  assert.deepEqual(binRenewals(due, 0, 12 * HOUR, 4), [2, 1, 0, 1]);
});
