import assert from "node:assert/strict";
import { waitFor } from "@heddle/testkit";
import { type CaseMesh, countByApp } from "../../harness/case-mesh.ts";
import { type ConformanceCase, proof } from "../../harness/conformance-case.ts";

type Endpoint = {
  readonly weight: number;
  readonly version?: string;
  readonly locality?: string;
  readonly override?: object;
};

const KIND = "InstanceOverride";

/** Two apps of the case's own at its host; the override is for the first. */
async function serveTwo(mesh: CaseMesh): Promise<string> {
  const apps = await mesh.apps(2);
  await mesh.serve(apps);
  assert.equal((await mesh.call()).status, 200);
  return `workload: NAME, address: "127.0.0.1:${apps[0]?.port}"`;
}

const endpointsOf = async (mesh: CaseMesh) => {
  const path = `/services/shop/${mesh.host}/endpoints`;
  return (await mesh.mesh.call<{ readonly endpoints: readonly Endpoint[] }>("GET", path)).body
    .endpoints;
};

export const instanceOverrideCases: readonly ConformanceCase[] = [
  proof(
    KIND,
    "workload address drain",
    "takes the workload's endpoint at that address out of use",
    async (mesh) => {
      const target = await serveTwo(mesh);
      await mesh.applyOne(KIND, `${target}, drain: true`);
      assert.deepEqual(countByApp(await mesh.calls(6)), { a2: 6 });
      await mesh.remove(KIND);
      const seen = new Set<string | undefined>();
      await waitFor("both to answer again", 15_000, async () => {
        seen.add((await mesh.call()).app);
        return seen.size === 2;
      });
    },
  ),
  proof(
    KIND,
    "weight labels locality",
    "sets what the endpoint says of itself otherwise: rules see it so",
    async (mesh) => {
      const target = await serveTwo(mesh);
      await mesh.applyOne(KIND, `${target}, weight: 4, labels: {version: v9}, locality: eu/west/b`);
      const set = (await endpointsOf(mesh)).find(({ override }) => override !== undefined);
      assert.deepEqual([set?.weight, set?.version, set?.locality], [4, "v9", "eu/west/b"]);
      await mesh.routes("route: [{destination: {host: HOST, subset: v9}}]");
      assert.deepEqual(countByApp(await mesh.calls(4)), { a1: 4 });
    },
  ),
  proof(KIND, "until", "ends by itself when its time is over", async (mesh) => {
    const target = await serveTwo(mesh);
    await mesh.applyOne(
      KIND,
      `${target}, weight: 4, until: "${new Date(Date.now() - 1000).toISOString()}"`,
    );
    await waitFor("its end", 15_000, async () => {
      return (await endpointsOf(mesh)).every(({ override }) => override === undefined);
    });
    await mesh.applyOne(KIND, `${target}, weight: 4`); // so that the case has one to take away
  }),
];
