import assert from "node:assert/strict";
import { test } from "node:test";
import type { EffectSummary } from "@heddle/contracts";
import { effectWords } from "./effect-words.ts";

const effect = (parts: Partial<EffectSummary>): EffectSummary => ({
  verdict: "no-change",
  isFinal: true,
  requestsBefore: 100,
  requestsAfter: 100,
  ...parts,
});
const because = (signal: "errorRatio" | "p99Ms", before: number, after: number) => ({
  service: "shop/payments",
  signal,
  before,
  after,
});

const told: [string, EffectSummary, string, string | undefined][] = [
  ["nothing moved", effect({}), "no change seen", undefined],
  [
    "it is too early",
    effect({ verdict: "pending", isFinal: false }),
    "too early to say",
    undefined,
  ],
  [
    "hardly anybody called",
    effect({ verdict: "not-enough-traffic" }),
    "too little traffic",
    undefined,
  ],
  [
    "errors rose",
    effect({ verdict: "worse", because: because("errorRatio", 0.003, 0.012) }),
    "errors 0.3\u00a0% → 1.2\u00a0%",
    "failing",
  ],
  [
    "it got faster",
    effect({ verdict: "better", because: because("p99Ms", 180.2, 164.4) }),
    "p99 180\u00a0ms → 164\u00a0ms",
    "healthy",
  ],
];
for (const [when, given, text, status] of told) {
  test(`says "${text}" when ${when}`, () => {
    assert.deepEqual(effectWords(given), { text, status });
  });
}

test("says nothing of a revision that nobody judged", () => {
  assert.equal(effectWords(undefined), undefined);
});
