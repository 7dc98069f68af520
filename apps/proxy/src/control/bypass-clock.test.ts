import assert from "node:assert/strict";
import { test } from "node:test";
import { BypassClock } from "./bypass-clock.ts";

test("looks at the time while a bypass is on, and lets it end", (t) => {
  t.mock.timers.enable({ apis: ["setInterval", "Date"], now: 0 });
  const night = { untilMs: 0, looks: 0 };
  const clock = new BypassClock({
    get isAnyBypassed() {
      return night.untilMs > 0;
    },
    endBypasses: (nowMs) => {
      night.looks += 1;
      if (night.untilMs <= nowMs) night.untilMs = 0;
    },
  });
  clock.look();
  assert.equal(clock.isRunning, false, "nothing is bypassed");
  night.untilMs = 1000;
  clock.look();
  clock.look();
  const wait = (quarters: number) => {
    for (let passed = 0; passed < quarters; passed++) t.mock.timers.tick(250);
  };
  wait(2);
  assert.deepEqual([night.looks, clock.isRunning], [2, true]);
  wait(2);
  assert.deepEqual([night.untilMs, clock.isRunning], [0, false]);
  wait(20);
  assert.equal(night.looks, 4);
});
