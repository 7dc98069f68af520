import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { grpcOutcome, type Outcome } from "./outcome.ts";
import {
  afterInterval,
  afterOutcome,
  afterTime,
  describeFailures,
  type EndpointHealth,
  endEjection,
  healthyEndpoint,
  MAX_EJECTION_MS,
  maxEjected,
  readOutcome,
} from "./outlier-detection.ts";
import type { OutlierDetection } from "./traffic-policy.ts";

const POLICY: OutlierDetection = {
  consecutive5xxErrors: 3,
  consecutiveGatewayErrors: 0,
  consecutiveLocalOriginFailures: 5,
  splitsLocalOrigin: false,
  errorCodes: [],
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionRatio: 0.1,
  minHealthRatio: 0,
};
const failing = (errors: number, gatewayErrors = 0, localFailures = 0): EndpointHealth => ({
  kind: "failing",
  ejections: 1,
  errors,
  gatewayErrors,
  localFailures,
  seen: 500,
});

const STATES = {
  healthy: { kind: "healthy", ejections: 1 },
  "failing once": failing(1),
  "one short of a full row": failing(2),
  ejected: {
    kind: "ejected",
    ejections: 1,
    sinceMs: 0,
    untilMs: 1000,
    reason: "3 times 500 in a row",
  },
} as const satisfies Record<string, EndpointHealth>;

const outcome =
  (what: Outcome, mayEject = true, policy = POLICY) =>
  (health: EndpointHealth) =>
    afterOutcome(health, what, policy, mayEject, 500);
const SPLIT: OutlierDetection = {
  ...POLICY,
  splitsLocalOrigin: true,
  consecutiveLocalOriginFailures: 1,
};
const EVENTS = {
  success: outcome(200),
  "client error": outcome(404),
  error: outcome(500),
  "error without room": outcome(500, false),
  "failure of the proxy's own": outcome("connect-failure"),
  "failure of the proxy's own, split": outcome("connect-failure", true, SPLIT),
  cancelled: outcome("cancelled"),
  interval: afterInterval,
  "time, too early": (health: EndpointHealth) => afterTime(health, 999),
  "time is over": (health: EndpointHealth) => afterTime(health, 1000),
  "taken back": endEjection,
} as const;

const H = "healthy 1";
const E = "ejected 2";
const same = "same";
const TRANSITIONS: Record<keyof typeof STATES, Record<keyof typeof EVENTS, string>> = {
  healthy: {
    success: same,
    "client error": same,
    error: "failing 1",
    "error without room": "failing 1",
    "failure of the proxy's own": "failing 1",
    "failure of the proxy's own, split": E,
    cancelled: same,
    interval: "healthy 0",
    "time, too early": same,
    "time is over": same,
    "taken back": same,
  },
  "failing once": {
    success: H,
    "client error": H,
    error: "failing 1",
    "error without room": "failing 1",
    "failure of the proxy's own": "failing 1",
    "failure of the proxy's own, split": E,
    cancelled: same,
    interval: "failing 0",
    "time, too early": same,
    "time is over": same,
    "taken back": same,
  },
  "one short of a full row": {
    success: H,
    "client error": H,
    error: E,
    "error without room": "failing 1",
    "failure of the proxy's own": E,
    "failure of the proxy's own, split": E,
    cancelled: same,
    interval: "failing 0",
    "time, too early": same,
    "time is over": same,
    "taken back": same,
  },
  ejected: {
    success: same,
    "client error": same,
    error: same,
    "error without room": same,
    "failure of the proxy's own": same,
    "failure of the proxy's own, split": same,
    cancelled: same,
    interval: same,
    "time, too early": same,
    "time is over": H,
    "taken back": H,
  },
};

for (const [state, row] of Object.entries(TRANSITIONS)) {
  for (const [event, expected] of Object.entries(row)) {
    test(`${state}, on ${event}: ${expected}`, () => {
      const before = STATES[state as keyof typeof STATES];
      const after = EVENTS[event as keyof typeof EVENTS](before);
      if (expected === same) assert.equal(after, before);
      else assert.equal(`${after.kind} ${after.ejections}`, expected);
    });
  }
}

const readings: readonly [what: Outcome, changed: Partial<OutlierDetection>, event: string][] = [
  [200, {}, "success"],
  [404, {}, "success"],
  [429, {}, "success"],
  [500, {}, "error"],
  [501, {}, "error"],
  [502, {}, "gateway-error"],
  [503, {}, "gateway-error"],
  [504, {}, "gateway-error"],
  [505, {}, "error"],
  [429, { errorCodes: [429] }, "error"],
  [500, { errorCodes: [429] }, "success"],
  [503, { errorCodes: [429, 503] }, "gateway-error"],
  ["connect-failure", {}, "gateway-error"],
  ["reset", {}, "gateway-error"],
  ["timeout", {}, "gateway-error"],
  ["timeout", { errorCodes: [429] }, "gateway-error"],
  ["connect-failure", { splitsLocalOrigin: true }, "local-failure"],
  ["timeout", { splitsLocalOrigin: true }, "local-failure"],
  ["cancelled", {}, "none"],
  ["connected", {}, "success"],
  ["connected", { errorCodes: [200], splitsLocalOrigin: true }, "success"],
  [grpcOutcome(0), {}, "success"],
  [grpcOutcome(1), {}, "success"], // CANCELLED counts as 499
  [grpcOutcome(2), {}, "error"],
  [grpcOutcome(4), {}, "gateway-error"],
  [grpcOutcome(5), {}, "success"],
  [grpcOutcome(8), {}, "success"], // RESOURCE_EXHAUSTED counts as 429
  [grpcOutcome(13), {}, "error"],
  [grpcOutcome(14), {}, "gateway-error"],
  [grpcOutcome(14), { splitsLocalOrigin: true }, "gateway-error"],
  [grpcOutcome(99), {}, "error"],
];
for (const [what, changed, event] of readings) {
  test(`${what} with ${JSON.stringify(changed)} is read as ${event}`, () => {
    assert.equal(readOutcome(what, { ...POLICY, ...changed }), event);
  });
}

/** Feeds outcomes to a fresh endpoint and returns what it ends as. */
function feed(outcomes: readonly Outcome[], changed: Partial<OutlierDetection>): EndpointHealth {
  const policy = { ...POLICY, ...changed };
  return outcomes.reduce(
    (health, what) => afterOutcome(health, what, policy, true, 0),
    healthyEndpoint(),
  );
}

const reasons: readonly [readonly Outcome[], Partial<OutlierDetection>, string][] = [
  [[503, 503, 503], {}, "3 times 503 in a row"],
  [[500, 503, 503], {}, "3 errors in a row"],
  [[grpcOutcome(14), grpcOutcome(14), grpcOutcome(14)], {}, "3 times UNAVAILABLE in a row"],
  [["connect-failure", "connect-failure", "connect-failure"], {}, "3 times no connection in a row"],
  [
    [500, 503, 502],
    { consecutive5xxErrors: 0, consecutiveGatewayErrors: 2 },
    "2 gateway errors in a row",
  ],
  [
    ["timeout", "timeout"],
    { splitsLocalOrigin: true, consecutiveLocalOriginFailures: 2 },
    "2 times timeout in a row",
  ],
  [[500], { consecutive5xxErrors: 1 }, "once 500"],
];
for (const [outcomes, changed, reason] of reasons) {
  test(`${outcomes.join(", ")} ejects for "${reason}"`, () => {
    const health = feed(outcomes, changed);
    assert.equal(health.kind === "ejected" && health.reason, reason);
  });
}

test("a threshold of 0 switches its row off", () => {
  const off = { consecutive5xxErrors: 0, consecutiveGatewayErrors: 0 };
  assert.equal(feed(Array<Outcome>(50).fill(503), off).kind, "failing");
  const split = { ...off, splitsLocalOrigin: true, consecutiveLocalOriginFailures: 0 };
  assert.equal(feed(Array<Outcome>(50).fill("reset"), split).kind, "failing");
});

test("an answer that is no gateway error breaks the row of gateway errors, not that of errors", () => {
  const rows = { consecutive5xxErrors: 9, consecutiveGatewayErrors: 3 };
  assert.equal(feed([503, 503, 500, 503, 503], rows).kind, "failing");
  assert.equal(feed([503, 503, 500, 503, 503, 503], rows).kind, "ejected");
});

test("a row that was full without room ejects at the next error once there is room, and tells its length", () => {
  let health = healthyEndpoint();
  for (let i = 0; i < 8; i++) health = afterOutcome(health, 503, POLICY, false, 0);
  assert.equal(describeFailures(health), "8 times 503 in a row");
  health = afterOutcome(health, 503, POLICY, true, 0);
  assert.equal(health.kind === "ejected" && health.reason, "9 times 503 in a row");
});

test("the ejection time grows with the ejections in a row up to its cap, and is forgiven by the interval", () => {
  let health = healthyEndpoint();
  let nowMs = 0;
  const lengths: number[] = [];
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 3; i++) health = afterOutcome(health, 500, POLICY, true, nowMs);
    assert.ok(health.kind === "ejected");
    lengths.push((health.untilMs - health.sinceMs) / 1000);
    nowMs = health.untilMs;
    health = afterTime(health, nowMs);
  }
  assert.deepEqual(lengths, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]);
  assert.equal(Math.max(...lengths) * 1000, MAX_EJECTION_MS);
  for (let i = 0; i < 20; i++) health = afterInterval(health);
  assert.equal(health.ejections, 0);
});

test("a base time above the cap is its own cap", () => {
  const health = feed([500, 500, 500], { baseEjectionMs: 400_000 });
  assert.equal(health.kind === "ejected" && health.untilMs, 400_000);
});

const rooms: readonly [count: number, ratio: number, room: number][] = [
  [0, 1, 0],
  [1, 1, 0],
  [2, 0.1, 1],
  [2, 1, 1],
  [9, 0.1, 1],
  [10, 0.1, 1],
  [20, 0.1, 2],
  [29, 0.1, 2],
  [100, 0.29, 29],
  [3, 0, 1],
  [10, 1, 9],
];
for (const [count, ratio, room] of rooms) {
  test(`of ${count} endpoints at most ${room} may be ejected at a ratio of ${ratio}`, () => {
    assert.equal(maxEjected(count, ratio), room);
  });
}

test("a success clears every row, whatever came before", () => {
  const outcomes = fc.array(
    fc.constantFrom<Outcome>(500, 503, "reset", "cancelled", grpcOutcome(14)),
    { maxLength: 2 },
  );
  fc.assert(
    fc.property(outcomes, fc.boolean(), (before, splitsLocalOrigin) => {
      const health = feed([...before, 200], { splitsLocalOrigin });
      assert.equal(describeFailures(health), undefined);
      assert.equal(health.kind, "healthy");
    }),
  );
});
