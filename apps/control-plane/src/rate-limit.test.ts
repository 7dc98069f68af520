import assert from "node:assert/strict";
import { test } from "node:test";
import { RateLimiter } from "./rate-limit.ts";

test("a caller may burst, then goes at the rate, and others are not held up", () => {
  const limiter = new RateLimiter({ burst: 2, perSecond: 1 });
  assert.deepEqual(
    [0, 0, 0, 500, 1000, 1000].map((nowMs) => limiter.take("a", nowMs)),
    [true, true, false, false, true, false],
  );
  assert.ok(limiter.take("b", 0));
});
