import assert from "node:assert/strict";
import { createServer as createHttp } from "node:http";
import {
  createServer as createHttp2,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, createServer as createTcp, type Server } from "node:net";
import { type TestContext, test } from "node:test";
import { TestControlPlane, waitFor } from "@heddle/testkit";
import { HealthCheckSettings } from "../src/health/health-settings.ts";
import { type ProbeTarget, probe } from "../src/health/probe.ts";
import { startBrain } from "./support/brain.ts";
import { temporaryFolder } from "./support/proxy-process.ts";

type Listening = Pick<Server, "listen" | "address" | "close">;

async function listen(t: TestContext, server: Listening): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function check(settings: object, port: number, more: Partial<ProbeTarget> = {}) {
  const parsed = HealthCheckSettings.parse({ timeoutMs: 5_000, ...settings });
  const signal = AbortSignal.timeout(parsed.timeoutMs);
  return probe(parsed, { port, isHttp2: false, ...more }, signal);
}

test("an app is well when it answers its path as expected", async (t) => {
  const seen: (string | undefined)[] = [];
  const app = createHttp((request, response) => {
    seen.push(request.headers.host, request.headers["x-check"]?.toString());
    response.writeHead(request.url === "/ready" ? 204 : 503).end("x".repeat(100_000));
  });
  const port = await listen(t, app);
  const http = { path: "/ready", host: "app.test", headers: { "x-check": "1" } };
  const expectedStatuses = [{ start: 200, end: 300 }];
  assert.equal(await check({ http: { ...http, expectedStatuses } }, port), undefined);
  assert.deepEqual(seen, ["app.test", "1"]);
  assert.equal(await check({ http }, port), "GET /ready answered 204, expected 200");
  const other = await check({ http: { path: "/", expectedStatuses } }, port);
  assert.equal(other, "GET / answered 503, expected 200 to 299");
});

test("an app of HTTP/2 is asked in HTTP/2", async (t) => {
  const app = createHttp2();
  app.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.respond({ ":status": headers[":path"] === "/ready" ? 200 : 500 });
    stream.end();
  });
  const port = await listen(t, app);
  const http2 = { isHttp2: true };
  assert.equal(await check({ http: { path: "/ready" } }, port, http2), undefined);
  const failed = await check({ http: { path: "/" } }, port, http2);
  assert.equal(failed, "GET / answered 500, expected 200");
});

test("a gRPC app says itself whether it serves", async (t) => {
  const answers: Readonly<Record<string, string>> = {
    "": "00000000020801",
    slow: "00000000020802",
  };
  const app = createHttp2();
  app.on("stream", (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const answer = answers[Buffer.concat(chunks).subarray(7).toString()];
      stream.respond(
        { ":status": 200, "content-type": "application/grpc" },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => {
        stream.sendTrailers({ "grpc-status": answer === undefined ? "5" : "0" });
      });
      stream.end(answer === undefined ? undefined : Buffer.from(answer, "hex"));
    });
  });
  const port = await listen(t, app);
  assert.equal(await check({ grpc: {} }, port), undefined);
  const slow = await check({ grpc: { serviceName: "slow" } }, port);
  assert.equal(slow, "the gRPC check answered NOT_SERVING");
  const strange = await check({ grpc: { serviceName: "strange" } }, port);
  assert.match(strange ?? "", /NOT_FOUND: it does not know that service/);
});

test("a TCP app is well when somebody listens", async (t) => {
  const app = createTcp((socket) => socket.destroy());
  const port = await listen(t, app);
  assert.equal(await check({ tcp: {} }, port), undefined);
  await new Promise((resolve) => app.close(resolve));
  assert.equal(await check({ tcp: {} }, port), `nobody listens on port ${port}`);
});

test("a command tells by its exit code, without a shell", async () => {
  const command = (...argv: string[]) => check({ command: { argv } }, 0);
  assert.equal(await command(process.execPath, "-e", ""), undefined);
  const failed = await command(process.execPath, "-e", "process.exit(3)");
  assert.match(failed ?? "", /exited with 3$/);
  assert.match((await command("/no/such/program")) ?? "", /does not exist/);
  const hangs = { command: { argv: [process.execPath, "-e", "setInterval(() => {}, 1e6)"] } };
  assert.equal(await check({ ...hangs, timeoutMs: 300 }, 0), "no answer within 300 ms");
});

test("an app that does not answer in time is not well", async (t) => {
  const port = await listen(t, createTcp());
  const late = await check({ http: { path: "/" }, timeoutMs: 200 }, port);
  assert.equal(late, "no answer within 200 ms");
  const lateToo = await check({ grpc: {}, timeoutMs: 200 }, port);
  assert.equal(lateToo, "no answer within 200 ms");
});

test("the proxy tells the control plane what it finds of its app, and when that changes", async (t) => {
  let status = 200;
  const app = createHttp((_, response) => response.writeHead(status).end());
  const port = await listen(t, app);
  const control = await TestControlPlane.start(t);
  const healthCheck = { http: { path: "/health" }, port, intervalMs: 100, unhealthyThreshold: 2 };
  const brain = await startBrain(t, control, temporaryFolder(t), 600_000, { healthCheck });
  const [workload] = brain.workloads;
  assert.ok(workload);
  const told = (wanted: string) =>
    waitFor(`the control plane to be told ${wanted}`, 20_000, () =>
      control.received.some(
        (message) =>
          message.type === "health" &&
          message.workloads.some(({ health }) => health.status === wanted),
      ),
    );
  await told("healthy");
  status = 503;
  await told("unhealthy");
  const health = brain.health.healthOf(workload.id);
  assert.equal(health?.reason, "GET /health answered 503, expected 200");
});
