import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { deadlinesOf } from "../src/core/deadline-registry.ts";
import { send } from "./data-path-kit.ts";
import { startReviews } from "./support/guarded-reviews.ts";

for (const headers of [{ "x-envoy-expected-rq-timeout-ms": "150" }, { "grpc-timeout": "150m" }]) {
  const [name] = Object.keys(headers);
  test(`${name} bounds the app's work, which ends then, and the calls it makes`, async (t) => {
    let arrived: ((request: IncomingMessage) => void) | undefined;
    const asked = new Promise<IncomingMessage>((resolve) => {
      arrived = resolve;
    });
    const { workload, recorder, ports } = await startReviews(t, (request) => arrived?.(request));
    const answering = send(ports.plaintext, { headers });
    const request = await asked;
    const [, traceId = "", spanId = ""] = String(request.headers["traceparent"]).split("-");
    const untilMs = deadlinesOf(workload).find(traceId, spanId);
    assert.ok(untilMs !== undefined && untilMs - performance.now() <= 150);
    const closed = once(request.socket, "close");
    const answer = await answering;
    assert.equal(answer.status, 504);
    assert.equal(answer.headers["x-heddle-flags"], "UT");
    assert.match(answer.body.toString(), /within the 150 ms its caller waits/);
    await closed;
    await recorder.find(({ labels }) => labels.responseCode === 504);
    assert.ok(deadlinesOf(workload).isEmpty);
  });
}

test("a deadline that has passed already is answered without asking the app", async (t) => {
  const { ports, paths } = await startReviews(t);
  const answer = await send(ports.plaintext, { headers: { "grpc-timeout": "0m" } });
  assert.equal(answer.status, 504);
  assert.deepEqual(paths, []);
});
