import { setTimeout as pause } from "node:timers/promises";
import type { ApplyResponse, TokenCreateResponse } from "@heddle/contracts";
import { type Mesh, waitFor } from "@heddle/testkit";
import { cpuNs, memoryMib } from "../proxy/processes.ts";
import { fetchRoot } from "./fetch-root.ts";
import { Fleet } from "./fleet.ts";
import type { SimulatedProxy } from "./fleet-messages.ts";
import { type ControlRow, rowOf } from "./results.ts";
import type { RunScope } from "./run-scope.ts";

const DESTINATIONS = 20;
const SUBSCRIBERS = 50;
const PROCESSES = 4;
const QUIET_MS = 2_000;
const IDLE_MS = 10_000;
const BURST = 100;
const EVERYBODY_CALLS = "common";

/** The control plane alone: so many proxies of the stream, each with a certificate and twenty destinations. */
export async function measureSimulated(
  scope: RunScope,
  mesh: Mesh,
  proxies: number,
  rounds: number,
): Promise<ControlRow[]> {
  const pid = mesh.controlPlane.child.pid ?? 0;
  const port = mesh.controlPlane.ready.controlPort;
  const request = { namespace: "bench", maxUses: 10_000 };
  const { token } = (await mesh.call<TokenCreateResponse>("POST", "/tokens", request)).body;
  const everyone = plan(proxies);
  const movers = Array.from({ length: BURST }, (_, index) => mover(index));
  say(`${proxies} proxies join`);
  const rootPem = await fetchRoot(port);
  const fleet = await Fleet.start(scope, PROCESSES, everyone, { port, token, rootPem });
  const spare = await Fleet.start(scope, 1, movers, { port, token, rootPem });
  const memoryBefore = memoryMib(pid);
  const rows: ControlRow[] = [];

  const stormCpu = cpuNs(pid);
  const stormStart = nowMs();
  const { firstAckAtMs, settledAtMs } = await fleet.open();
  const name = `${proxies} proxies connect at once`;
  rows.push(
    rowOf(name, "until the last has acked its first push, ms", [firstAckAtMs - stormStart]),
  );
  rows.push(
    rowOf(name, `until all have ${DESTINATIONS} destinations, ms`, [settledAtMs - stormStart]),
  );
  await untilQuiet(fleet);
  rows.push(
    rowOf(name, "CPU of the control plane per proxy, ms", [
      (cpuNs(pid) - stormCpu) / 1e6 / proxies,
    ]),
  );
  const memory = memoryMib(pid);
  rows.push(
    rowOf(`${proxies} proxies connected`, "private memory per proxy, KiB", [
      ((memory.privateMib - memoryBefore.privateMib) * 1024) / proxies,
    ]),
    rowOf(`${proxies} proxies connected`, "RSS of the control plane, MiB", [memory.rssMib]),
  );
  const idleCpu = cpuNs(pid);
  const idleStart = nowMs();
  await pause(IDLE_MS);
  const idleSeconds = (nowMs() - idleStart) / 1000;
  rows.push(
    rowOf(`${proxies} proxies connected`, "idle CPU per proxy, µs/s", [
      (cpuNs(pid) - idleCpu) / 1000 / idleSeconds / proxies,
    ]),
  );
  rows.push(...(await changeRoutes(mesh, fleet, proxies, rounds)));
  rows.push(...(await changeEndpoints(fleet, spare, rounds)));
  rows.push(await burst(fleet, spare, everyone));
  return rows;
}

/** Proxy i hosts service i and calls one service everybody calls and nineteen others, each called by fifty. */
function plan(proxies: number): SimulatedProxy[] {
  const others = Math.round((proxies * (DESTINATIONS - 1)) / SUBSCRIBERS);
  return Array.from({ length: proxies }, (_, index) => {
    const service = index === 0 ? EVERYBODY_CALLS : `s${index % others}`;
    const called = Array.from(
      { length: DESTINATIONS - 1 },
      (_, at) => `s${(index * (DESTINATIONS - 1) + at) % others}`,
    );
    return {
      name: `simulated-${index}`,
      workload: index === 0 ? `${EVERYBODY_CALLS}-v1` : `s${index % others}-${index}`,
      service,
      destinations: [EVERYBODY_CALLS, ...called],
    };
  });
}

/** A proxy without destinations that comes and goes with an instance of service s1. */
function mover(index: number): SimulatedProxy {
  return { name: `mover-${index}`, workload: `s1-mover-${index}`, service: "s1", destinations: [] };
}

async function changeRoutes(
  mesh: Mesh,
  fleet: Fleet,
  proxies: number,
  rounds: number,
): Promise<ControlRow[]> {
  say("one route changes for all");
  const acked: number[] = [];
  const cpu: number[] = [];
  const pid = mesh.controlPlane.child.pid ?? 0;
  for (let round = 0; round <= rounds; round++) {
    const cpuBefore = cpuNs(pid);
    await fleet.mark();
    const startMs = nowMs();
    const { propagation } = await mesh
      .call<ApplyResponse>("POST", "/apply", { yaml: routeWithTimeout(round + 1), push: "all" })
      .then(({ body }) => body);
    const key = `service/bench/${EVERYBODY_CALLS}`;
    const seen = await untilSeen(fleet, key, proxies);
    if (propagation?.proxiesTotal !== proxies) {
      throw new Error(`the change concerned ${propagation?.proxiesTotal} of ${proxies} proxies`);
    }
    // Without `ackedAfterMs` the API had stopped waiting: then the fleet's own clock says when the last had it.
    const last = propagation.ackedAfterMs ?? Math.max(...seen) - startMs;
    if (round === 0) continue; // the first compiles everything
    acked.push(last);
    cpu.push((cpuNs(pid) - cpuBefore) / 1e6);
    await pause(300);
  }
  const name = `one route change to ${proxies} proxies`;
  return [
    rowOf(name, "until all have acked, ms", acked, 1000),
    rowOf(name, "CPU of the control plane, ms", cpu),
  ];
}

export function routeWithTimeout(seconds: number): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${EVERYBODY_CALLS}, namespace: bench }
spec:
  hosts: [${EVERYBODY_CALLS}]
  http: [{ timeout: ${seconds}s, route: [{ destination: { host: ${EVERYBODY_CALLS} } }] }]
`;
}

async function changeEndpoints(fleet: Fleet, spare: Fleet, rounds: number): Promise<ControlRow[]> {
  say("one endpoint comes and goes");
  const key = "endpoints/bench/s1";
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const type of ["appear", "leave"] as const) {
      await pause(500); // a change of its own, not one of a burst
      await fleet.mark();
      const startMs = nowMs();
      spare.tellOne(type, "mover-0");
      times.push(Math.max(...(await untilSeen(fleet, key, SUBSCRIBERS))) - startMs);
    }
  }
  return [
    rowOf(
      `one endpoint change to its ${SUBSCRIBERS} subscribers`,
      "until all have it, ms",
      times,
      200,
    ),
  ];
}

/** Many instances of one service come at once: what each of its callers is pushed for that. */
async function burst(
  fleet: Fleet,
  spare: Fleet,
  everyone: readonly SimulatedProxy[],
): Promise<ControlRow> {
  say(`${BURST} endpoints come at once`);
  const key = "endpoints/bench/s1";
  const callers = everyone.filter(({ destinations }) => destinations.includes("s1")).length;
  await fleet.mark();
  for (let index = 0; index < BURST; index++) spare.tellOne("appear", `mover-${index}`);
  await untilQuiet(fleet);
  const { atMs } = await fleet.report(key);
  return rowOf(`${BURST} endpoint changes at once`, "pushes per subscriber", [
    atMs.length / callers,
  ]);
}

export async function untilSeen(fleet: Fleet, key: string, count: number): Promise<number[]> {
  return waitFor(`${count} pushes of ${key}`, 60_000, async () => {
    const { atMs } = await fleet.report(key);
    return atMs.length >= count ? atMs : undefined;
  });
}

export async function untilQuiet(fleet: Fleet): Promise<void> {
  await waitFor("quiet", 120_000, async () => {
    const { lastPushAtMs } = await fleet.report("");
    return nowMs() - lastPushAtMs > QUIET_MS;
  });
}

export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

export function say(what: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${what}\n`);
}
