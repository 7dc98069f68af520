import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RequestFacts } from "../routing/request-facts.ts";
import { compileRateLimit, type RateLimitFacts, rateLimitKey } from "./compile-rate-limits.ts";
import type { RateLimit } from "./rate-limit.ts";
import { rateLimitFields } from "./rate-limit-fields.ts";
import { RateLimiter } from "./rate-limiter.ts";

const limit: RateLimit = {
  name: "api",
  matches: [],
  requests: 10,
  windowMs: 1000,
  burst: 3,
  isShadow: false,
  rule: "shop/api",
};

test("a burst passes at once, then one each interval", () => {
  const limiter = new RateLimiter(limit);
  const allowed = (nowMs: number) => limiter.take("", nowMs).isAllowed;
  assert.deepEqual([0, 0, 0, 0].map(allowed), [true, true, true, false]);
  assert.deepEqual([99, 100, 100, 199, 200].map(allowed), [false, true, false, false, true]);
  assert.deepEqual([1000, 1000, 1000, 1000].map(allowed), [true, true, true, false]);
});

test("a verdict says what remains, when it is full again and when to come back", () => {
  const limiter = new RateLimiter(limit);
  assert.deepEqual(
    { ...limiter.take("", 0) },
    {
      isAllowed: true,
      remaining: 2,
      resetMs: 100,
      retryAfterMs: 0,
    },
  );
  limiter.take("", 0);
  limiter.take("", 0);
  assert.deepEqual(
    { ...limiter.take("", 30) },
    {
      isAllowed: false,
      remaining: 0,
      resetMs: 270,
      retryAfterMs: 70,
    },
  );
});

test("no key ever gets more than its burst and its rate, and waiting as told always helps", () => {
  const arrivals = fc.array(fc.tuple(fc.constantFrom("a", "b"), fc.nat(300)), { maxLength: 200 });
  const shape = fc.record({
    requests: fc.integer({ min: 1, max: 50 }),
    windowMs: fc.integer({ min: 1, max: 5000 }),
    burst: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(shape, arrivals, (one, list) => {
      const limiter = new RateLimiter(one);
      const grants: Record<string, number[]> = { a: [], b: [] };
      let nowMs = 0;
      for (const [key, waitMs] of list) {
        nowMs += waitMs;
        const { isAllowed, retryAfterMs } = limiter.take(key, nowMs);
        const times = grants[key] as number[];
        if (isAllowed) times.push(nowMs);
        else if (waitMs % 7 === 0) {
          nowMs += retryAfterMs + 1e-3;
          assert.ok(limiter.take(key, nowMs).isAllowed);
          times.push(nowMs);
        }
        for (const [index, startMs] of times.entries()) {
          const bound = one.burst + ((nowMs - startMs) * one.requests) / one.windowMs;
          assert.ok(times.length - index <= bound + 1e-3);
        }
      }
    }),
  );
});

test("0 requests allow none, not even a burst", () => {
  const limiter = new RateLimiter({ ...limit, requests: 0 });
  const { isAllowed, retryAfterMs } = limiter.take("", 0);
  assert.deepEqual([isAllowed, retryAfterMs], [false, Number.POSITIVE_INFINITY]);
});

test("ever new keys do not make the table grow, nor do they lift the limit", () => {
  const limiter = new RateLimiter(limit, 100);
  let allowed = 0;
  for (let index = 0; index < 10_000; index++) {
    if (limiter.take(`key ${index}`, 0).isAllowed) allowed++;
  }
  assert.equal(limiter.keyCount, 100);
  assert.equal(allowed, 100 + limit.burst);
});

test("a bucket that is full again makes room for a new key", () => {
  const limiter = new RateLimiter(limit, 2);
  limiter.take("a", 0);
  limiter.take("b", 0);
  limiter.take("b", 0);
  assert.equal(limiter.take("c", 150).isAllowed, true);
  assert.equal(limiter.keyCount, 2);
  assert.equal(limiter.take("b", 150).remaining, 1);
});

test("long keys are told apart without being kept", () => {
  const limiter = new RateLimiter({ ...limit, burst: 1 });
  const long = "x".repeat(10_000);
  assert.equal(limiter.take(`${long}a`, 0).isAllowed, true);
  assert.equal(limiter.take(`${long}b`, 0).isAllowed, true);
  assert.equal(limiter.take(`${long}a`, 0).isAllowed, false);
});

const request: RequestFacts = {
  method: "GET",
  path: "/api",
  authority: "cart",
  header: (name) => (name === "x-user" ? "jo" : undefined),
};
const facts: RateLimitFacts = {
  ...request,
  sourceWorkload: "shop/frontend",
  sourceAddress: "10.0.0.7",
};

test("a key is the caller, its address or a header; who has none shares one bucket", () => {
  const keys: RateLimit["key"][] = [
    undefined,
    { kind: "source-workload" },
    { kind: "source-address" },
    { kind: "header", name: "x-user" },
    { kind: "header", name: "x-none" },
  ];
  assert.deepEqual(
    keys.map((key) => rateLimitKey({ ...limit, key }, facts)),
    ["", "shop/frontend", "10.0.0.7", "jo", ""],
  );
  const anonymous = { ...facts, sourceWorkload: undefined };
  assert.equal(rateLimitKey({ ...limit, key: { kind: "source-workload" } }, anonymous), "");
});

test("a limit holds for the requests its matches name", () => {
  const some = compileRateLimit({
    ...limit,
    matches: [{ uri: { kind: "prefix", value: "/api" } }],
  });
  assert.equal(some.matches(facts), true);
  assert.equal(some.matches({ ...facts, path: "/" }), false);
  assert.equal(compileRateLimit(limit).matches(facts), true);
});

test("an allowed request is told its limit", () => {
  const verdict = { isAllowed: true, remaining: 7, resetMs: 1200, retryAfterMs: 0 };
  assert.deepEqual(rateLimitFields({ ...limit, windowMs: 60_000 }, verdict), [
    ["ratelimit-policy", '"api";q=10;w=60'],
    ["ratelimit", '"api";r=7;t=2'],
    ["x-ratelimit-limit", '10, 10;w=60;name="api"'],
    ["x-ratelimit-remaining", "7"],
    ["x-ratelimit-reset", "2"],
  ]);
});

test("a refused request is told when to come back", () => {
  const refused = { isAllowed: false, remaining: 0, resetMs: 300, retryAfterMs: 70 };
  assert.deepEqual(new Map(rateLimitFields(limit, refused)).get("retry-after"), "1");
  const never = { ...refused, retryAfterMs: Number.POSITIVE_INFINITY };
  assert.equal(new Map(rateLimitFields(limit, never)).get("retry-after"), undefined);
});

test("a name cannot break out of its field", () => {
  const verdict = { isAllowed: true, remaining: 0, resetMs: 0, retryAfterMs: 0 };
  const [policy] = rateLimitFields({ ...limit, name: 'a"b\\c\r\nx' }, verdict);
  assert.equal(policy?.[1], '"a\\"b\\\\c??x";q=10;w=1');
});
