import { type ChildProcess, fork } from "node:child_process";
import { createServer, get, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { CanaryChangeResponse } from "@heddle/contracts";
import { type Mesh, type ProxyReady, type StartedProcess, waitFor } from "@heddle/testkit";
import { type ControlRow, rowOf } from "./results.ts";
import type { RunScope } from "./run-scope.ts";
import { say } from "./simulated.ts";

const LOAD = fileURLToPath(new URL("programs/steady-callers.ts", import.meta.url));
const AT_ONCE = 4;
/** Of each caller. */
const REQUESTS_PER_SECOND = 2;

/** Must be met: from the click to the last request on the old route, with so many real proxy processes. */
export async function measureRollback(
  scope: RunScope,
  mesh: Mesh,
  callers: number,
  rounds: number,
): Promise<ControlRow[]> {
  const stable = await startApp(scope);
  const canary = await startApp(scope);
  say(`${callers} real proxies start`);
  for (const [version, app] of [
    ["v1", stable],
    ["v2", canary],
  ] as const) {
    await mesh.startProxy("bench", {
      name: `payments-${version}`,
      workloads: [{ namespace: "bench", service: "payments", version, appPort: app.port }],
    });
  }
  await mesh.apply(DOCUMENTS);
  const ports = await startCallers(mesh, callers);
  const firstUses = await measureFirstUses(ports, stable.port);
  const load = fork(LOAD, { stdio: "inherit" });
  scope.after(() => void load.kill("SIGKILL"));
  await startLoad(load, ports);
  await waitFor("traffic from all", 60_000, () => stable.requests > callers * 2);
  say("rollbacks");
  const told: number[] = [];
  const seen: number[] = [];
  const acked: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await mesh.call("POST", "/canaries/bench/payments/weight", { canaryPercent: 50 });
    const before = canary.requests;
    await waitFor("traffic at the canary", 30_000, () => canary.requests > before + callers);
    const startMs = nowMs();
    const { body } = await mesh.call<CanaryChangeResponse>(
      "POST",
      "/canaries/bench/payments/rollback",
      { sinceClickMs: 0 },
    );
    if (body.proxiesAcked < callers || body.ackedAfterMs === undefined) {
      throw new Error(`${body.proxiesAcked} of ${body.proxiesTotal} proxies have acked`);
    }
    await pause(500);
    acked.push(body.ackedAfterMs);
    told.push(Math.max(0, body.lastCanaryRequestAfterMs ?? 0));
    seen.push(Math.max(0, canary.lastAtMs - startMs));
  }
  const failed = await stopLoad(load);
  const name = `rollback with ${callers} real proxies under ${callers * REQUESTS_PER_SECOND} requests/s`;
  return [
    ...firstUses,
    rowOf(name, "click to the last request a proxy sent on the old route, ms", told, 100),
    rowOf(name, "click to the last request the canary received, ms", seen, 100),
    rowOf(name, "click to the last ack, ms", acked),
    rowOf(name, "failed requests", [failed], 0),
  ];
}

/** What a first request to a host pays, at each caller in turn. */
async function measureFirstUses(ports: readonly number[], outside: number): Promise<ControlRow[]> {
  const times: Record<"outside" | "first" | "second", number[]> = {
    outside: [],
    first: [],
    second: [],
  };
  for (const port of ports) {
    times.outside.push(await timeOf(port, `127.0.0.1:${outside}`));
    times.first.push(await timeOf(port, "payments"));
    times.second.push(await timeOf(port, "payments"));
  }
  const name = `first use at ${ports.length} real proxies, one by one`;
  return [
    rowOf(name, "a host outside the mesh, ms", times.outside, 50),
    rowOf(name, "a service of the mesh, with its configuration and mTLS, ms", times.first),
    rowOf(name, "the same again, ms", times.second),
  ];
}

async function timeOf(port: number, host: string): Promise<number> {
  const startMs = nowMs();
  const status = await new Promise<number>((resolve, reject) => {
    get({ host: "127.0.0.1", port, headers: { host }, agent: false }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
    }).once("error", reject);
  });
  if (status !== 200) throw new Error(`${host} answered ${status}`);
  return nowMs() - startMs;
}

const DOCUMENTS = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: payments, namespace: bench }
spec:
  host: payments
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: payments, namespace: bench }
spec:
  hosts: [payments]
  http:
    - route:
        - { destination: { host: payments, subset: v1 }, weight: 100 }
        - { destination: { host: payments, subset: v2 }, weight: 0 }
`;

type App = { readonly port: number; readonly requests: number; readonly lastAtMs: number };

async function startApp(scope: RunScope): Promise<App> {
  const app = { port: 0, requests: 0, lastAtMs: 0 };
  const server: Server = createServer((_request, response) => {
    app.requests += 1;
    app.lastAtMs = nowMs();
    response.end("ok");
  });
  server.keepAliveTimeout = 600_000; // an app that hangs up on an idle connection is not what is measured
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  app.port = (server.address() as AddressInfo).port;
  scope.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return app;
}

async function startCallers(mesh: Mesh, callers: number): Promise<number[]> {
  const started: StartedProcess<ProxyReady>[] = [];
  const names = Array.from({ length: callers }, (_, index) => `caller-${index}`);
  const startSome = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const workloads = [{ namespace: "bench", service: name }];
      started.push(await mesh.startProxy("bench", { name, workloads }));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, startSome));
  return started.flatMap(({ ready }) => ready.workloads.map(({ outboundPort }) => outboundPort));
}

async function startLoad(load: ChildProcess, ports: readonly number[]): Promise<void> {
  const isReady = new Promise((resolve) => load.once("message", resolve));
  load.send({ type: "start", ports, perSecond: REQUESTS_PER_SECOND });
  await isReady;
}

async function stopLoad(load: ChildProcess): Promise<number> {
  const answer = new Promise<{ failures: [string, number][] }>((resolve) => {
    load.once("message", (message) => resolve(message as { failures: [string, number][] }));
  });
  load.send({ type: "stop" });
  const { failures } = await answer;
  for (const [why, times] of failures) say(`${times} requests failed: ${why}`);
  return failures.reduce((sum, [, times]) => sum + times, 0);
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
