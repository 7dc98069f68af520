import assert from "node:assert/strict";
import { test } from "node:test";
import type { TapEvent } from "@heddle/contracts";
import { addBatch, EMPTY_LIST, filterRows } from "./tap-list.ts";

function event(path: string, status: number, more: Partial<TapEvent> = {}): TapEvent {
  return {
    ...{ kind: "request", atMs: 0, durationMs: 1, direction: "inbound", method: "GET" },
    ...{ source: { workload: "shop/web-v1" }, destination: { workload: "shop/reviews-v2" } },
    ...{ protocol: "HTTP/1.1", path, status, flags: "-", security: "mutual_tls" },
    ...{ isTraced: false, headers: {} },
    ...more,
  };
}

test("keeps the newest 200 first, and counts all and what was not shown", () => {
  let list = EMPTY_LIST;
  for (let at = 0; at < 300; at += 2) {
    list = addBatch(list, {
      events: [event(`/${at}`, 200), event(`/${at + 1}`, 200)],
      notShown: 1,
    });
  }
  assert.equal(list.rows.length, 200);
  assert.equal(list.rows[0]?.event.path, "/299");
  assert.equal(new Set(list.rows.map(({ id }) => id)).size, 200);
  assert.deepEqual([list.total, list.notShown], [300, 150]);
});

test("narrows by status and by words", () => {
  const { method: _, path: _p, status: _s, ...tcp } = event("", 0, { kind: "connection-closed" });
  const events = [event("/a", 200), event("/b", 404), event("/c", 503, { failedBy: "app" }), tcp];
  const list = addBatch(EMPTY_LIST, { events, notShown: 0 });
  const paths = (group: Parameters<typeof filterRows>[1], text = "") =>
    filterRows(list, group, text).map((row) => row.event.path);
  assert.deepEqual(paths("failed"), ["/c"]);
  assert.deepEqual(paths("4xx"), ["/b"]);
  assert.deepEqual(paths("TCP"), [undefined]);
  assert.deepEqual(paths("all", "get WEB-v1 /a"), ["/a"]);
  assert.deepEqual(paths("2xx", "/b"), []);
});
