import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildMaglev, buildRing, type HashMember, type HashTable } from "./hash-table.ts";
import { stableHash } from "./stable-hash.ts";

const KEYS = Array.from({ length: 20_000 }, (_, i) => stableHash(`key-${i}`));
const kinds: Readonly<Record<string, (members: readonly HashMember[]) => HashTable>> = {
  ring: (members) => buildRing(members, 1024 * 4),
  maglev: (members) => buildMaglev(members, 65_537),
};
const members = (weights: readonly number[]): HashMember[] =>
  weights.map((weight, i) => ({ id: `endpoint-${i}`, weight }));
const nobodyOut = (count: number): Uint8Array => new Uint8Array(count);

for (const [kind, build] of Object.entries(kinds)) {
  test(`${kind}: shares of keys follow the weights`, () => {
    const weights = [1, 2, 3, 4];
    const table = build(members(weights));
    const counts = [0, 0, 0, 0];
    for (const key of KEYS) {
      const owner = table.find(key, nobodyOut(4));
      counts[owner] = (counts[owner] ?? 0) + 1;
    }
    for (const [i, weight] of weights.entries()) {
      const share = (counts[i] ?? 0) / KEYS.length;
      assert.ok(Math.abs(share - weight / 10) < 0.03, `${kind} weight ${weight}: ${share}`);
    }
  });

  test(`${kind}: removing one of n moves about 1/n of the keys, its own`, () => {
    const count = 10;
    const all = members(new Array<number>(count).fill(1));
    const before = build(all);
    const without = all.filter((_, i) => i !== 3);
    const after = build(without);
    let moved = 0;
    let strays = 0;
    for (const key of KEYS) {
      const was = all[before.find(key, nobodyOut(count))]?.id;
      const is = without[after.find(key, nobodyOut(count - 1))]?.id;
      if (was === is) continue;
      moved++;
      if (was !== "endpoint-3") strays++;
    }
    assert.ok(Math.abs(moved / KEYS.length - 1 / count) < 0.04, `moved ${moved}`);
    // The ring moves nobody else's keys; Maglev trades a few for an even table.
    assert.ok(strays / KEYS.length <= (kind === "ring" ? 0 : 0.02), `strays ${strays}`);
  });

  test(`${kind}: one that is out is stepped over; only its keys move, spread over the others`, () => {
    const table = build(members([1, 1, 1, 1, 1]));
    const out = Uint8Array.of(0, 0, 1, 0, 0);
    const heirs = [0, 0, 0, 0, 0];
    for (const key of KEYS) {
      const was = table.find(key, nobodyOut(5));
      const is = table.find(key, out);
      assert.notEqual(is, 2);
      if (was !== 2) assert.equal(is, was);
      else heirs[is] = (heirs[is] ?? 0) + 1;
    }
    const inherited = heirs.reduce((sum, one) => sum + one, 0);
    for (const [i, one] of heirs.entries()) {
      if (i !== 2) assert.ok(one / inherited > 0.15, `heir ${i}: ${one} of ${inherited}`);
    }
  });

  test(`${kind}: finds whoever is left, and nobody when all are out`, () => {
    const few = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(few, fc.nat(), fc.nat(0xffff_ffff), (weights, left, key) => {
        const table =
          kind === "ring" ? buildRing(members(weights), 64) : buildMaglev(members(weights), 101);
        const out = new Uint8Array(weights.length).fill(1);
        assert.equal(table.find(key, out), -1);
        out[left % weights.length] = 0;
        assert.equal(table.find(key, out), left % weights.length);
      }),
    );
  });
}

test("a maglev table of a size that is no prime, or none, still reaches every member", () => {
  for (const size of [0, 1, 2, 4, 100, 1000]) {
    const table = buildMaglev(members([1, 1, 1]), size);
    const seen = new Set(KEYS.map((key) => table.find(key, nobodyOut(3))));
    assert.equal(seen.size, 3);
  }
});

test("a ring gives every member a point, however small its weight", () => {
  const table = buildRing(members([1, 10_000]), 4);
  assert.equal(table.find(0, Uint8Array.of(0, 1)), 0);
});
