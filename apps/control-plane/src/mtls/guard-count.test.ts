import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredGuard } from "@heddle/store";
import fc from "fast-check";
import { baselineOf, GuardCount } from "./guard-count.ts";
import type { TurnedAwayEntry } from "./turned-away.ts";

const FLIP_MS = 1_000_000;

function guard(more: Partial<StoredGuard> = {}): StoredGuard {
  return {
    id: "g",
    scope: { kind: "workload", namespace: "shop", workload: "shipping" },
    policy: { namespace: "shop", name: "shipping" },
    previousMode: "PERMISSIVE",
    previousYaml: undefined,
    revision: 7,
    startedBy: "ada",
    startedAtMs: FLIP_MS,
    windowMs: 60_000,
    maxRefusals: 5,
    workloads: ["shop/shipping"],
    strictBefore: [],
    baseline: {},
    excluded: [],
    status: "running",
    refused: 0,
    callers: [],
    words: "",
    endedAtMs: undefined,
    endRevision: undefined,
    ...more,
  };
}

function entry(refused: number, more: Partial<TurnedAwayEntry> = {}): TurnedAwayEntry {
  return {
    proxyId: "p1",
    workload: "shop/shipping",
    sourceAddress: "10.0.4.17",
    reason: "plaintext",
    refused,
    wouldBeRefused: 0,
    lastSeenMs: FLIP_MS + 500,
    refusedAtMs: FLIP_MS + 500,
    ...more,
  };
}

const KEY = "p1 shop/shipping 10.0.4.17 plaintext";
const cases: Record<
  string,
  { guard?: Partial<StoredGuard>; told: TurnedAwayEntry[]; refused: number }
> = {
  "counts what a caller new to it was refused": { told: [entry(3)], refused: 3 },
  "counts only what came after the flip": {
    guard: { baseline: { [KEY]: 40 } },
    told: [entry(46)],
    refused: 6,
  },
  "counts a repeated word once": { told: [entry(3), entry(3), entry(4)], refused: 4 },
  "goes on when a proxy starts again and counts from 0": {
    guard: { baseline: { [KEY]: 40 } },
    told: [entry(42), entry(1), entry(3)],
    refused: 5,
  },
  "does not count what a proxy tells of the time before the flip": {
    told: [entry(9, { lastSeenMs: FLIP_MS - 1 }), entry(11)],
    refused: 2,
  },
  "does not count a caller that was refused before for the same reason": {
    guard: { excluded: ["shop/shipping 10.0.4.17 expired"] },
    told: [entry(90, { reason: "expired" }), entry(1)],
    refused: 1,
  },
  "adds up proxies and callers": {
    told: [entry(2), entry(3, { proxyId: "p2" }), entry(1, { sourceAddress: "10.0.4.18" })],
    refused: 6,
  },
  "never falls below what was counted before a restart": {
    guard: { refused: 4 },
    told: [entry(1)],
    refused: 4,
  },
};
for (const [title, { guard: more, told, refused }] of Object.entries(cases)) {
  test(`a guard ${title}`, () => {
    const count = new GuardCount(guard(more));
    for (const one of told) count.take(one);
    assert.equal(count.refused, refused);
  });
}

test("callers are told with most refusals first, all proxies together", () => {
  const count = new GuardCount(guard());
  count.take(entry(2));
  count.take(entry(3, { proxyId: "p2", lastSeenMs: FLIP_MS + 900 }));
  count.take(entry(4, { sourceAddress: "10.0.4.18" }));
  assert.deepEqual(
    count.callers.map(({ sourceAddress, refused, lastSeenMs }) => [
      sourceAddress,
      refused,
      lastSeenMs,
    ]),
    [
      ["10.0.4.17", 5, FLIP_MS + 900],
      ["10.0.4.18", 4, FLIP_MS + 500],
    ],
  );
});

test("only other reasons than plaintext, seen well after the mode began, are no fault of the flip", () => {
  const told = [
    entry(5),
    entry(6, { reason: "expired", refusedAtMs: 900_000 }),
    entry(7, { reason: "revoked", refusedAtMs: 801_000 }), // of the STRICT that was taken back then
    entry(8, { workload: "shop/cart", reason: "expired" }),
    entry(0, { sourceAddress: "10.0.4.19" }),
  ];
  const { baseline, excluded } = baselineOf(told, (key) => key === "shop/shipping", 800_000);
  assert.deepEqual(Object.values(baseline), [5, 6, 7]);
  assert.deepEqual(excluded, ["shop/shipping 10.0.4.17 expired"]);
});

test("whatever order and repetition proxies tell in, the count is what each refused since the flip", () => {
  const proxies = fc.array(
    fc.record({ before: fc.nat(50), growth: fc.array(fc.nat(5), { maxLength: 8 }) }),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(proxies, (all) => {
      const baseline = Object.fromEntries(
        all.map(({ before }, index) => [`p${index} shop/shipping 10.0.4.17 plaintext`, before]),
      );
      const count = new GuardCount(guard({ baseline }));
      for (const [index, { before, growth }] of all.entries()) {
        let refused = before;
        for (const more of growth) {
          refused += more;
          count.take(entry(refused, { proxyId: `p${index}` }));
          count.take(entry(refused, { proxyId: `p${index}` }));
        }
      }
      const expected = all.flatMap(({ growth }) => growth).reduce((sum, more) => sum + more, 0);
      assert.equal(count.refused, expected);
    }),
  );
});
