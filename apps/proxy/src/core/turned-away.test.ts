import assert from "node:assert/strict";
import { test } from "node:test";
import { TurnedAway } from "./turned-away.ts";

const vault = { namespace: "shop", name: "vault" };

test("counts each caller by workload and reason, refused ones apart from those that were served", () => {
  const callers = new TurnedAway();
  callers.note(vault, "10.0.4.17", "plaintext", false, 1);
  callers.note(vault, "10.0.4.17", "plaintext", false, 2);
  callers.note(vault, "10.0.4.17", "plaintext", true, 3);
  callers.note(vault, "10.0.4.17", "expired", true, 4);
  callers.note({ namespace: "shop", name: "till" }, "10.0.4.17", "plaintext", true, 5);
  const told = callers.all.map((one) => [
    one.workload.name,
    one.reason,
    one.refused,
    one.wouldBeRefused,
    one.lastSeenMs,
  ]);
  assert.deepEqual(told, [
    ["till", "plaintext", 1, 0, 5],
    ["vault", "expired", 1, 0, 4],
    ["vault", "plaintext", 1, 2, 3],
  ]);
});

test("holds no more callers than a message may, and still counts them all", () => {
  const callers = new TurnedAway();
  for (let index = 0; index < 5_000; index++) {
    const address = `10.0.${index >> 8}.${index & 255}`;
    const under = callers.note(vault, address, "plaintext", true, index);
    assert.equal(under, index < 900 ? address : "other");
  }
  const { all } = callers;
  assert.ok(all.length <= 1_000, `${all.length} entries`);
  assert.equal(
    all.reduce((sum, { refused }) => sum + refused, 0),
    5_000,
  );
});
