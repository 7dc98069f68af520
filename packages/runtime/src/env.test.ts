import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { parseEnv, portVariable, secretVariable } from "./env.ts";

const Shape = z.object({
  HEDDLE_OTLP_PORT: portVariable(4318),
  HEDDLE_AUTH_SECRET: secretVariable(),
});
const secret = "s".repeat(32);

test("fills in defaults and reads numbers", () => {
  assert.equal(parseEnv(Shape, { HEDDLE_AUTH_SECRET: secret }).HEDDLE_OTLP_PORT, 4318);
  const given = { HEDDLE_AUTH_SECRET: secret, HEDDLE_OTLP_PORT: "5000" };
  assert.equal(parseEnv(Shape, given).HEDDLE_OTLP_PORT, 5000);
});

test("names every fault in one message and never shows a secret", () => {
  const env = {
    HEDDLE_AUTH_SECRET: "short-secret",
    HEDDLE_OTLP_PORT: "99999",
    HEDDLE_OLTP_PORT: "1",
  };
  assert.throws(
    () => parseEnv(Shape, env),
    (error: Error) => {
      assert.match(error.message, /HEDDLE_OTLP_PORT: expected a port, 0 to 65535 \(is "99999"\)/);
      assert.match(error.message, /HEDDLE_AUTH_SECRET: a secret needs at least 32 characters/);
      assert.match(
        error.message,
        /HEDDLE_OLTP_PORT: unknown variable; did you mean HEDDLE_OTLP_PORT\?/,
      );
      assert.ok(!error.message.includes("short-secret"));
      return true;
    },
  );
});

test("accepts variables that another Heddle process reads", () => {
  assert.doesNotThrow(() =>
    parseEnv(Shape, { HEDDLE_AUTH_SECRET: secret, HEDDLE_CONSOLE_PORT: "1" }),
  );
});
