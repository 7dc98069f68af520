import type { TestContext } from "node:test";
import type { ReplicasResponse } from "@heddle/contracts";
import { startDatabase, type TestDatabase, waitFor } from "@heddle/testkit";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";

export const PATIENCE_MS = 60_000;

/** Two control planes over one database that know of each other. */
export async function runTwo(
  t: TestContext,
  database?: TestDatabase,
  more: Parameters<typeof runControlPlane>[2] = {},
): Promise<[RunningControlPlane, RunningControlPlane]> {
  const { url } = database ?? (await startDatabase(t));
  const a = await runControlPlane(t, url, more);
  const b = await runControlPlane(t, url, more);
  for (const one of [a, b]) {
    await waitFor("both know of each other", PATIENCE_MS, async () => {
      const { body } = await one.call<ReplicasResponse>("GET", "/replicas");
      return body.replicas.filter(({ isAlive }) => isAlive).length === 2;
    });
  }
  return [a, b];
}
