import assert from "node:assert/strict";
import { test } from "node:test";
import type { MtlsGuard } from "@heddle/contracts";
import { guardOf, guardProgress, guardStatus, refusalsInWords } from "./guard-words.ts";

const guard: MtlsGuard = {
  id: "1",
  scope: { kind: "workload", namespace: "shop", workload: "shipping-v3" },
  policy: "shop/shipping-v3",
  previousMode: "PERMISSIVE",
  revision: 7,
  startedBy: "mk",
  startedAtMs: 1000,
  endsAtMs: 61_000,
  windowMs: 60_000,
  maxRefusals: 5,
  workloads: ["shop/shipping-v3"],
  status: "running",
  refused: 0,
  callers: [],
  waitingFor: [],
  words: "",
};

test("finds the guard that watches a workload, also by a namespace's flip", () => {
  const wide: MtlsGuard = {
    ...guard,
    id: "2",
    scope: { kind: "namespace", namespace: "shop" },
    workloads: ["shop/cart-v5"],
  };
  assert.equal(guardOf([guard, wide], "shop/cart-v5")?.id, "2");
  assert.equal(guardOf([guard, wide], "shop/payments-v1"), undefined);
});

test("progress runs from 0 to 1 and not beyond", () => {
  assert.deepEqual(
    [0, 1000, 31_000, 99_000].map((nowMs) => guardProgress(guard, nowMs)),
    [0, 0, 0.5, 1],
  );
});

test("refusals turn a running guard amber, and one that took STRICT back is red", () => {
  assert.equal(guardStatus(guard), "unknown");
  assert.equal(guardStatus({ ...guard, refused: 2 }), "degraded");
  assert.equal(guardStatus({ ...guard, status: "taken-back", refused: 6 }), "failing");
  assert.equal(guardStatus({ ...guard, status: "held" }), "healthy");
});

test("tells refusals beside those allowed", () => {
  const words = refusalsInWords({ ...guard, refused: 2 }).replaceAll("\u00a0", " ");
  assert.equal(words, "2 of 5 refusals allowed");
  assert.match(refusalsInWords({ ...guard, maxRefusals: 0 }), /^0.refusals$/);
});
