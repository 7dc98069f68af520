import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  initialStreamState,
  nextStreamState,
  reconnectDelayMs,
  type StreamEvent,
  type StreamState,
} from "./stream-state.ts";

type Kind = StreamState["kind"];
const table: Record<Kind, Record<StreamEvent["type"], Kind>> = {
  connecting: { opened: "live", message: "live", lost: "reconnecting", retry: "connecting" },
  live: { opened: "live", message: "live", lost: "reconnecting", retry: "live" },
  reconnecting: { opened: "live", message: "live", lost: "reconnecting", retry: "connecting" },
};
const events: Record<StreamEvent["type"], StreamEvent> = {
  opened: { type: "opened" },
  message: { type: "message", nowMs: 5 },
  lost: { type: "lost" },
  retry: { type: "retry" },
};

test("moves between states as its table says", () => {
  for (const kind of Object.keys(table) as Kind[]) {
    for (const type of Object.keys(events) as StreamEvent["type"][]) {
      const next = nextStreamState({ kind, asOfMs: 1, attempt: 1 }, events[type]);
      assert.equal(next.kind, table[kind][type], `${kind} on ${type}`);
    }
  }
});

test("keeps the time of the last message through a loss", () => {
  let state = nextStreamState(initialStreamState, { type: "message", nowMs: 42 });
  state = nextStreamState(state, { type: "lost" });
  assert.deepEqual(state, { kind: "reconnecting", asOfMs: 42, attempt: 1 });
  state = nextStreamState(nextStreamState(state, { type: "retry" }), { type: "lost" });
  assert.equal(state.attempt, 2);
});

test("waits longer with each loss, at most 10 s, and never less than 0.25 s", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempt, draw) => {
        const delayMs = reconnectDelayMs(attempt, draw);
        assert.ok(delayMs >= 250 && delayMs <= 10_000);
      },
    ),
  );
  assert.equal(reconnectDelayMs(1, 1), 500);
  assert.equal(reconnectDelayMs(4, 1), 4000);
});
