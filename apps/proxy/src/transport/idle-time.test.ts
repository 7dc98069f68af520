import assert from "node:assert/strict";
import { test } from "node:test";
import { IdleTime } from "./idle-time.ts";

test("stays below what the peer says, whatever the standard", () => {
  const idle = new IdleTime(4_000);
  idle.told("timeout=5, max=100");
  assert.equal(idle.ms(0), 4_000);
  idle.told("timeout=3");
  assert.equal(idle.ms(0), 2_000);
  idle.told("timeout=1");
  assert.equal(idle.ms(0), 500);
  idle.told("max=7");
  assert.equal(idle.ms(0), 500);
});

test("stays below what the peer does, and forgets it after ten minutes", () => {
  const idle = new IdleTime(4_000);
  idle.closedAfter(2_500, 1_000);
  assert.equal(idle.ms(1_000), 4_000, "once says nothing");
  idle.closedAfter(2_600, 2_000);
  assert.equal(idle.ms(2_000), 1_600);
  assert.equal(idle.ms(602_000), 4_000);
});

test("does not take a peer that ends for one that is hasty", () => {
  const idle = new IdleTime(4_000);
  for (const ageMs of [3_000, 2_900, 10, 12]) idle.closedAfter(ageMs, 1_000);
  assert.equal(idle.ms(1_000), 4_000);
});

test("is never so short that no connection is used twice", () => {
  const idle = new IdleTime(4_000);
  idle.closedAfter(3, 0);
  idle.closedAfter(3, 1_000);
  assert.equal(idle.ms(0), 100);
});
