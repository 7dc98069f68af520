import { setTimeout as pause } from "node:timers/promises";
import type { ApplyResponse, ReplicasResponse, TokenCreateResponse } from "@heddle/contracts";
import { type Mesh, waitFor } from "@heddle/testkit";
import { fetchRoot } from "./fetch-root.ts";
import { Fleet } from "./fleet.ts";
import type { SimulatedProxy } from "./fleet-messages.ts";
import { type ControlRow, rowOf } from "./results.ts";
import type { RunScope } from "./run-scope.ts";
import { nowMs, routeWithTimeout, say, untilQuiet, untilSeen } from "./simulated.ts";

const SERVICE = "common";

/** Two control planes over one database: how soon what is changed at one is at the proxies of either. */
export async function measureReplicas(
  scope: RunScope,
  mesh: Mesh,
  proxies: number,
  rounds: number,
): Promise<ControlRow[]> {
  const other = await mesh.startControlPlane();
  await waitFor("two control planes", 30_000, async () => {
    const { body } = await mesh.call<ReplicasResponse>("GET", "/replicas");
    return body.replicas.filter(({ isAlive }) => isAlive).length === 2;
  });
  const request = { namespace: "bench", maxUses: 10_000 };
  const { token } = (await mesh.call<TokenCreateResponse>("POST", "/tokens", request)).body;
  const join = async (prefix: string, port: number, destinations: readonly string[]) => {
    const all = Array.from({ length: proxies }, (_, index): SimulatedProxy => {
      const name = `${prefix}-${index}`;
      return { name, workload: name, service: index === 0 ? SERVICE : name, destinations };
    });
    const how = { port, token, rootPem: await fetchRoot(port) };
    const fleet = await Fleet.start(scope, 1, all, how);
    await fleet.open();
    return fleet;
  };
  say(`${proxies} proxies join at each of two control planes`);
  const fleets = {
    own: await join("own", mesh.controlPlane.ready.controlPort, [SERVICE]),
    other: await join("other", other.ready.controlPort, [SERVICE]),
  };
  for (const fleet of Object.values(fleets)) await untilQuiet(fleet);
  say("one route changes for all");
  const times: Record<keyof typeof fleets, number[]> = { own: [], other: [] };
  const answered: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    await Promise.all(Object.values(fleets).map((fleet) => fleet.mark()));
    const startMs = nowMs();
    const { body } = await mesh.call<ApplyResponse>("POST", "/apply", {
      yaml: routeWithTimeout(round + 1),
    });
    const answeredMs = nowMs() - startMs;
    const hasAll = body.propagation?.proxiesAcked === 2 * proxies;
    for (const side of ["own", "other"] as const) {
      const atMs = await untilSeen(fleets[side], `service/bench/${SERVICE}`, proxies);
      if (round > 0) times[side].push(Math.max(...atMs) - startMs); // the first compiles everything
    }
    if (round > 0 && hasAll) answered.push(answeredMs);
    await pause(300);
  }
  const name = `one route change at one of two control planes, ${proxies} proxies at each`;
  return [
    rowOf(name, "request to its own last proxy, ms", times.own),
    rowOf(name, "request to the last proxy of the other one, ms", times.other, 1000),
    ...(answered.length === 0
      ? []
      : [rowOf(name, "request to an answer with the acks of all, ms", answered)]),
    rowOf(name, "answers that lack some acks", [rounds - answered.length]),
  ];
}
