import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredGuard } from "@heddle/store";
import {
  formatRate,
  formatTime,
  heldWords,
  overtakenWords,
  runningWords,
  takenBackWords,
} from "./guard-words.ts";

const guard = {
  scope: { kind: "workload", namespace: "shop", workload: "shipping" },
  previousMode: "PERMISSIVE",
  startedAtMs: 0,
  windowMs: 60_000,
  maxRefusals: 5,
} as StoredGuard;

function caller(sourceAddress: string, refused: number) {
  return { workload: "shop/shipping", sourceAddress, reason: "plaintext", refused, lastSeenMs: 0 };
}

test("a flip that was taken back says what, how much, how fast and from whom", () => {
  const one = { refused: 6, callers: [caller("10.0.4.17", 6)] };
  assert.equal(
    takenBackWords(guard, one, 10_000),
    "shipping is PERMISSIVE again: 6 requests were refused in 10 s, all from 10.0.4.17.",
  );
  const two = { refused: 9, callers: [caller("10.0.4.17", 6), caller("10.0.4.18", 3)] };
  assert.equal(
    takenBackWords({ ...guard, scope: { kind: "namespace", namespace: "shop" } }, two, 338_000),
    "Namespace shop is PERMISSIVE again: 9 requests were refused in 5 min 38 s, 6 of them from 10.0.4.17.",
  );
  const single = { refused: 1, callers: [caller("10.0.4.17", 1)] };
  assert.equal(
    takenBackWords({ ...guard, scope: { kind: "mesh" } }, single, 900),
    "The mesh is PERMISSIVE again: 1 request was refused in 1 s, from 10.0.4.17.",
  );
});

test("a guard that runs, has held or was overtaken says so", () => {
  const none = { refused: 0, callers: [] };
  assert.equal(runningWords(guard, none, [], 22_000), "0 refused, taken back after 5; 38 s left.");
  assert.equal(
    runningWords(guard, none, ["host-c"], 61_000),
    "0 refused, taken back after 5; the time is over, but nothing was heard of host-c.",
  );
  assert.equal(heldWords(guard, none), "shipping stays STRICT: nobody was refused in 60 s.");
  assert.equal(
    overtakenWords(guard, 215),
    "Overtaken by revision 215: shipping was changed while the guard watched.",
  );
});

test("times and rates are written with their unit and without false zeros", () => {
  assert.deepEqual([0, 119_400, 120_000, 338_000, 7_500_000].map(formatTime), [
    "0 s",
    "119 s",
    "2 min",
    "5 min 38 s",
    "2 h 5 min",
  ]);
  assert.deepEqual([0, 0.01, 0.6, 4.24, 42.06, 214.4, 1340].map(formatRate), [
    "0 rps",
    "< 0.1 rps",
    "0.6 rps",
    "4.2 rps",
    "42.1 rps",
    "214 rps",
    "1.3k rps",
  ]);
});
