/**
 * How many spans a second the collector takes and stores: real pushes (protobuf, gzip, 500 spans, four
 * connections) to a collector process with a real PostgreSQL. Run: `npm run bench -- ingest`.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { startDatabaseServer, waitFor } from "@heddle/testkit";
import { push, type SentSpan, spansBody } from "../apps/collector/test/proxy-like.ts";

const MAIN = fileURLToPath(new URL("../apps/collector/src/main.ts", import.meta.url));
const SPANS_PER_PUSH = 500;
const PUSHES = Number(process.env["BENCH_PUSHES"] ?? 400);
const BODIES = 40;
const SENDERS = 4;

function body(index: number): Buffer {
  const startMs = Date.now() - 1000;
  const spans = Array.from({ length: SPANS_PER_PUSH }, (_, i): SentSpan => {
    const n = index * SPANS_PER_PUSH + i + 1;
    return {
      traceId: (n >> 3).toString(16).padStart(31, "0") + "1",
      spanId: n.toString(16).padStart(16, "0"),
      parentSpanId: (n + 1_000_000).toString(16).padStart(16, "0"),
      kind: n % 2 === 0 ? "client" : "server",
      from: `shop/web-${n % 20}`,
      to: `shop/reviews-${n % 15}-v1`,
      startMs: startMs + (i % 900),
      durationMs: 1 + (n % 97),
      status: n % 50 === 0 ? 503 : 200,
      path: `/reviews/${n % 1000}`,
    };
  });
  return gzipSync(spansBody(spans), { level: 1 });
}

async function metrics(port: number): Promise<Map<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

void test("ingest throughput", { timeout: 300_000 }, async (t) => {
  const database = await startDatabaseServer(t);
  const child = spawn(process.execPath, [MAIN], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL: database.url,
      HEDDLE_AUTH_SECRET: "a secret of the bench, thirty-two characters",
      HEDDLE_OTLP_PORT: "0",
      HEDDLE_COLLECTOR_ADMIN_PORT: "0",
      HEDDLE_LOG_LEVEL: "warn",
    },
  });
  t.after(() => child.kill("SIGTERM"));
  const ready = await new Promise<{ otlpPort: number; adminPort: number }>((resolve) =>
    child.once("message", (message) => resolve(message as { otlpPort: number; adminPort: number })),
  );
  const bodies = Array.from({ length: BODIES }, (_, i) => body(i));
  const read = async (name: string) =>
    (await metrics(ready.adminPort)).get(`heddle_collector_${name}`) ?? 0;
  const cpuSeconds = async () =>
    (await metrics(ready.adminPort)).get("process_cpu_seconds_total") ?? 0;

  const run = async (pushes: number) => {
    const writtenBefore = await read("written_spans_total");
    const cpuBefore = await cpuSeconds();
    const startedMs = performance.now();
    let next = 0;
    const send = async () => {
      while (next < pushes) {
        const index = next++;
        // Storing is the limit: the queue must not be made to drop.
        if (index % 20 === 0) {
          await waitFor("the queue has room", 60_000, async () => {
            return (await read("queued_spans")) < 60_000;
          });
        }
        const headers = { "content-encoding": "gzip" };
        const sent = bodies[index % BODIES] ?? Buffer.alloc(0);
        assert.equal((await push(ready.otlpPort, "traces", sent, headers)).status, 200);
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, send));
    const takenMs = performance.now() - startedMs;
    const spans = pushes * SPANS_PER_PUSH;
    await waitFor("all is stored", 120_000, async () => {
      return (await read("written_spans_total")) - writtenBefore >= spans;
    });
    const storedMs = performance.now() - startedMs;
    const cpu = (await cpuSeconds()) - cpuBefore;
    return { spans, takenMs, storedMs, cpu };
  };
  await run(40); // warm
  const { spans, takenMs, storedMs, cpu } = await run(PUSHES);
  assert.equal(await read("dropped_spans_total"), 0);
  t.diagnostic(`${spans} spans: taken at ${Math.round(spans / takenMs)} k/s`);
  t.diagnostic(`decoded and stored at ${(spans / storedMs).toFixed(1)} k/s`);
  t.diagnostic(`collector CPU ${((cpu / spans) * 1e6).toFixed(1)} µs a span`);
  const memory = await metrics(ready.adminPort);
  t.diagnostic(`RSS ${Math.round((memory.get("process_resident_memory_bytes") ?? 0) / 1e6)} MB`);
});
