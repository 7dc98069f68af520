import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rehash, stableHash } from "./stable-hash.ts";

// Written down once: a new version that hashed differently would move every key of every service.
const PINNED: Readonly<Record<string, number>> = {
  "": 0,
  a: 1867108634,
  alice: 811107759,
  "10.0.0.1": 3185433682,
  "ключ €": 3994609184,
};
for (const [text, hash] of Object.entries(PINNED)) {
  test(`the hash of "${text}" stays ${hash} for ever`, () => {
    assert.equal(stableHash(text), hash);
  });
}

test("hashes lie in [0, 2^32) whatever the text and seed", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer(), fc.nat(), (text, seed, round) => {
      for (const hash of [stableHash(text, seed), rehash(stableHash(text), round)]) {
        assert.ok(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32);
      }
    }),
  );
});

test("names that differ in one character fall evenly into buckets", () => {
  const buckets = new Array<number>(64).fill(0);
  for (let i = 0; i < 64_000; i++) {
    const bucket = stableHash(`user-${i}`) % 64;
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  // 1000 expected in each; six standard deviations are 190.
  assert.ok(Math.min(...buckets) > 810 && Math.max(...buckets) < 1190, buckets.join(" "));
});
