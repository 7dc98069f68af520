// Every rule of the config language that is served, proven by traffic through real processes: a control
// plane, proxies, apps. The rules are in cases/; docs/compatibility.md is made of their titles.
import { after, before, describe, test } from "node:test";
import { CASES } from "./cases/index.ts";
import { CaseMesh } from "./harness/case-mesh.ts";
import { type ConformanceCase, titleOf } from "./harness/conformance-case.ts";
import { startWorld, type World } from "./harness/world.ts";

/** Cases that run side by side; each mostly waits. */
const LANES = 6;
const CASE_TIMEOUT_MS = 60_000;
const START_TIMEOUT_MS = 240_000;

let world: World;
const cleanups: (() => void | Promise<void>)[] = [];

before(
  async () => {
    world = await startWorld({ after: (cleanup) => cleanups.push(cleanup) });
  },
  { timeout: START_TIMEOUT_MS },
);
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

function register(one: ConformanceCase): void {
  test(titleOf(one), { timeout: CASE_TIMEOUT_MS }, async (t) => {
    const mesh = new CaseMesh(world, t, one.carrier);
    t.after(() => mesh.end());
    await mesh.start();
    await one.run(mesh);
  });
}

describe("rules of one service", { concurrency: LANES }, () => {
  CASES.filter(({ isAlone }) => !isAlone).forEach(register);
});

describe("rules of a namespace or the mesh", { concurrency: 1 }, () => {
  CASES.filter(({ isAlone }) => isAlone).forEach(register);
});
