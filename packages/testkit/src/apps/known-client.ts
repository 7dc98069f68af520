// An open-loop caller: RATE requests a second to HOST through the sidecar at HEDDLE_OUTBOUND_URL, whatever the
// answers. Each request becomes a line in LOG_FILE when it ends: `<epoch ms of start> <status, 0 = none> <latency ms> <who failed and why>`.
import { createWriteStream } from "node:fs";
import { Agent, request as httpRequest } from "node:http";

const outbound = new URL(process.env["HEDDLE_OUTBOUND_URL"] ?? "");
const host = process.env["HOST_HEADER"] ?? "";
const ratePerSecond = Number(process.env["RATE"] ?? 10);
const log = createWriteStream(process.env["LOG_FILE"] ?? "/dev/null", { flags: "a" });
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function send() {
  const startMs = Date.now();
  const startedAt = performance.now();
  const done = (status: number, why = "") =>
    log.write(`${startMs} ${status} ${(performance.now() - startedAt).toFixed(2)} ${why}\n`);
  const request = httpRequest({
    agent,
    host: outbound.hostname,
    port: outbound.port,
    path: "/known",
    headers: { host },
  });
  request.on("response", (response) => {
    response.resume();
    const { "x-heddle-origin": origin, "x-heddle-flags": flags, "x-seen": seen } = response.headers;
    response.on("end", () =>
      done(response.statusCode ?? 0, [origin, flags, seen].flat().join(" ").trim()),
    );
    response.on("error", (error) => done(0, error.message));
  });
  request.on("error", (error) => done(0, error.message));
  request.end();
}

const startedAt = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const due = Math.floor(((performance.now() - startedAt) / 1000) * ratePerSecond);
  for (; sent < due; sent += 1) send();
}, 5);
process.on("SIGTERM", () => {
  clearInterval(timer);
  setTimeout(() => log.end(() => process.exit(0)), 500); // what is in flight may end
});
