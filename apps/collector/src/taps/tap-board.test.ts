import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogRecord } from "@heddle/contracts";
import { TapBoard, TapReader } from "./tap-board.ts";

function record(eventName: string, more: LogRecord["attributes"] = {}): LogRecord {
  const attributes = { "heddle.tap.ids": "a,b", reporter: "destination", ...more };
  return { eventName, timeUnixNano: 1_700_000_000_500_000_000n, traceId: "", attributes };
}
const REQUEST = record("heddle.tap.request", {
  "url.path": "/a",
  "http.request.method": "GET",
  response_code: "503",
  response_flags: "UF",
  heddle_failed_by: "network",
  "heddle.duration_us": 1_500,
  source_workload: "web-v1",
  source_workload_namespace: "shop",
  destination_workload: "unknown",
  destination_service_name: "reviews",
  "http.request.header.user-agent": "curl",
});

function timed(maxPerSecond = 100) {
  const clock = { nowMs: 0 };
  return { clock, reader: new TapReader(maxPerSecond, () => clock.nowMs) };
}

test("hands a request to the readers of its taps, and says it in the API's words", () => {
  const board = new TapBoard();
  const [one, other] = [timed().reader, timed().reader];
  board.subscribe("b", one);
  board.subscribe("c", other);
  assert.deepEqual(board.take([{ resource: {}, records: [REQUEST] }]), {
    rejected: 0,
    message: "",
  });
  assert.equal(other.take(), undefined);
  const [event] = one.take()?.events ?? [];
  assert.deepEqual(event, {
    ...{ kind: "request", atMs: 1_700_000_000_500, durationMs: 1.5, direction: "inbound" },
    source: { workload: "shop/web-v1" },
    destination: { service: "reviews" },
    ...{ protocol: "HTTP/1.1", method: "GET", path: "/a", status: 503, flags: "UF" },
    ...{ failedBy: "network", security: "unknown", isTraced: false },
    headers: { "user-agent": "curl" },
  });
});

test("keeps nothing for a tap nobody reads, and takes no other logs", () => {
  const board = new TapBoard();
  board.take([{ resource: {}, records: [REQUEST] }]);
  const { reader } = timed();
  const leave = board.subscribe("a", reader);
  assert.equal(reader.take(), undefined);
  const partial = board.take([{ resource: {}, records: [record("app.log"), REQUEST] }]);
  assert.equal(partial.rejected, 1);
  assert.match(partial.message, /logs are not collected/);
  leave?.();
  leave?.();
  assert.deepEqual([board.readers, board.isRead("a")], [0, false]);
});

test("a slow reader holds no more than its bound, and hears how many it has missed", () => {
  const board = new TapBoard();
  const { reader, clock } = timed(1_000);
  board.subscribe("a", reader);
  for (let count = 0; count < 3_000; count++) {
    clock.nowMs += 10;
    board.take([{ resource: {}, records: [REQUEST] }]);
  }
  board.take([
    { resource: {}, records: [record("heddle.tap.not_shown", { "heddle.tap.not_shown": 7 })] },
  ]);
  let [events, notShown] = [0, 0];
  for (let batch = reader.take(); batch; batch = reader.take()) {
    assert.ok(batch.events.length <= 200);
    events += batch.events.length;
    notShown += batch.notShown;
  }
  assert.deepEqual([events, notShown], [1_000, 2_007]);
});

test("shows no more a second than was asked for, of all proxies together", () => {
  const { reader, clock } = timed(2);
  const board = new TapBoard();
  board.subscribe("a", reader);
  for (const atMs of [0, 1, 2, 999, 1_000]) {
    clock.nowMs = atMs;
    board.take([{ resource: {}, records: [REQUEST] }]);
  }
  const batch = reader.take();
  assert.deepEqual([batch?.events.length, batch?.notShown], [3, 2]);
});
