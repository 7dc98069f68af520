import assert from "node:assert/strict";
import { test } from "node:test";
import type { TurnedAwayCaller } from "@heddle/contracts";
import { TurnedAway } from "./turned-away.ts";

const HOSTED = new Set(["shop/shipping"]);

function caller(refused: number, more: Partial<TurnedAwayCaller> = {}): TurnedAwayCaller {
  return {
    workload: { namespace: "shop", name: "shipping" },
    sourceAddress: "10.0.4.17",
    reason: "plaintext",
    refused,
    wouldBeRefused: 0,
    lastSeenMs: 500,
    ...more,
  };
}

test("a proxy speaks for the workloads it hosts alone", () => {
  const turnedAway = new TurnedAway();
  const foreign = caller(3, { workload: { namespace: "shop", name: "cart" } });
  assert.equal(turnedAway.note("p", HOSTED, [foreign], 1000), false);
  assert.deepEqual(turnedAway.all(), []);
});

test("says whether anything is new, and when a refusal was last counted", () => {
  const turnedAway = new TurnedAway();
  const refusedAt = () => turnedAway.all()[0]?.refusedAtMs;
  assert.equal(turnedAway.note("p", HOSTED, [caller(0, { wouldBeRefused: 2 })], 1000), true);
  assert.equal(refusedAt(), 0);
  assert.equal(turnedAway.note("p", HOSTED, [caller(1, { wouldBeRefused: 2 })], 2000), true);
  assert.equal(refusedAt(), 2000);
  assert.equal(turnedAway.note("p", HOSTED, [caller(1, { wouldBeRefused: 2 })], 3000), false);
  assert.equal(refusedAt(), 2000);
});

test("a proxy's first word may tell of long ago", () => {
  const turnedAway = new TurnedAway();
  turnedAway.note("p", HOSTED, [caller(7)], 9000);
  assert.equal(turnedAway.all()[0]?.refusedAtMs, 500);
});

test("however many addresses a proxy tells of, only so many are kept, the last ones", () => {
  const turnedAway = new TurnedAway();
  for (let batch = 0; batch < 10; batch++) {
    const callers = Array.from({ length: 1000 }, (_, index) =>
      caller(1, { sourceAddress: `10.${batch}.${Math.floor(index / 250)}.${index % 250}` }),
    );
    turnedAway.note("p", HOSTED, callers, 1000);
  }
  const all = turnedAway.all();
  assert.equal(all.length, 4000);
  assert.ok(all.some(({ sourceAddress }) => sourceAddress === "10.9.3.249"));
  assert.ok(!all.some(({ sourceAddress }) => sourceAddress.startsWith("10.0.")));
  turnedAway.forget("p");
  assert.deepEqual(turnedAway.all(), []);
});
