import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { carriesLabels } from "./carries-labels.ts";
import { pickEndpoint } from "./pick-endpoint.ts";

const unitDraw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const endpoints = fc.array(fc.record({ activeRequests: fc.nat(50) }), {
  minLength: 2,
  maxLength: 12,
});

test("an empty list has no endpoint to pick", () => {
  assert.equal(pickEndpoint([], 0.5, 0.5), undefined);
});

test("the busiest endpoint is never picked while all others are less busy", () => {
  fc.assert(
    fc.property(endpoints, unitDraw, unitDraw, (list, first, second) => {
      const busiest = { activeRequests: 51 };
      assert.notEqual(pickEndpoint([...list, busiest], first, second), busiest);
    }),
  );
});

test("the endpoint of a failed try is avoided while there is another", () => {
  fc.assert(
    fc.property(endpoints, unitDraw, unitDraw, fc.nat(), (list, first, second, at) => {
      const failed = list[at % list.length];
      assert.ok(failed);
      assert.notEqual(pickEndpoint(list, first, second, failed), failed);
    }),
  );
  const only = { activeRequests: 0 };
  assert.equal(pickEndpoint([only], 0.5, 0.5, only), only);
});

test("equally busy endpoints are picked equally often", () => {
  const list = [0, 1, 2, 3].map((id) => ({ id, activeRequests: 0 }));
  const counts = [0, 0, 0, 0];
  for (let a = 0; a < 40; a++) {
    for (let b = 0; b < 40; b++) {
      const picked = pickEndpoint(list, (a + 0.5) / 40, (b + 0.5) / 40);
      if (picked) counts[picked.id] = (counts[picked.id] ?? 0) + 1;
    }
  }
  assert.deepEqual(counts, [400, 400, 400, 400]);
});

test("a subset takes endpoints that carry all of its labels", () => {
  const labels = { app: "reviews", version: "v2" };
  assert.equal(carriesLabels(labels, { version: "v2" }), true);
  assert.equal(carriesLabels(labels, { version: "v2", zone: "a" }), false);
  assert.equal(carriesLabels(labels, {}), true);
});
