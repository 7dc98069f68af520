import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startDatabase, waitFor } from "@heddle/testkit";
import { metricsBody, push } from "./proxy-like.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const SECRET = "a secret of the tests, thirty-two characters";

test("starts as a process, says when it is ready, and ends cleanly on SIGTERM", async (t) => {
  const { url } = await startDatabase(t);
  const child = spawn(process.execPath, [MAIN], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL: url,
      HEDDLE_AUTH_SECRET: SECRET,
      HEDDLE_OTLP_PORT: "0",
      HEDDLE_COLLECTOR_ADMIN_PORT: "0",
    },
  });
  t.after(() => child.kill("SIGKILL"));
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const ready: { otlpPort: number; adminPort: number }[] = [];
  child.on("message", (message) => ready.push(message as (typeof ready)[0]));
  const { otlpPort } = await waitFor(
    `the collector is ready; it says ${log}`,
    10_000,
    () => ready[0],
  );
  const endMs = Date.now();
  const body = metricsBody({ proxy: "a", startMs: endMs - 1000, endMs, counted: [] });
  assert.equal((await push(otlpPort, "metrics", body)).status, 200);
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  assert.equal(code, 0, log);
  assert.ok(!log.includes(SECRET));
});

test("names every bad setting at once and exits 1", async () => {
  const child = spawn(process.execPath, [MAIN], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: process.env["PATH"], HEDDLE_OTLP_PORT: "high", HEDDLE_OTLP_PROT: "1" },
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const [code] = await once(child, "close");
  assert.equal(code, 1);
  for (const name of [
    "DATABASE_URL",
    "HEDDLE_AUTH_SECRET",
    "HEDDLE_OTLP_PORT",
    "HEDDLE_OTLP_PROT",
  ]) {
    assert.match(log, new RegExp(`${name}:`));
  }
  assert.doesNotMatch(log, /\n\s+at /);
});
