import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObservedCall } from "@heddle/contracts";
import { callerKey, seenTargets, wouldHaveDenied } from "./observed-targets.ts";

const call = (
  workload: string,
  requests: number,
  source: ObservedCall["source"],
): ObservedCall => ({
  source,
  destination: { namespace: "shop", workload },
  requests,
  lastSeenMs: 0,
  sampledRequests: 0,
  operations: [],
});
const calls = [
  call("shipping-v3", 90, { namespace: "shop", workload: "checkout-v1" }),
  call("shipping-v3", 10, { address: "10.0.4.17" }),
  call("cart-v5", 5, { namespace: "shop", workload: "storefront-v1" }),
];

test("gathers the callers of each workload, workloads by name", () => {
  assert.deepEqual(
    seenTargets(calls).map((target) => [target.id, target.calls.length, target.requests]),
    [
      ["shop/cart-v5", 1, 5],
      ["shop/shipping-v3", 2, 100],
    ],
  );
});

test("finds those whom no rule by identity lets in", () => {
  assert.deepEqual(wouldHaveDenied(seenTargets(calls)).map(callerKey), ["10.0.4.17"]);
});
