import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanaryChangeResponse } from "@heddle/contracts";
import fc from "fast-check";
import { rollbackFigure, rollbackSteps } from "./rollback-steps.ts";

const outcome: CanaryChangeResponse = {
  revision: 214,
  savedAfterMs: 9,
  ackedAfterMs: 61,
  proxiesAcked: 21,
  proxiesTotal: 21,
  lastCanaryRequestAfterMs: 83.2,
  lastCanaryRequestAtMs: 1_000,
  previousCanaryPercent: 10,
};

test("tells the rollback from click to last canary request", () => {
  const texts = rollbackSteps(outcome, "v2").map((step) => step.text);
  assert.deepEqual(texts, ["Click", "Saved", "21 of 21 acked", "Last v2"]);
  assert.deepEqual(rollbackFigure(outcome, "v2"), {
    text: "83\u00a0ms",
    caption: "from click to last canary request",
  });
});

test("puts a last request that left before the acks before them", () => {
  const texts = rollbackSteps({ ...outcome, lastCanaryRequestAfterMs: 40 }, "v2").map(
    (step) => step.text,
  );
  assert.deepEqual(texts, ["Click", "Saved", "Last v2", "21 of 21 acked"]);
});

test("says in words when no canary request followed the click, or none is known", () => {
  const before = { ...outcome, lastCanaryRequestAfterMs: -412 };
  assert.equal(rollbackSteps(before, "v2").length, 3);
  assert.equal(rollbackFigure(before, "v2").text, "0\u00a0ms");
  assert.match(rollbackFigure(before, "v2").caption, /left 412\u00a0ms before the click/);
  const { ackedAfterMs: _, lastCanaryRequestAfterMs: __, ...unacked } = outcome;
  const figure = rollbackFigure({ ...unacked, proxiesAcked: 20 }, "v2");
  assert.equal(figure.text, undefined);
  assert.match(figure.caption, /^20 of 21 proxies have acked/);
});

test("keeps the steps apart and on the line, in order of time", () => {
  const times = fc.double({ min: 0, max: 60_000, noNaN: true });
  fc.assert(
    fc.property(times, times, times, (savedAfterMs, ackedAfterMs, lastCanaryRequestAfterMs) => {
      const steps = rollbackSteps(
        { ...outcome, savedAfterMs, ackedAfterMs, lastCanaryRequestAfterMs },
        "v2",
      );
      for (const [index, step] of steps.entries()) {
        assert.ok(step.place >= -1e-9 && step.place <= 1 + 1e-9, JSON.stringify(steps));
        const before = steps[index - 1];
        if (before !== undefined) assert.ok(step.place - before.place >= 0.25 - 1e-9);
      }
    }),
  );
});
