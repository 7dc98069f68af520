import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { WorkloadResource } from "@heddle/contracts";
import { createLogger } from "@heddle/runtime";
import { waitFor } from "@heddle/testkit";
import { AccessLog } from "../src/telemetry/access-log.ts";
import { fileOutput, type LogOutput } from "../src/telemetry/log-output.ts";
import { Recorder } from "../src/telemetry/recorder.ts";
import type { AccessLogMode } from "../src/telemetry/workload-signals.ts";
import {
  app,
  authority,
  endpoints,
  hosted,
  inbound,
  outbound,
  send,
  service,
  TestMesh,
} from "./data-path-kit.ts";
import { obey } from "./support/policies.ts";
import { temporaryFolder } from "./support/proxy-process.ts";

const silent = createLogger("proxy", "silent");
type Line = Record<string, unknown>;

/** front calls reviews through both sidecars; one recorder with a log in a file. */
async function loggedPair(t: TestContext, accessLogMode: AccessLogMode) {
  const path = join(temporaryFolder(t), "access.log");
  const log = new AccessLog(fileOutput(path), silent);
  const recorder = new Recorder({
    samplingRatio: 0,
    draw: Math.random,
    accessLogMode,
    accessLog: log,
    environment: { HOSTNAME: "host-a", HEDDLE_JOIN_TOKEN: "hdl1.x.secret", DATABASE_URL: "pg" },
    logger: silent,
  });
  const reviews = await app(t, (request, response) => {
    response.statusCode = Number(request.headers["x-answer"] ?? 200);
    setTimeout(() => response.end("from reviews"), Number(request.headers["x-wait-ms"] ?? 0));
  });
  const called = await hosted("reviews", { appPort: reviews.port, version: "v2" });
  const caller = await hosted("front", { version: "v1" });
  const listener = await inbound(t, called, recorder);
  const ca = await authority();
  const identity = ca.spiffeId({ namespace: "shop", workload: "reviews-v2", service: "reviews" });
  const mesh = new TestMesh();
  const endpoint = { port: listener.port, workload: "reviews-v2", version: "v2", identity };
  mesh.apply(service("reviews"), endpoints("reviews", [endpoint]));
  mesh.apply(service("ratings"), endpoints("ratings", []));
  const proxy = await outbound(t, caller, mesh, recorder);
  const call = (headers: Record<string, string> = {}, host = "reviews") =>
    send(proxy.port, { host, path: "/list?card=4111", headers });
  const lines = async (count: number): Promise<Line[]> => {
    const read = () =>
      readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Line);
    await waitFor(`${count} lines`, 5_000, () => read().length >= count);
    assert.equal(read().length, count);
    return read();
  };
  return { call, lines, recorder, called, caller, endpoint, log };
}

function by(lines: readonly Line[], direction: string): Line {
  const line = lines.find((each) => each["heddle_direction"] === direction);
  assert.ok(line, `no ${direction} line`);
  return line;
}

test("logs a request at both sides, with Istio's keys and Heddle's", async (t) => {
  const { call, lines, endpoint } = await loggedPair(t, "all");
  await call({ "user-agent": "curl/8", "x-request-id": "id-1" });
  const both = await lines(2);
  const outboundLine = by(both, "outbound");
  const { start_time, duration, trace_id, ...rest } = outboundLine;
  assert.match(String(start_time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Number(duration) >= 0);
  assert.match(String(trace_id), /^[0-9a-f]{32}$/);
  assert.deepEqual(rest, {
    method: "GET",
    path: "/list",
    protocol: "HTTP/1.1",
    response_code: 200,
    response_flags: "-",
    response_code_details: "via_upstream",
    connection_termination_details: null,
    upstream_transport_failure_reason: null,
    bytes_received: 0,
    bytes_sent: 12,
    upstream_service_time: null,
    x_forwarded_for: null,
    user_agent: "curl/8",
    request_id: "id-1",
    authority: "reviews",
    upstream_host: `127.0.0.1:${endpoint.port}`,
    upstream_cluster: "outbound|||reviews.shop.svc.cluster.local",
    upstream_local_address: null,
    downstream_local_address: null,
    downstream_remote_address: "127.0.0.1",
    requested_server_name: null,
    route_name: rest["heddle_rule"],
    grpc_status: null,
    heddle_workload: "shop/front-v1",
    heddle_direction: "outbound",
    heddle_peer: "shop/reviews-v2",
    heddle_attempts: 1,
    heddle_failed_by: null,
    heddle_rule: rest["heddle_rule"],
    heddle_revision: rest["heddle_revision"],
  });
  assert.equal(typeof rest["heddle_rule"], "string");
  assert.equal(typeof rest["heddle_revision"], "number");
  const inboundLine = by(both, "inbound");
  assert.equal(inboundLine["heddle_peer"], "shop/front-v1");
  assert.equal(inboundLine["trace_id"], trace_id);
});

test("never logs credentials, nor the query", async (t) => {
  const { call, lines } = await loggedPair(t, "all");
  await call({ authorization: "Bearer SECRET", cookie: "s=SECRET", "x-api-key": "SECRET" });
  assert.doesNotMatch(JSON.stringify(await lines(2)), /SECRET|4111/);
});

test("says who failed a request, and why", async (t) => {
  const { call, lines } = await loggedPair(t, "errors");
  await call();
  await call({ "x-answer": "404" });
  await call({ "x-answer": "500" });
  await call({}, "ratings");
  const told = (await lines(5)).map((line) => [
    line["response_code"],
    line["response_flags"],
    line["heddle_failed_by"],
    line["response_code_details"],
  ]);
  assert.deepEqual(told, [
    [404, "-", null, "via_upstream"],
    [404, "-", null, "via_upstream"],
    [500, "-", "app", "via_upstream"],
    [500, "-", "app", "via_upstream"],
    [503, "UH", "outbound-proxy", "no_healthy_upstream"],
  ]);
});

function telemetry(rules: NonNullable<WorkloadResource["telemetry"]>) {
  return { telemetry: rules };
}

test("a Telemetry document switches a workload's log on, filters it, and off again, live", async (t) => {
  const { call, lines, called, caller } = await loggedPair(t, "off");
  await call();
  const filter = 'response.code >= 500 || request.duration > duration("80ms")';
  obey(called, telemetry({ accessLog: "all", accessLogFilter: filter }));
  await call();
  await call({ "x-answer": "503" });
  await call({ "x-wait-ms": "100" });
  obey(called, telemetry({ accessLog: "off" }));
  obey(caller, telemetry({ accessLog: "all" }));
  await call({ "x-answer": "418" });
  const told = (await lines(3)).map((line) => [line["heddle_workload"], line["response_code"]]);
  assert.deepEqual(told, [
    ["shop/reviews-v2", 503],
    ["shop/reviews-v2", 200],
    ["shop/front-v1", 418],
  ]);
});

test("samples, tags and withholds spans as a workload's Telemetry document says, live", async (t) => {
  const { call, recorder, caller } = await loggedPair(t, "off");
  const spans = async () => {
    await waitFor("the answer was counted at both sides", 5_000, () => recorder.table.count > 1);
    return recorder.spans.take(100).filter(({ kind }) => kind === "client");
  };
  await call();
  assert.equal((await spans()).length, 0);
  obey(
    caller,
    telemetry({
      samplingRatio: 1,
      customTags: {
        team: { literal: "shop" },
        host: { environment: "HOSTNAME" },
        zone: { environment: "ZONE", defaultValue: "none" },
        token: { environment: "HEDDLE_JOIN_TOKEN" },
        database: { environment: "DATABASE_URL", defaultValue: "hidden" },
        user: { header: "X-User" },
        plan: { header: "x-plan", defaultValue: "free" },
        secret: { header: "Authorization" },
      },
    }),
  );
  await call({ "x-user": "ada", authorization: "Bearer SECRET" });
  const [span] = await spans();
  assert.deepEqual(Object.fromEntries(span?.tags ?? []), {
    team: "shop",
    host: "host-a",
    zone: "none",
    database: "hidden",
    user: "ada",
    plan: "free",
  });
  obey(caller, telemetry({ samplingRatio: 1, reportsSpans: false }));
  await call();
  await call({ "x-answer": "500" });
  assert.equal((await spans()).length, 0);
});

/** An output that takes nothing until told to. */
function heldOutput() {
  const written: string[] = [];
  let release = () => {};
  let isHeld = true;
  const output: LogOutput = {
    name: "held",
    write: async (bytes) => {
      if (isHeld) await new Promise<void>((resolve) => (release = resolve));
      written.push(bytes.toString());
    },
    close: () => {},
  };
  const letGo = () => {
    isHeld = false;
    release();
  };
  return { output, written, letGo };
}

test("drops and counts lines beyond the bound while the output is slow, and goes on afterwards", async () => {
  const { output, written, letGo } = heldOutput();
  const log = new AccessLog(output, silent, 100_000);
  const line = `${"x".repeat(999)}\n`;
  for (let count = 0; count < 250; count++) log.push(line);
  assert.equal(log.dropped, 150);
  letGo();
  await log.stop(5_000);
  assert.equal(written.join("").length, 100_000);
  assert.equal(log.dropped, 150);
});

test("counts lines that could not be written", async () => {
  const output: LogOutput = {
    name: "full disk",
    write: () => Promise.reject(new Error("ENOSPC")),
    close: () => {},
  };
  const log = new AccessLog(output, silent);
  log.push("one\n");
  log.push("two\n");
  await log.stop(5_000);
  assert.equal(log.dropped, 2);
});

const child = fileURLToPath(new URL("./support/log-to-stdout.ts", import.meta.url));

test("a reader of standard output that stops reading does not stop the proxy", async (t) => {
  const logging: ChildProcess = spawn(process.execPath, [child], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  t.after(() => logging.kill("SIGKILL"));
  const told: { longestMs: number; dropped: number }[] = [];
  logging.on("message", (message) => told.push(message as (typeof told)[0]));
  const [first] = await waitFor("it has logged 16 MiB", 20_000, () => told.length > 0 && told);
  assert.ok(first && first.longestMs < 500, `it stood still for ${first?.longestMs} ms`);
  assert.ok(first.dropped > 0);
  let bytes = 0;
  logging.stdout?.on("data", (chunk: Buffer) => (bytes += chunk.length));
  await waitFor("what was kept comes", 10_000, () => bytes > 3 * 1024 * 1024);
});
