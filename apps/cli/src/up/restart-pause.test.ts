import assert from "node:assert/strict";
import { test } from "node:test";
import { RestartPause } from "./restart-pause.ts";

test("doubles the pause at each early death, up to ten seconds", () => {
  const pause = new RestartPause();
  const pauses = Array.from({ length: 9 }, (_, n) => {
    pause.onStart(n);
    return pause.onEnd(n + 1);
  });
  assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
});

test("starts from the shortest pause after a sound run", () => {
  const pause = new RestartPause();
  pause.onStart(0);
  pause.onEnd(1);
  pause.onStart(2);
  assert.equal(pause.onEnd(30_002), 100);
});
