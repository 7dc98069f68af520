// Logs 16 MiB to standard output, whoever reads it, and tells by IPC how long its event loop stood still.
import { createLogger } from "@heddle/runtime";
import { AccessLog } from "../../src/telemetry/access-log.ts";
import { standardOutput } from "../../src/telemetry/log-output.ts";

const log = new AccessLog(standardOutput(), createLogger("proxy", "silent"));
const line = `${"x".repeat(1_023)}\n`;
const ROUNDS = 128;
const LINES_A_ROUND = 128;
let longestMs = 0;
let lastMs = performance.now();
let round = 0;
const timer = setInterval(() => {
  const nowMs = performance.now();
  longestMs = Math.max(longestMs, nowMs - lastMs);
  lastMs = nowMs;
  for (let count = 0; count < LINES_A_ROUND; count++) log.push(line);
  if (++round < ROUNDS) return;
  clearInterval(timer);
  process.send?.({ longestMs, dropped: log.dropped });
}, 5);
