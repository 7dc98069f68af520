import assert from "node:assert/strict";
import { waitFor } from "@heddle/testkit";
import { type CaseMesh, countByApp } from "../../harness/case-mesh.ts";
import { type ConformanceCase, policyProofs } from "../../harness/conformance-case.ts";
import type { SeenApp } from "../../harness/seen-app.ts";

/** Cases whose host is served by that many apps under these rules. */
function outlierProofs(
  field: string,
  title: string,
  settings: string,
  run: (mesh: CaseMesh, apps: readonly SeenApp[]) => Promise<void>,
  count = 2,
): ConformanceCase[] {
  return policyProofs(`outlierDetection.${field}`, title, async (mesh) => {
    const apps = await mesh.apps(count);
    await mesh.serve(apps);
    await mesh.routes("retries: {attempts: 0}, ROUTE");
    await mesh.policy(`outlierDetection: {${settings}}, ${TURNS[mesh.carrier]}`);
    await run(mesh, apps);
  });
}

/** Turns make sure that every endpoint is asked; a MeshConfig has no such block. */
const TURNS = {
  DestinationRule: "loadBalancer: {simple: ROUND_ROBIN}",
  TrafficPolicy: "loadBalancer: {simple: ROUND_ROBIN}",
  MeshConfig: "",
};

/** Where endpoints are drawn, one of two is left out by forty requests in a row once in 10^12. */
async function isAsked(mesh: CaseMesh, app: string, calls = 40): Promise<boolean> {
  for (let sent = 0; sent < calls; sent++) if ((await mesh.call()).app === app) return true;
  return false;
}

const untilBack = (mesh: CaseMesh) => waitFor("a1 is back", 30_000, () => isAsked(mesh, "a1", 2));

/** Sends requests that fail at a1 until it has failed `count` times. */
async function fail(mesh: CaseMesh, apps: readonly SeenApp[], count: number, what = "status=500") {
  const [bad] = apps;
  const before = bad?.seen.length ?? 0;
  await waitFor(`a1 has failed ${count} times`, 15_000, async () => {
    await mesh.call({ do: `${what}@a1` });
    return (bad?.seen.length ?? 0) >= before + count;
  });
}

/** For how long an endpoint stays ejected, as the answer to a request says that the proxy has given up. */
async function ejectedForMs(mesh: CaseMesh): Promise<number> {
  const { text } = await mesh.call({ method: "POST", body: "x", do: "reset" });
  const until = /: ejected until (\S+):/.exec(text)?.[1];
  assert.ok(until, text);
  return Date.parse(until) - Date.now();
}

export const outlierCases: readonly ConformanceCase[] = [
  ...outlierProofs(
    "consecutive5xxErrors",
    "ejects an endpoint after that many errors in a row, and not before",
    "consecutive5xxErrors: 3",
    async (mesh, apps) => {
      await fail(mesh, apps, 2);
      assert.equal(await isAsked(mesh, "a1"), true); // a success begins the count anew
      await fail(mesh, apps, 3);
      assert.equal(await isAsked(mesh, "a1"), false);
    },
  ),
  ...outlierProofs(
    "consecutiveErrors",
    "is the old name of consecutive5xxErrors, with a warning",
    "consecutiveErrors: 2",
    async (mesh, apps) => {
      assert.match(mesh.warnings.join("\n"), /consecutiveErrors/);
      await fail(mesh, apps, 2);
      assert.equal(await isAsked(mesh, "a1"), false);
    },
  ),
  ...outlierProofs(
    "consecutiveGatewayErrors",
    "counts 502 to 504 alone",
    "consecutiveGatewayErrors: 2, consecutive5xxErrors: 0",
    async (mesh, apps) => {
      await fail(mesh, apps, 4, "status=500");
      assert.equal(await isAsked(mesh, "a1"), true);
      await fail(mesh, apps, 2, "status=502");
      assert.equal(await isAsked(mesh, "a1"), false);
    },
  ),
  ...outlierProofs(
    "splitExternalLocalOriginErrors outlierDetection.consecutiveLocalOriginFailures",
    "counts the proxy's own failures apart from the app's errors",
    "splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2, consecutive5xxErrors: 50",
    async (mesh, apps) => {
      await fail(mesh, apps, 4, "status=500");
      assert.equal(await isAsked(mesh, "a1"), true);
      await fail(mesh, apps, 2, "reset");
      assert.equal(await isAsked(mesh, "a1"), false);
    },
  ),
  ...outlierProofs(
    "baseEjectionTime",
    "is how long the first ejection lasts",
    "consecutive5xxErrors: 1, baseEjectionTime: 400ms, interval: 100ms",
    async (mesh, apps) => {
      await fail(mesh, apps, 1);
      const failed = apps[0]?.seen.at(-1);
      const before = apps[0]?.seen.length ?? 0;
      await untilBack(mesh);
      const awayMs = (apps[0]?.seen[before]?.atMs ?? 0) - (failed?.atMs ?? 0);
      assert.ok(awayMs >= 395, `${awayMs} ms`); // and less than the default of 30 s
    },
  ),
  ...outlierProofs(
    "interval",
    "is how often who has been good long enough loses a mark: the next ejection is short again",
    "consecutive5xxErrors: 1, baseEjectionTime: 400ms, interval: 50ms",
    async (mesh, apps) => {
      await fail(mesh, apps, 1);
      await untilBack(mesh);
      const backAtMs = performance.now();
      await waitFor("some intervals are over", 15_000, async () => {
        await mesh.calls(2);
        return performance.now() - backAtMs > 500;
      });
      await fail(mesh, apps, 1);
      const leftMs = await ejectedForMs(mesh);
      assert.ok(leftMs <= 400, `still for ${leftMs} ms: the mark of the first ejection counts`);
    },
  ),
  ...outlierProofs(
    "maxEjectionPercent",
    "leaves the rest in, however they fail; one may always be ejected, even of two",
    "consecutive5xxErrors: 1, maxEjectionPercent: 50",
    async (mesh) => {
      await mesh.calls(16, { do: "status=500" });
      assert.equal(Object.keys(countByApp(await mesh.calls(40))).length, 2);
    },
    4,
  ),
  ...outlierProofs(
    "maxEjectionPercent",
    "ejects one of two endpoints at the default of 10 %",
    "consecutive5xxErrors: 1",
    async (mesh, apps) => {
      await fail(mesh, apps, 1);
      assert.equal(await isAsked(mesh, "a1"), false);
    },
  ),
  ...outlierProofs(
    "minHealthPercent",
    "uses all endpoints again when fewer are healthy",
    "consecutive5xxErrors: 1, minHealthPercent: 60",
    async (mesh, apps) => {
      await fail(mesh, apps, 1);
      assert.equal(await isAsked(mesh, "a1"), true);
    },
  ),
  ...outlierProofs(
    "outlierDetectionHttpErrorCodes",
    "says which answers are errors, in place of 5xx",
    "consecutive5xxErrors: 2, outlierDetectionHttpErrorCodes: [429]",
    async (mesh, apps) => {
      await fail(mesh, apps, 4, "status=500");
      assert.equal(await isAsked(mesh, "a1"), true);
      await fail(mesh, apps, 2, "status=429");
      assert.equal(await isAsked(mesh, "a1"), false);
    },
  ),
];
