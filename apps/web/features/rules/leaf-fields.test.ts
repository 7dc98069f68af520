import assert from "node:assert/strict";
import { test } from "node:test";
import { leafFields, leafValue } from "./leaf-fields.ts";

test("lists the plain values of a spec by their way down", () => {
  const spec = {
    host: "ratings",
    trafficPolicy: { connectionPool: { tcp: { maxConnections: 5 } } },
    subsets: [{ name: "v1" }],
  };
  assert.deepEqual(
    leafFields({ spec, kind: "DestinationRule" }).fields.map(({ label, value }) => [label, value]),
    [
      ["host", "ratings"],
      ["trafficPolicy › connectionPool › tcp › maxConnections", 5],
      ["subsets › 1 › name", "v1"],
    ],
  );
});

test("stops at sixty and says so", () => {
  const spec = Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`k${index}`, index]));
  const { fields, isCut } = leafFields({ spec });
  assert.deepEqual([fields.length, isCut], [60, true]);
});

test("keeps the kind of value where what is typed is one", () => {
  assert.equal(leafValue(5, "7"), 7);
  assert.equal(leafValue(5, "many"), "many");
  assert.equal(leafValue(5, ""), "");
  assert.equal(leafValue("5", "7"), "7");
});
