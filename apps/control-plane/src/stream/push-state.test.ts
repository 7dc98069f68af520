import assert from "node:assert/strict";
import { test } from "node:test";
import { type PushEvent, type PushState, type PushStep, stepPush } from "./push-state.ts";

const states = {
  new: { kind: "new" },
  synced: { kind: "synced" },
  "in-flight": { kind: "in-flight", nonce: "1", hasChanged: false },
  "in-flight, changed": { kind: "in-flight", nonce: "1", hasChanged: true },
  refused: { kind: "refused", reason: "bad" },
} as const satisfies Record<string, PushState>;

const events = {
  changed: { kind: "changed" },
  sent: { kind: "sent", nonce: "2" },
  settled: { kind: "settled" },
  ack: { kind: "ack", nonce: "1" },
  nack: { kind: "nack", nonce: "1", reason: "no" },
  straggler: { kind: "ack", nonce: "0" },
} as const satisfies Record<string, PushEvent>;

type StateName = keyof typeof states;
const stays = (name: StateName, shallSend = false): PushStep => ({
  state: states[name],
  shallSend,
});
const sent: PushStep = {
  state: { kind: "in-flight", nonce: "2", hasChanged: false },
  shallSend: false,
};
const refused = (shallSend: boolean): PushStep => ({
  state: { kind: "refused", reason: "no" },
  shallSend,
});

const table: Record<StateName, Record<keyof typeof events, PushStep>> = {
  new: {
    changed: stays("new", true),
    sent,
    settled: stays("synced"),
    ack: stays("new"),
    nack: stays("new"),
    straggler: stays("new"),
  },
  synced: {
    changed: stays("synced", true),
    sent,
    settled: stays("synced"),
    ack: stays("synced"),
    nack: stays("synced"),
    straggler: stays("synced"),
  },
  "in-flight": {
    changed: stays("in-flight, changed"),
    sent: stays("in-flight"),
    settled: stays("in-flight"),
    ack: stays("synced"),
    nack: refused(false),
    straggler: stays("in-flight"),
  },
  "in-flight, changed": {
    changed: stays("in-flight, changed"),
    sent: stays("in-flight, changed"),
    settled: stays("in-flight, changed"),
    ack: stays("synced", true),
    nack: refused(true),
    straggler: stays("in-flight, changed"),
  },
  refused: {
    changed: stays("refused", true),
    sent,
    settled: stays("synced"),
    ack: stays("refused"),
    nack: stays("refused"),
    straggler: stays("refused"),
  },
};
for (const [stateName, row] of Object.entries(table)) {
  for (const [eventName, expected] of Object.entries(row)) {
    test(`a push that is ${stateName} meets ${eventName}`, () => {
      const state = states[stateName as StateName];
      const event = events[eventName as keyof typeof events];
      assert.deepEqual(stepPush(state, event), expected);
    });
  }
}
