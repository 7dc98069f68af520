import assert from "node:assert/strict";
import { test } from "node:test";
import { caller } from "../mtls/test-callers.ts";
import { callerSources } from "./caller-sources.ts";

test("adds up what one address calls, the busiest address first", () => {
  const sources = callerSources([
    caller({ requests: 2, requestsPerSecond: 0, sourceAddress: "10.0.9.3", lastSeenMs: 5 }),
    caller({ requests: 10, requestsPerSecond: 0.2, lastSeenMs: 7 }),
    caller({
      requests: 30,
      requestsPerSecond: 0.5,
      lastSeenMs: 6,
      workload: "cart-v5",
      refused: 1,
    }),
  ]);
  assert.deepEqual(
    sources.map(({ address, calls, requests, requestsPerSecond, refused, lastSeenMs }) => [
      address,
      calls.length,
      requests,
      requestsPerSecond,
      refused,
      lastSeenMs,
    ]),
    [
      ["10.0.4.17", 2, 40, 0.7, 1, 7],
      ["10.0.9.3", 1, 2, 0, 0, 5],
    ],
  );
  assert.equal(sources[0]?.first.workload, "cart-v5");
});
