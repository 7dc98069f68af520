import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rehash } from "../balancing/stable-hash.ts";
import { chooseFirst } from "./choose-first.ts";
import { type FirstProxy, judgePush, type PushStanding, type PushTally } from "./judge-push.ts";
import { judgeRisk, LEAST_PROXIES, type PushedChange } from "./push-risk.ts";

const change: PushedChange = {
  isUrgent: false,
  resources: [{ kind: "VirtualService", name: "shop/reviews", isSweeping: false }],
  proxiesConcerned: 12,
  proxiesConnected: 12,
};
const sweeping = { kind: "MeshConfig", name: "istio-system/default", isSweeping: true };
const risks: Record<string, [Partial<PushedChange>, boolean]> = {
  "a route of everybody": [{}, true],
  "a rollback": [{ isUrgent: true }, false],
  "a change at seven proxies": [{ proxiesConcerned: LEAST_PROXIES - 1 }, false],
  "a route of a few in a large mesh": [{ proxiesConnected: 400 }, false],
  "a route of fifty in a large mesh": [{ proxiesConcerned: 50, proxiesConnected: 400 }, true],
  "the mesh's settings for a few in a large mesh": [
    { resources: [sweeping], proxiesConnected: 400 },
    true,
  ],
  "what is only told of requests": [
    { resources: [{ kind: "Telemetry", name: "shop/t", isSweeping: true }] },
    false,
  ],
  "nothing but the registry": [{ resources: [] }, false],
};
for (const [what, [more, isRisky]] of Object.entries(risks)) {
  test(`${what} is ${isRisky ? "risky" : "pushed to all at once"}`, () => {
    assert.equal(judgeRisk({ ...change, ...more }).isRisky, isRisky);
  });
}

const fleets = fc.uniqueArray(
  fc.record({
    proxyId: fc.string({ minLength: 1, maxLength: 6 }),
    workloads: fc.uniqueArray(fc.constantFrom("shop/web", "shop/cart", "shop/pay", "ops/mail"), {
      minLength: 1,
      maxLength: 3,
    }),
  }),
  { selector: ({ proxyId }) => proxyId, maxLength: 60 },
);

test("somebody is first, nobody is the last of a workload, and the order of asking does not matter", () => {
  fc.assert(
    fc.property(fleets, fc.string(), (fleet, salt) => {
      const first = chooseFirst(fleet, salt);
      assert.equal(first.size > 0, fleet.length > 0);
      assert.deepEqual([...first].sort(), [...chooseFirst(fleet.toReversed(), salt)].sort());
      for (const workload of new Set(fleet.flatMap(({ workloads }) => workloads))) {
        const serving = fleet.filter(({ workloads }) => workloads.includes(workload));
        if (serving.length === 1) continue;
        assert.ok(serving.some(({ proxyId }) => !first.has(proxyId)));
      }
    }),
  );
});

test("of a hundred replicas ten are first, of two workloads with two replicas one each", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => ({
    proxyId: `px-${i}`,
    workloads: ["shop/web"],
  }));
  assert.equal(chooseFirst(hundred, "push-1").size, 10);
  const four = ["a", "b", "c", "d"].map((proxyId, i) => ({
    proxyId,
    workloads: [i < 2 ? "shop/web" : "shop/cart"],
  }));
  assert.equal(chooseFirst(four, "push-1").size, 2);
});

const proxy = (state: FirstProxy["state"], sinceMs = 0): FirstProxy => {
  return {
    name: "web-3",
    state,
    sinceMs,
    reason: state === "nacked" ? "no such filter" : undefined,
  };
};
const tally = (requests: number, errors = 0, denied = 0): PushTally => {
  return { requests, errors, denied };
};
const NONE = tally(0);
const standing = (
  first: readonly FirstProxy[],
  counts: readonly [PushTally, PushTally, PushTally] = [NONE, NONE, NONE],
): PushStanding => ({
  startedAtMs: 0,
  windowMs: 10_000,
  first,
  counts: [{ what: "shop/web has sent", first: counts[0], others: counts[1], before: counts[2] }],
});

const verdicts: Record<string, [PushStanding, number, "go-on" | "finish" | "stop"]> = {
  "waits for an answer": [standing([proxy("acked"), proxy("waiting")]), 9_000, "go-on"],
  "stops without an answer": [standing([proxy("acked"), proxy("waiting")]), 16_000, "stop"],
  "stops when a proxy refuses it": [standing([proxy("acked"), proxy("nacked")]), 100, "stop"],
  "lets a stream break and come back": [standing([proxy("gone")]), 4_000, "go-on"],
  "stops when a proxy has disappeared": [standing([proxy("acked"), proxy("gone")]), 6_000, "stop"],
  "takes a goodbye for no sign": [standing([proxy("acked"), proxy("left")]), 6_000, "go-on"],
  "watches for the whole window": [standing([proxy("acked", 1_000)]), 10_500, "go-on"],
  "finishes after the window, without traffic too": [standing([proxy("acked")]), 10_000, "finish"],
  "finishes sooner when enough was seen": [
    standing([proxy("acked")], [tally(600), tally(5_000), NONE]),
    3_500,
    "finish",
  ],
  "stops when the first ones fail and the others do not": [
    standing([proxy("acked")], [tally(40, 40), tally(400), NONE]),
    1_000,
    "stop",
  ],
  "goes on when all fail alike": [
    standing([proxy("acked")], [tally(40, 40), tally(400, 395), NONE]),
    1_000,
    "go-on",
  ],
  "stops when the first ones deny more": [
    standing([proxy("acked")], [tally(100, 0, 30), tally(900, 0, 2), NONE]),
    1_000,
    "stop",
  ],
  "is compared with before where the others are idle": [
    standing([proxy("acked")], [tally(60, 30), NONE, tally(600, 3)]),
    1_000,
    "stop",
  ],
  "takes few failures for chance": [
    standing([proxy("acked")], [tally(100, 3), tally(900, 5), NONE]),
    1_000,
    "go-on",
  ],
};
for (const [what, [one, nowMs, kind]] of Object.entries(verdicts)) {
  test(`a push ${what}`, () => assert.equal(judgePush(one, nowMs).kind, kind));
}

test("a change that changes nothing is hardly ever stopped, and one that fails everything always", () => {
  let state = 7;
  const random = () => rehash(state++, 1) / 2 ** 32;
  const draw = (requests: number, share: number) =>
    tally(requests, Array.from({ length: requests }, random).filter((one) => one < share).length);
  let stopped = 0;
  for (let i = 0; i < 300; i++) {
    const calm = standing([proxy("acked")], [draw(100, 0.05), draw(400, 0.05), NONE]);
    if (judgePush(calm, 1_000).kind === "stop") stopped += 1;
    const broken = standing([proxy("acked")], [draw(30, 1), draw(100, 0.05), NONE]);
    assert.equal(judgePush(broken, 1_000).kind, "stop");
  }
  assert.ok(stopped <= 3, `${stopped} of 300 stopped`);
});
