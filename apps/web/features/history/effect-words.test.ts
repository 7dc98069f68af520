import assert from "node:assert/strict";
import { test } from "node:test";
import type { EffectSummary } from "@heddle/contracts";
import { effectSentence, effectWords } from "./effect-words.ts";

const effect = (more: Partial<EffectSummary>): EffectSummary => ({
  verdict: "no-change",
  isFinal: true,
  requestsBefore: 100,
  requestsAfter: 100,
  ...more,
});
const plain = (text: string | undefined) =>
  text?.replaceAll("\u202f", " ").replaceAll("\u00a0", " ");

test("what decided is told with both figures and one unit", () => {
  const because = {
    service: "shop/reviews",
    signal: "errorRatio",
    before: 0.003,
    after: 0.012,
  } as const;
  const worse = effect({ verdict: "worse", because });
  assert.equal(plain(effectWords(worse)), "errors 0.3 → 1.2 %");
  assert.equal(effectSentence(worse), "errors rose");
  const faster = { service: "shop/reviews", signal: "p99Ms", before: 180, after: 164 } as const;
  assert.equal(
    plain(effectWords(effect({ verdict: "better", because: faster }))),
    "p99 180 → 164 ms",
  );
});

test("nothing seen, nothing to see and not yet are three different things", () => {
  assert.equal(effectWords(effect({})), "no change seen");
  assert.equal(
    effectWords(effect({ verdict: "not-enough-traffic", requestsAfter: 3 })),
    "too little traffic",
  );
  assert.equal(
    effectWords(effect({ verdict: "not-enough-traffic", requestsAfter: 0 })),
    "no traffic",
  );
  assert.equal(
    effectWords(effect({ verdict: "not-enough-traffic", requestsBefore: 0 })),
    "nothing before it",
  );
  assert.equal(effectWords(effect({ verdict: "pending", isFinal: false })), "too early to say");
  assert.equal(effectSentence(effect({})), undefined);
});
