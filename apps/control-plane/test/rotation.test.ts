import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  IdentityResponse,
  Problem,
  RotationState,
  RotationsResponse,
} from "@heddle/contracts";
import { startDatabase, waitFor } from "@heddle/testkit";
import { isUnder, RotatingProxy } from "./rotating-proxy.ts";
import { type RunningControlPlane, runControlPlane } from "./running-control-plane.ts";
import { fetchRoot, join } from "./stream-client.ts";

const SLOW_MS = 60_000;

async function rotationOf(plane: RunningControlPlane): Promise<RotationsResponse> {
  return (await plane.call<RotationsResponse>("GET", "/identity/rotations")).body;
}

async function untilOver(plane: RunningControlPlane): Promise<RotationState> {
  const found = await waitFor("the rotation's end", SLOW_MS, async () => {
    const { current, past } = await rotationOf(plane);
    return current === undefined ? past[0] : undefined;
  });
  return found;
}

async function untilStep(plane: RunningControlPlane, step: string): Promise<RotationState> {
  return waitFor(`the step ${step}`, SLOW_MS, async () => {
    const { current } = await rotationOf(plane);
    return current?.step === step ? current : undefined;
  });
}

function start(plane: RunningControlPlane, body: object) {
  return plane.call<RotationState & Problem>("POST", "/identity/rotations", body);
}

async function setUp(t: Parameters<typeof runControlPlane>[0]) {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const token = await plane.joinToken();
  const proxies = [
    await RotatingProxy.join(t, plane.controlPort, token, "reviews-v1"),
    await RotatingProxy.join(t, plane.controlPort, token, "ratings-v1"),
  ] as const;
  for (const proxy of proxies) {
    await waitFor("certificates", SLOW_MS, () => proxy.held.size === 2 || undefined);
  }
  return { plane, token, proxies };
}

test("a root rotation ends with the new root alone, and nobody ever shows what another does not believe", async (t) => {
  const { plane, proxies } = await setUp(t);
  const [one, other] = proxies;
  const before = one.believedRoots;
  const checks = setInterval(() => {
    for (const [a, b] of [
      [one, other],
      [other, one],
    ] as const) {
      assert.ok(a.isBelievedBy(b));
    }
  }, 20);
  t.after(() => clearInterval(checks));
  const begun = await start(plane, { of: "root" });
  assert.equal(begun.status, 200);
  assert.deepEqual(begun.body.steps, ["trusting", "signing", "retiring", "done"]);
  const again = await start(plane, { of: "root" });
  assert.deepEqual([again.status, again.body.code], [409, "HEDDLE_AUTHORITY_CONFLICT"]);
  const ended = await untilOver(plane);
  clearInterval(checks);
  assert.equal(ended.step, "done");
  for (const proxy of proxies) {
    assert.equal(proxy.believedRoots.length, 1);
    assert.notDeepEqual(proxy.believedRoots, before);
    for (const chainPem of proxy.held.values()) assert.ok(isUnder(chainPem, proxy.believedPem));
  }
  const { body } = await plane.call<IdentityResponse>("GET", "/identity");
  assert.deepEqual(
    body.authorities.map(({ role, state, key }) => `${role} ${state} ${key}`),
    [
      "root signing sealed",
      "intermediate signing sealed",
      "root retired none",
      "intermediate retired sealed",
    ],
  );
});

test("an intermediate's rotation changes who signs, and not whom anybody believes", async (t) => {
  const { plane, proxies } = await setUp(t);
  const [one] = proxies;
  const before = { roots: one.believedRoots, chain: one.held.get("") };
  await start(plane, { of: "intermediate" });
  assert.equal((await untilOver(plane)).step, "done");
  assert.deepEqual(one.believedRoots, before.roots);
  assert.notEqual(one.held.get(""), before.chain);
});

test("a proxy that is away holds a step, is named with the reason, and can be left behind by force", async (t) => {
  const { plane, proxies } = await setUp(t);
  const [, away] = proxies;
  away.client.terminate();
  await start(plane, { of: "root" });
  const waits = await waitFor("who is waited for", SLOW_MS, async () => {
    const { current } = await rotationOf(plane);
    return current?.waiting.length === 1 ? current : undefined;
  });
  assert.equal(waits.step, "trusting");
  assert.equal(waits.waiting[0]?.name, "host-of-ratings-v1");
  assert.match(waits.words, /^trusting: 1 of 2 proxies; waiting for host-of-ratings-v1, /);
  const early = await plane.call("POST", "/identity/rotations/advance", {});
  assert.deepEqual([early.status, early.body.code], [409, "HEDDLE_AUTHORITY_CONFLICT"]);
  await plane.call("POST", "/identity/rotations/advance", { force: true });
  await untilStep(plane, "signing");
  // it comes back with the old root alone, and catches up
  await away.reconnect(plane.controlPort);
  assert.equal((await untilOver(plane)).step, "done");
  assert.ok(away.isBelievedBy(away));
});

test("an aborted rotation signs by the old root again before the new one is forgotten", async (t) => {
  const { plane, proxies } = await setUp(t);
  const before = proxies[0].believedRoots;
  await start(plane, { of: "root", isStepwise: true });
  const ready = await waitFor("readiness", SLOW_MS, async () => {
    const { current } = await rotationOf(plane);
    return current?.isReady ? current : undefined;
  });
  assert.equal(ready.words, "trusting: 2 of 2 proxies; advance it to go on");
  await plane.call("POST", "/identity/rotations/advance", {});
  const { canAbort } = await untilStep(plane, "signing");
  assert.ok(canAbort);
  await waitFor("renewal", SLOW_MS, async () => {
    const { current } = await rotationOf(plane);
    return current?.proxiesDone === 2 || undefined;
  });
  const aborted = await plane.call<RotationState>("POST", "/identity/rotations/abort");
  assert.equal(aborted.body.step, "reverting");
  assert.equal((await untilOver(plane)).step, "aborted");
  for (const proxy of proxies) {
    assert.deepEqual(proxy.believedRoots, before);
    assert.ok(proxy.isBelievedBy(proxy));
  }
});

test("a paused rotation stays where it is, and goes on when it is resumed", async (t) => {
  const { plane } = await setUp(t);
  await start(plane, { of: "intermediate", isStepwise: true });
  const paused = await plane.call<RotationState>("POST", "/identity/rotations/pause");
  assert.equal(paused.body.isPaused, true);
  const refused = await plane.call("POST", "/identity/rotations/advance", { force: true });
  assert.deepEqual([refused.status, refused.body.code], [409, "HEDDLE_AUTHORITY_CONFLICT"]);
  await plane.call("POST", "/identity/rotations/resume");
  const advanced = await plane.call("POST", "/identity/rotations/advance", { force: true });
  assert.equal(advanced.status, 200);
  assert.equal((await untilOver(plane)).step, "done");
});

test("a join token made before a root rotation still joins during it, by the root it pins", async (t) => {
  const { plane, token } = await setUp(t);
  const old = await fetchRoot(plane.controlPort);
  await start(plane, { of: "root", isStepwise: true });
  const pinned = (await plane.joinToken()).split(".").at(-1) ?? "";
  assert.notEqual(pinned, old.hash);
  assert.equal((await fetchRoot(plane.controlPort, pinned)).hash, pinned);
  assert.equal((await fetchRoot(plane.controlPort, old.hash)).hash, old.hash);
  const joined = await join(plane.controlPort, token);
  assert.match(joined.proxyId, /^px-/);
});
