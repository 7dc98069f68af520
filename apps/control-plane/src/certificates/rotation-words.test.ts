import assert from "node:assert/strict";
import { test } from "node:test";
import { describeProgress, progressWords } from "./rotation-words.ts";

const nowMs = Date.parse("2026-11-21T15:00:00Z");
const minutesAgo = (minutes: number) => nowMs - minutes * 60_000;
const member = (name: string, isDone: boolean, lastSeenAtMs = nowMs, untilMs?: number) => ({
  proxyId: `px-${name}`,
  name,
  lastSeenAtMs,
  isDone,
  untilMs,
});
const plain = { step: "signing", isPaused: false, isStepwise: false } as const;

test("names who is away first, since when, and how long its certificate runs", () => {
  const members = [
    member("web-1", true),
    member("cart-1", false),
    member("ratings-2", false, minutesAgo(28), Date.parse("2026-11-21T20:10:00Z")),
  ];
  const progress = describeProgress("signing", members, (id) => id === "px-cart-1", nowMs);
  assert.equal(
    progressWords(plain, progress),
    "signing: 1 of 3 proxies; waiting for ratings-2, away since 14:32 UTC, its certificate runs until 20:10 UTC; and 1 more",
  );
  assert.equal(progress.waiting[1]?.why, "still uses a certificate of the old authority");
});

test("says the day of what is not near", () => {
  const members = [member("old", false, minutesAgo(3 * 1440))];
  const progress = describeProgress("trusting", members, () => false, nowMs);
  assert.equal(progress.waiting[0]?.why, "away since 2026-11-18 15:00 UTC");
});

test("says that a rotation is paused, or waits for somebody to advance it", () => {
  const progress = describeProgress("signing", [member("web-1", true)], () => true, nowMs);
  assert.equal(
    progressWords({ ...plain, isPaused: true }, progress),
    "signing (paused): 1 of 1 proxies",
  );
  assert.equal(
    progressWords({ ...plain, isStepwise: true }, progress),
    "signing: 1 of 1 proxies; advance it to go on",
  );
});
