import assert from "node:assert/strict";
import { test } from "node:test";
import { loadApiConfig } from "./config.ts";

test("a command takes no offence at what the shell exports for `heddle up`", () => {
  const env = { HEDDLE_PUSH_WINDOW_MS: "5000", HEDDLE_CONSOLE_PORT: "20009", HEDDLE_HOME: "/home" };
  assert.deepEqual(loadApiConfig(env), { HEDDLE_HOME: "/home" });
});

test("a command names a variable that nothing reads", () => {
  assert.throws(() => loadApiConfig({ HEDDLE_HOEM: "/home" }), /HEDDLE_HOEM/);
});
