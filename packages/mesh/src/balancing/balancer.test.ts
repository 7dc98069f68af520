import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../routing/route.ts";
import { Balancer } from "./balancer.ts";
import { seededDraws } from "./balancing-simulation.ts";
import type { Origin } from "./locality.ts";
import type { Outcome } from "./outcome.ts";
import { maxEjected } from "./outlier-detection.ts";
import type { Candidate } from "./seat.ts";
import { stableHash } from "./stable-hash.ts";
import type { BalancingAlgorithm, OutlierDetection, TrafficPolicy } from "./traffic-policy.ts";

type Server = Candidate & { activeRequests: number };
const NOWHERE: Origin = { locality: undefined, labels: {} };
const KEY = { kind: "header", name: "x-user" } as const;

function server(index: number, more: Partial<Endpoint> = {}): Server {
  const endpoint: Endpoint = {
    id: `endpoint-${index}`,
    workload: "web",
    namespace: "shop",
    labels: {},
    address: "10.0.0.1",
    port: 8000 + index,
    identity: undefined,
    ...more,
  };
  return { endpoint, activeRequests: 0 };
}
const servers = (count: number): Server[] => Array.from({ length: count }, (_, i) => server(i));

const DETECTION: OutlierDetection = {
  consecutive5xxErrors: 3,
  consecutiveGatewayErrors: 0,
  consecutiveLocalOriginFailures: 5,
  splitsLocalOrigin: false,
  errorCodes: [],
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionRatio: 0.5,
  minHealthRatio: 0,
};
const detecting = (changed: Partial<OutlierDetection> = {}): TrafficPolicy => ({
  outlierDetection: { ...DETECTION, ...changed },
});
const balancing = (algorithm: BalancingAlgorithm): TrafficPolicy => ({
  loadBalancer: { algorithm },
});

function make(list: readonly Server[], policy: TrafficPolicy, origin = NOWHERE): Balancer<Server> {
  const balancer = new Balancer<Server>(0.5);
  balancer.update(list, policy, origin, 0);
  return balancer;
}
function fail(balancer: Balancer<Server>, one: Server | undefined, nowMs = 0, times = 3): void {
  assert.ok(one);
  for (let i = 0; i < times; i++) balancer.onOutcome(one, 503, 1, nowMs);
}
/** How often each server is picked in so many picks, by its index. */
function share(
  balancer: Balancer<Server>,
  list: readonly Server[],
  picks = 20_000,
  nowMs = 0,
): number[] {
  const draw = seededDraws(7);
  const counts = list.map(() => 0);
  for (let i = 0; i < picks; i++) {
    const picked = list.indexOf(balancer.pick(draw(), draw(), nowMs) as Server);
    counts[picked] = (counts[picked] ?? 0) + 1;
  }
  return counts.map((count) => count / picks);
}
function close(actual: readonly number[], expected: readonly number[], tolerance = 0.015): void {
  for (const [i, one] of expected.entries()) {
    assert.ok(
      Math.abs((actual[i] ?? 0) - one) <= tolerance,
      `${actual.join()} instead of ${expected.join()}`,
    );
  }
}

const ALGORITHMS: readonly BalancingAlgorithm[] = [
  { kind: "least-request" },
  { kind: "round-robin" },
  { kind: "random" },
  { kind: "passthrough" },
  { kind: "peak-ewma", decayMs: 10_000, failurePenaltyMs: 5000 },
  { kind: "ring-hash", key: KEY, minimumRingSize: 64 },
  { kind: "maglev", key: KEY, tableSize: 101 },
];

for (const algorithm of ALGORITHMS) {
  const { kind } = algorithm;

  test(`${kind}: nobody is picked of nobody, and the only one always`, () => {
    assert.equal(make([], balancing(algorithm)).pick(0.5, 0.5, 0), undefined);
    const [only] = servers(1);
    assert.ok(only);
    assert.equal(make([only], balancing(algorithm)).pick(0.5, 0.5, 0), only);
    assert.equal(
      make([only], balancing(algorithm)).pick(0.5, 0.5, 0, 7, {
        avoid: [only],
        leavesLocality: false,
      }),
      only,
    );
  });

  test(`${kind}: equals get equal shares`, () => {
    const list = servers(4);
    const tolerance = "key" in algorithm ? 0.15 : 0.02; // a ring of 64 points is coarse
    close(share(make(list, balancing(algorithm)), list), [0.25, 0.25, 0.25, 0.25], tolerance);
  });

  test(`${kind}: shares follow the weights`, () => {
    if (kind === "peak-ewma") return; // it follows latency; weights only divide it
    const list = [1, 2, 3, 4].map((weight, i) => server(i, { weight }));
    const tolerance = "key" in algorithm ? 0.1 : 0.02;
    close(share(make(list, balancing(algorithm)), list), [0.1, 0.2, 0.3, 0.4], tolerance);
  });

  test(`${kind}: an ejected endpoint is never picked, not even for a further try`, () => {
    const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const hash = fc.option(fc.nat(0xffff_ffff), { nil: undefined });
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.nat(),
        unit,
        unit,
        hash,
        fc.boolean(),
        (count, at, first, second, key, again) => {
          const list = servers(count);
          const balancer = make(list, { ...balancing(algorithm), ...detecting() });
          const bad = list[at % count];
          fail(balancer, bad);
          const other = list[(at + 1) % count] as Server;
          const retry = again ? { avoid: [other], leavesLocality: false } : undefined;
          assert.notEqual(balancer.pick(first, second, 1, key, retry), bad);
        },
      ),
    );
  });

  test(`${kind}: a further try goes where the request has not been, until it has been everywhere`, () => {
    const draw = seededDraws(3);
    const list = servers(5);
    const balancer = make(list, balancing(algorithm));
    for (let round = 0; round < 50; round++) {
      const key = round % 2 === 0 ? stableHash(`${round}`) : undefined;
      const avoid: Server[] = [];
      while (avoid.length < list.length) {
        const picked = balancer.pick(draw(), draw(), 0, key, { avoid, leavesLocality: false });
        assert.ok(picked && !avoid.includes(picked));
        avoid.push(picked);
      }
      assert.ok(balancer.pick(draw(), draw(), 0, key, { avoid, leavesLocality: false }));
    }
  });
}

// What may happen to a destination, in any order.
const events = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        server: fc.nat(4),
        outcome: fc.constantFrom<Outcome>(200, 503, 503, 503, "connect-failure", "timeout"),
      }),
    },
    { weight: 2, arbitrary: fc.record({ passMs: fc.nat(40_000) }) },
    { weight: 1, arbitrary: fc.record({ present: fc.subarray([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) }) },
  ),
  { minLength: 40, maxLength: 120, size: "max" },
);

test("whatever happens: no more are ejected than allowed, none of them is picked, and there is always one", () => {
  const ratio = fc.constantFrom(0, 0.1, 0.3, 0.5, 1);
  fc.assert(
    fc.property(
      events,
      ratio,
      fc.constantFrom(...ALGORITHMS),
      fc.nat(),
      (list, maxEjectionRatio, algorithm, seed) => {
        const draw = seededDraws(seed);
        const all = servers(10);
        let present: Server[] = all;
        let nowMs = 0;
        const policy = { ...balancing(algorithm), ...detecting({ maxEjectionRatio }) };
        const balancer = make(all, policy);
        for (const event of list) {
          if ("passMs" in event) nowMs += event.passMs;
          else if ("present" in event) {
            present = event.present.map((index) => all[index] as Server);
            balancer.update(present, policy, NOWHERE, nowMs);
          } else balancer.onOutcome(all[event.server] as Server, event.outcome, 1, nowMs);
          const standings = balancer.explain(nowMs);
          const ejected = standings.filter(({ state }) => state === "ejected");
          assert.equal(ejected.length, balancer.ejectedCount);
          assert.ok(ejected.length <= maxEjected(present.length, maxEjectionRatio));
          for (const { untilMs, reason } of ejected) {
            assert.ok(untilMs !== undefined && untilMs > nowMs);
            assert.match(reason, /^(\d+ (times .+|errors) in a row)$/);
          }
          const picked = balancer.pick(draw(), draw(), nowMs, Math.floor(draw() * 2 ** 32));
          assert.equal(picked === undefined, present.length === 0);
          if (picked)
            assert.ok(present.includes(picked) && !ejected.some(({ target }) => target === picked));
        }
      },
    ),
  );
});

test("two choices never take the worse of the two", () => {
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const loads = fc.array(fc.nat(30), { minLength: 2, maxLength: 2 });
  const latencies = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 2, maxLength: 2 });
  const policy = balancing({ kind: "peak-ewma", decayMs: 10_000, failurePenaltyMs: 5000 });
  fc.assert(
    fc.property(loads, latencies, unit, unit, (load, latencyMs, first, second) => {
      const list = servers(2);
      for (const [i, one] of list.entries()) one.activeRequests = load[i] ?? 0;
      const busier = list.find((one) => one.activeRequests > Math.min(...load));
      if (busier) assert.notEqual(make(list, {}).pick(first, second, 0), busier);
      const balancer = make(list, policy);
      for (const [i, one] of list.entries())
        balancer.onOutcome(one, 200, 100 + (latencyMs[i] ?? 0), 0);
      const cost = list.map((one, i) => (100 + (latencyMs[i] ?? 0)) * (one.activeRequests + 1));
      const picked = list.indexOf(balancer.pick(first, second, 0) as Server);
      assert.equal(cost[picked], Math.min(...cost));
    }),
  );
});

test("least request by weight gives less to who is busy", () => {
  const list = [1, 2].map((weight, i) => server(i, { weight }));
  const balancer = make(list, {});
  (list[1] as Server).activeRequests = 3; // 2 / 4 against 1 / 1
  close(share(balancer, list), [2 / 3, 1 / 3]);
});

test("round robin takes turns exactly, from a start that the draw gives", () => {
  const list = servers(3);
  const starts = [0, 0.2, 0.4, 0.6, 0.8].map((draw) => {
    const balancer = new Balancer<Server>(draw);
    balancer.update(list, balancing({ kind: "round-robin" }), NOWHERE, 0);
    const turns = Array.from({ length: 6 }, () => list.indexOf(balancer.pick(0, 0, 0) as Server));
    assert.deepEqual(turns.slice(3), turns.slice(0, 3));
    assert.equal(new Set(turns).size, 3);
    return turns[0];
  });
  assert.ok(new Set(starts).size > 1);
});

for (const kind of ["ring-hash", "maglev"] as const) {
  const policy: TrafficPolicy = {
    ...balancing(
      kind === "maglev"
        ? { kind, key: KEY, tableSize: 101 } // so small that the order of building shows
        : { kind, key: KEY, minimumRingSize: 1024 },
    ),
    ...detecting(),
  };

  test(`${kind}: a key stays at its endpoint, whatever the draws, in whatever order endpoints were learned`, () => {
    const list = servers(6);
    const one = make(list, policy);
    const other = make([...list].reverse(), policy);
    assert.deepEqual(one.hashKey, KEY);
    for (let i = 0; i < 500; i++) {
      const hash = stableHash(`user-${i}`);
      assert.equal(one.pick(0.1, 0.2, 0, hash), other.pick(0.9, 0.8, 0, hash));
    }
  });

  test(`${kind}: only the keys of an ejected endpoint move, and they come back`, () => {
    const list = servers(6);
    const balancer = make(list, policy);
    const hashes = Array.from({ length: 500 }, (_, i) => stableHash(`user-${i}`));
    const before = hashes.map((hash) => balancer.pick(0, 0, 0, hash));
    fail(balancer, list[2]);
    for (const [i, hash] of hashes.entries()) {
      if (before[i] !== list[2]) assert.equal(balancer.pick(0, 0, 1, hash), before[i]);
    }
    assert.deepEqual(
      hashes.map((hash) => balancer.pick(0, 0, 30_000, hash)),
      before,
    );
  });
}

test("an ejected endpoint is back when its time is over, and stays out longer the next time", () => {
  const list = servers(2);
  const balancer = make(list, detecting());
  fail(balancer, list[0]);
  assert.equal(share(balancer, list, 100, 29_999)[0], 0);
  assert.ok((share(balancer, list, 100, 30_000)[0] ?? 0) > 0);
  fail(balancer, list[0], 30_000);
  assert.equal(share(balancer, list, 100, 89_999)[0], 0);
  assert.ok((share(balancer, list, 100, 90_000)[0] ?? 0) > 0);
  // Two intervals in use forgive both ejections.
  fail(balancer, list[0], 110_000);
  assert.equal(balancer.explain(110_000)[0]?.untilMs, 140_000);
});

test("an ejection tells what it was for, once", () => {
  const list = servers(3);
  const balancer = make(list, detecting());
  const [bad] = list;
  assert.ok(bad);
  const told = [1, 2, 3, 4].map((nowMs) => balancer.onOutcome(bad, 503, 1, nowMs)?.reason);
  assert.deepEqual(told, [undefined, undefined, "3 times 503 in a row", undefined]);
});

test("ejections are ignored while fewer than minHealthPercent are healthy, and it says so", () => {
  const list = servers(4);
  const balancer = make(list, detecting({ maxEjectionRatio: 1, minHealthRatio: 0.5 }));
  fail(balancer, list[0]);
  fail(balancer, list[1]);
  assert.deepEqual(
    share(balancer, list, 1000).map((one) => one > 0),
    [false, false, true, true],
  );
  fail(balancer, list[2]);
  assert.deepEqual(
    share(balancer, list, 1000).map((one) => one > 0),
    [true, true, true, true],
  );
  const [first] = balancer.explain(0);
  assert.equal(first?.state, "in-use");
  assert.equal(first.reason, "3 times 503 in a row; used all the same, as only 1 of 4 are healthy");
});

test("an update keeps who is ejected, unless too few others are left", () => {
  const list = servers(4);
  const policy = detecting({ maxEjectionRatio: 1 });
  const balancer = make(list, policy);
  fail(balancer, list[0], 0);
  fail(balancer, list[1], 1000);
  balancer.update([...list, server(9)], policy, NOWHERE, 2000);
  assert.deepEqual(
    balancer.explain(2000).map(({ state }) => state === "ejected"),
    [true, true, false, false, false],
  );
  balancer.update(list.slice(0, 2), policy, NOWHERE, 3000);
  assert.deepEqual(
    balancer.explain(3000).map(({ state }) => state),
    ["in-use", "ejected"],
  );
});

test("an endpoint that comes back at another address starts with a clean sheet", () => {
  const list = servers(2);
  const policy = detecting();
  const balancer = make(list, policy);
  fail(balancer, list[0]);
  balancer.update([server(0, { port: 9999 }), list[1] as Server], policy, NOWHERE, 0);
  assert.equal(balancer.ejectedCount, 0);
});

test("without outlier detection any more, everybody is back", () => {
  const list = servers(2);
  const balancer = make(list, detecting());
  fail(balancer, list[0]);
  balancer.update(list, {}, NOWHERE, 0);
  close(share(balancer, list), [0.5, 0.5]);
});

const warm = { durationMs: 10_000, minimumRatio: 0.1, aggression: 1 };
for (const kind of ["least-request", "round-robin"] as const) {
  test(`${kind}: the share of a new endpoint grows steadily to its full one`, () => {
    const list = [server(0), server(1, { servesSinceMs: 100_000 })];
    const balancer = new Balancer<Server>(0.5);
    const policy = { loadBalancer: { algorithm: { kind }, warmup: warm } };
    balancer.update(list, policy, NOWHERE, 100_000);
    const shares = [0, 2500, 5000, 7500, 10_000].map(
      (ageMs) => share(balancer, list, 5000, 100_000 + ageMs)[1] ?? 0,
    );
    close(shares, [0.1 / 1.1, 0.25 / 1.25, 0.5 / 1.5, 0.75 / 1.75, 0.5]);
  });
}

test("an endpoint whose clock is ahead warms up from when it was first seen", () => {
  const list = [server(0), server(1, { servesSinceMs: 999_000 })];
  const balancer = make(list, {
    loadBalancer: { algorithm: { kind: "least-request" }, warmup: warm },
  });
  assert.deepEqual(
    balancer.explain(5000).map(({ state, reason }) => `${state}: ${reason}`),
    ["in-use: ", "warming: warms up, at 50 % of its weight"],
  );
  assert.equal(balancer.explain(10_000)[1]?.state, "in-use");
});

const EU_A: Origin = { locality: "eu/a", labels: {} };
const spread = (localities: readonly string[]): Server[] =>
  localities.map((locality, i) => server(i, { locality }));

test("the nearest serve alone while 72 % of them are well, and spill over when fewer are", () => {
  const list = spread([...new Array<string>(10).fill("eu/a"), "eu/b", "us/x"]);
  const balancer = make(list, detecting({ maxEjectionRatio: 1 }), EU_A);
  const away = (): number =>
    share(balancer, list)
      .slice(10)
      .reduce((sum, one) => sum + one, 0);
  assert.equal(away(), 0);
  const [, , standby] = balancer.explain(0).slice(8);
  assert.equal(standby?.reason, "same region; stands by while same subzone serves");
  for (const one of list.slice(0, 2)) fail(balancer, one);
  assert.equal(away(), 0);
  for (const one of list.slice(2, 5)) fail(balancer, one);
  close([away()], [0.3]);
  for (const one of list.slice(5, 10)) fail(balancer, one);
  close(share(balancer, list).slice(10), [1, 0]);
});

test("a further try leaves its locality when told to, or when there is nobody left in it", () => {
  const list = spread(["eu/a", "eu/a", "eu/b"]);
  const [first, second, away] = list as [Server, Server, Server];
  const balancer = make(list, detecting(), EU_A);
  const again = (avoid: Server[], leavesLocality: boolean): Server | undefined =>
    balancer.pick(0.3, 0.6, 0, undefined, { avoid, leavesLocality });
  assert.equal(again([first], false), second);
  assert.equal(again([first], true), away);
  assert.equal(again([first, second], false), away);
});

test("a distribution gives each locality its share, and those it does not name nothing", () => {
  const list = spread(["eu/a", "eu/a", "eu/b", "us/x"]);
  const to = { "eu/a/*": 80, "eu/b/*": 20 };
  const balancer = make(
    list,
    {
      loadBalancer: {
        algorithm: { kind: "random" },
        locality: { kind: "distribute", from: [{ from: "eu/a/*", to }] },
      },
    },
    EU_A,
  );
  close(share(balancer, list), [0.4, 0.4, 0.2, 0]);
  assert.equal(balancer.explain(0)[3]?.state, "excluded");
});

test("a distribution to where nobody is finds nobody", () => {
  const list = spread(["eu/b"]);
  const locality = { kind: "distribute", from: [{ from: "*", to: { "us/*": 100 } }] } as const;
  const balancer = make(list, { loadBalancer: { algorithm: { kind: "random" }, locality } }, EU_A);
  assert.equal(balancer.pick(0.5, 0.5, 0), undefined);
  assert.deepEqual(
    balancer.explain(0).map(({ reason }) => reason),
    ["its locality has no share of the distribution"],
  );
});
