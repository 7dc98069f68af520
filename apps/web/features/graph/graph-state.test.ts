import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import {
  EDGE_LABELS,
  type GraphState,
  graphQuery,
  parseGraphState,
  VIEWS,
  WINDOWS_MS,
} from "./graph-state.ts";

const optionalText = fc.option(fc.string({ minLength: 1 }), { nil: undefined });
const states: fc.Arbitrary<GraphState> = fc.record(
  {
    selected: optionalText,
    view: fc.constantFrom(...VIEWS),
    show: fc.constantFrom("graph", "table"),
    labels: fc.subarray([...EDGE_LABELS]),
    find: fc.string(),
    hide: fc.string(),
    windowMs: fc.constantFrom(...WINDOWS_MS),
    camera: fc.option(
      fc.record(
        {
          scale: fc.integer({ min: 150, max: 2500 }).map((thousandths) => thousandths / 1000),
          xPx: fc.integer({ min: -9999, max: 9999 }),
          yPx: fc.integer({ min: -9999, max: 9999 }),
        },
        { noNullPrototype: true },
      ),
      { nil: undefined },
    ),
    namespace: optionalText,
    atMs: fc.option(fc.nat(2_000_000_000_000), { nil: undefined }),
  },
  { noNullPrototype: true },
);

test("a link brings back the state it was made from", () => {
  fc.assert(
    fc.property(states, (state) => {
      assert.deepEqual(parseGraphState(new URLSearchParams(graphQuery(state))), state);
    }),
  );
});

test("the usual state has an empty query", () => {
  assert.equal(graphQuery(parseGraphState(new URLSearchParams())), "");
});

test("a query nobody can read falls back to the usual", () => {
  const state = parseGraphState(
    new URLSearchParams("view=planets&window=-1&zoom=NaN,1&show=cinema&labels=x"),
  );
  assert.equal(state.view, "versions");
  assert.equal(state.windowMs, 30_000);
  assert.equal(state.camera, undefined);
  assert.equal(state.show, "graph");
  assert.deepEqual(state.labels, []);
});
