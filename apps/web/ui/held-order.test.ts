import assert from "node:assert/strict";
import { test } from "node:test";
import { inOrder } from "./held-order.ts";

test("keeps an order that was there and puts newcomers after it", () => {
  assert.deepEqual(
    inOrder(["a", "b", "c"], (item) => item, ["c", "gone", "a"]),
    ["c", "a", "b"],
  );
});
