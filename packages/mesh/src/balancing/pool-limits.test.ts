import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  admitConnection,
  admitPending,
  admitRequest,
  admitRetry,
  compilePoolLimits,
  describeOverflow,
  emptyUsage,
  type PoolLimits,
  type PoolUsage,
} from "./pool-limits.ts";

const LIMITS = compilePoolLimits({
  maxConnections: 1,
  maxPendingRequests: 2,
  maxRequests: 3,
  maxRetries: 4,
});
const rules: Readonly<
  Record<
    keyof PoolUsage,
    { ask: (l: PoolLimits, u: PoolUsage) => unknown; words: string; limit: number }
  >
> = {
  connections: { ask: admitConnection, words: "tcp.maxConnections: 1 reached", limit: 1 },
  pending: { ask: admitPending, words: "http.http1MaxPendingRequests: 2 reached", limit: 2 },
  requests: { ask: admitRequest, words: "http.http2MaxRequests: 3 reached", limit: 3 },
  retries: { ask: admitRetry, words: "http.maxRetries: 4 reached", limit: 4 },
};

for (const [what, { ask, words, limit }] of Object.entries(rules)) {
  test(`${what} are admitted up to their limit, and the refusal says "${words}"`, () => {
    const usage = { connections: 9, pending: 9, requests: 9, retries: 9, [what]: limit - 1 };
    assert.equal(ask(LIMITS, usage), "admitted");
    const verdict = ask(LIMITS, { ...emptyUsage(), [what]: limit });
    assert.equal(describeOverflow(verdict as Parameters<typeof describeOverflow>[0]), words);
  });

  test(`${what} have no limit unless one is set`, () => {
    fc.assert(
      fc.property(fc.nat(), (used) => {
        const limits = compilePoolLimits(used % 2 === 0 ? undefined : {});
        assert.equal(ask(limits, { ...emptyUsage(), [what]: used }), "admitted");
      }),
    );
  });
}

test("a pending limit of 0 lets nobody wait", () => {
  assert.notEqual(
    admitPending(compilePoolLimits({ maxPendingRequests: 0 }), emptyUsage()),
    "admitted",
  );
});
