import assert from "node:assert/strict";
import { test } from "node:test";
import { LoginThrottle } from "./login-throttle.ts";

function failTimes(throttle: LoginThrottle, times: number, account: string, address: string) {
  let [nowMs, waitedMs] = [0, 0];
  for (let made = 0; made < times; ) {
    const waitMs = throttle.begin(account, address, nowMs);
    if (waitMs === 0) made += 1;
    nowMs += waitMs;
    waitedMs += waitMs;
  }
  return { nowMs, waitedMs };
}

test("the first failures cost nothing, then each costs twice the one before", () => {
  const throttle = new LoginThrottle();
  assert.equal(failTimes(throttle, 5, "ada", "10.0.0.1").waitedMs, 0);
  const { waitedMs, nowMs } = failTimes(new LoginThrottle(), 9, "ada", "10.0.0.1");
  assert.equal(waitedMs, 1000 + 2000 + 4000 + 8000);
  assert.equal(throttle.begin("ada", "10.0.0.1", 0), 1000);
  assert.ok(nowMs > 0);
});

test("many attempts at once are no way around it", () => {
  const throttle = new LoginThrottle();
  const waits = Array.from({ length: 100 }, () => throttle.begin("ada", "10.0.0.1", 0));
  assert.equal(waits.filter((waitMs) => waitMs === 0).length, 5);
});

test("one address that guesses many names is slowed", () => {
  const throttle = new LoginThrottle();
  const waits = Array.from({ length: 100 }, (_, i) => throttle.begin(`user${i}`, "10.0.0.1", 0));
  assert.equal(waits.filter((waitMs) => waitMs === 0).length, 20);
  assert.equal(throttle.begin("ada", "10.0.0.2", 0), 0);
});

test("guessing at a name from everywhere never locks its owner out", () => {
  const throttle = new LoginThrottle();
  assert.equal(throttle.begin("ada", "10.9.9.9", 0), 0);
  throttle.succeeded("ada", "10.9.9.9");
  for (let i = 0; i < 500; i++) throttle.begin("ada", `10.0.${i >> 8}.${i & 255}`, 0);
  assert.ok(throttle.begin("ada", "10.1.1.1", 0) > 0);
  assert.ok(throttle.begin("ada", "10.1.1.1", 0) <= 10_000);
  assert.equal(throttle.begin("ada", "10.9.9.9", 0), 0);
});

test("who guesses behind the same address holds up nobody who has logged in from there", () => {
  const throttle = new LoginThrottle();
  assert.equal(throttle.begin("ada", "10.0.0.1", 0), 0);
  throttle.succeeded("ada", "10.0.0.1");
  for (let i = 0; i < 100; i++) throttle.begin(`user${i}`, "10.0.0.1", 0);
  assert.ok(throttle.begin("jon", "10.0.0.1", 0) > 0);
  assert.equal(throttle.begin("ada", "10.0.0.1", 0), 0);
});

test("a success forgives, and an hour of quiet forgets", () => {
  const throttle = new LoginThrottle();
  failTimes(throttle, 5, "ada", "10.0.0.1");
  throttle.succeeded("ada", "10.0.0.1");
  assert.equal(throttle.begin("ada", "10.0.0.1", 1), 0);
  const other = new LoginThrottle();
  const { nowMs } = failTimes(other, 8, "jon", "10.0.0.1");
  assert.ok(other.begin("jon", "10.0.0.1", nowMs) > 0);
  assert.equal(other.begin("jon", "10.0.0.1", nowMs + 3_600_000), 0);
});
