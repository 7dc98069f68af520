import assert from "node:assert/strict";
import { test } from "node:test";
import type { Canary } from "@heddle/contracts";
import { weightEffect } from "./weight-effect.ts";

const canary: Canary = {
  namespace: "shop",
  service: "payments",
  virtualService: "payments",
  route: "default",
  stable: { subset: "v1", weight: 90, share: 0.9, workloads: ["shop/payments-v1"] },
  canary: { subset: "v2", weight: 10, share: 0.1, workloads: ["shop/payments-v2"] },
  revision: 3,
  startedAtMs: 0,
  startedBy: "mara",
};
const words = (percent: number, totalPerSecond?: number): string =>
  weightEffect({ canary, percent, totalPerSecond }).replaceAll("\u00a0", " ");

test("says how many requests would move", () => {
  assert.equal(
    words(25, 42),
    "v2 gets 25 %, v1 75 %: about 10.5 rps of 42.0 rps, 6.3 rps more than now.",
  );
  assert.equal(
    words(0, 42),
    "v2 gets 0 %, v1 100 %: about 0 rps of 42.0 rps, 4.2 rps fewer than now.",
  );
});

test("says what is, when nothing would move or the rate is not known", () => {
  assert.equal(words(10, 42), "v2 gets 10 %, v1 90 %: about 4.2 rps of 42.0 rps.");
  assert.match(words(50), /is not known\.$/);
});
