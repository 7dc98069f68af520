import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type {
  ApplyResponse,
  LadderResponse,
  MtlsGuard,
  MtlsGuardResponse,
  MtlsGuardsResponse,
  MtlsSetResponse,
  PreflightResponse,
  ResourcesResponse,
  RevisionsResponse,
  TurnedAwayCaller,
  WorkloadsResponse,
} from "@heddle/contracts";
import { outsideNode, TrafficTally, workloadNode } from "@heddle/mesh";
import {
  ensurePartitions,
  noteCollectorAlive,
  openTelemetryDb,
  registerCollector,
  saveEdgeBuckets,
  saveEdges,
} from "@heddle/store";
import { startDatabase, startProcess, waitFor } from "@heddle/testkit";
import {
  AUTH_SECRET,
  CA_SECRET,
  type RunningControlPlane,
  runControlPlane,
  tokenFor,
} from "./running-control-plane.ts";
import { documents } from "./shop-documents.ts";
import { join, registration, StreamClient } from "./stream-client.ts";

const LEGACY = "127.0.4.17";
/** What a machine that runs many tests at once may add. */
const BUSY_MS = 3000;
const legacyBilling = `apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: legacy-billing, namespace: shop }
spec: { address: ${LEGACY} }
`;

/** A proxy that serves these workloads. */
async function host(
  t: TestContext,
  plane: RunningControlPlane,
  ...names: string[]
): Promise<StreamClient> {
  const joined = await join(plane.controlPort, await plane.joinToken());
  return connect(t, plane, joined, names);
}

async function connect(
  t: TestContext,
  plane: RunningControlPlane,
  joined: StreamClient["joined"],
  names: readonly string[],
): Promise<StreamClient> {
  const workloads = names.map((name) => registration(joined.proxyId, name));
  const client = await StreamClient.open(t, plane.controlPort, joined, { workloads });
  await client.next("push");
  return client;
}

/** What a proxy says of one caller of shipping-v3; counts grow since its start. */
function turnedAway(
  refused: number,
  more: Partial<Omit<TurnedAwayCaller, "workload">> & { readonly workload?: string } = {},
): TurnedAwayCaller {
  const { workload = "shipping-v3", ...rest } = more;
  return {
    workload: { namespace: "shop", name: workload },
    sourceAddress: LEGACY,
    reason: "plaintext",
    refused,
    wouldBeRefused: 0,
    lastSeenMs: Date.now(),
    ...rest,
  };
}

async function set(
  plane: RunningControlPlane,
  path: string,
  body: object,
): Promise<MtlsSetResponse> {
  const answer = await plane.callAs<MtlsSetResponse>("admin", "PUT", `/mtls${path}`, body);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

async function guarded(
  plane: RunningControlPlane,
  path: string,
  guard: object,
): Promise<MtlsGuard> {
  const { guard: begun } = await set(plane, path, { mode: "STRICT", guard });
  assert.ok(begun);
  return begun;
}

async function findGuard(plane: RunningControlPlane, id: string): Promise<MtlsGuard> {
  const { body } = await plane.call<MtlsGuardResponse>("GET", `/mtls/guards/${id}`);
  return body.guard;
}

async function ended(plane: RunningControlPlane, id: string): Promise<MtlsGuard> {
  await waitFor("the guard has ended", 60_000, async () => {
    return (await findGuard(plane, id)).status !== "running";
  });
  return findGuard(plane, id);
}

async function modes(plane: RunningControlPlane): Promise<Record<string, string>> {
  const { body } = await plane.call<WorkloadsResponse>("GET", "/workloads");
  return Object.fromEntries(body.workloads.map(({ name, mtlsMode }) => [name, mtlsMode]));
}

async function policies(plane: RunningControlPlane): Promise<Record<string, string>> {
  const { body } = await plane.call<ResourcesResponse>("GET", "/resources?kind=PeerAuthentication");
  return Object.fromEntries(body.resources.map(({ name, yaml }) => [name, yaml]));
}

test("a guarded flip takes itself back within a second once too many were refused, and says who and why", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const proxy = await host(t, plane, "shipping-v3", "cart-v1");
  proxy.send({ type: "turned-away", callers: [turnedAway(40)] }); // of an earlier flip
  const guard = await guarded(plane, "/shop/shipping-v3", { windowMs: 60_000, maxRefusals: 5 });
  assert.deepEqual(guard.workloads, ["shop/shipping-v3"]);
  assert.equal((await modes(plane))["shipping-v3"], "STRICT");
  proxy.send({
    type: "turned-away",
    callers: [turnedAway(45), turnedAway(9, { workload: "cart-v1" })],
  });
  await waitFor("five are counted", 5000, async () => {
    return (await findGuard(plane, guard.id)).refused === 5;
  });
  assert.equal((await findGuard(plane, guard.id)).status, "running");
  const reportedAt = performance.now();
  proxy.send({ type: "turned-away", callers: [turnedAway(46)] });
  await proxy.next("push", ({ upserts }) =>
    upserts.some((one) => one.kind === "workload" && one.mtlsMode === "PERMISSIVE"),
  );
  const tookMs = performance.now() - reportedAt;
  t.diagnostic(`from report to push: ${Math.round(tookMs)} ms`);
  assert.ok(tookMs < 1000 + BUSY_MS, `the proxy is told within a second, not after ${tookMs} ms`);
  const end = await ended(plane, guard.id);
  assert.equal(end.status, "taken-back");
  assert.equal(end.refused, 6);
  assert.match(
    end.words,
    /^shipping-v3 is PERMISSIVE again: 6 requests were refused in \d+ s, all from 127\.0\.4\.17\.$/,
  );
  assert.deepEqual(await policies(plane), {}); // the flip had made the policy
  const { body } = await plane.call<RevisionsResponse>("GET", "/revisions?limit=1");
  const [revision] = body.revisions;
  assert.deepEqual(
    [revision?.revision, revision?.source, revision?.author, revision?.summary, revision?.reason],
    [
      end.endRevision,
      "guard",
      "guard (set by ada)",
      "shipping-v3 set back to PERMISSIVE",
      end.words,
    ],
  );
});

test("a guard that counted no more than it may ends as held, and STRICT stays", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const proxy = await host(t, plane, "shipping-v3");
  const guard = await guarded(plane, "/shop/shipping-v3", { windowMs: 5000, maxRefusals: 5 });
  proxy.send({ type: "turned-away", callers: [turnedAway(2)] });
  const end = await ended(plane, guard.id);
  assert.equal(end.status, "held");
  assert.equal(
    end.words,
    "shipping-v3 stays STRICT: 2 requests were refused in 5 s, at most 5 may be; all from 127.0.4.17.",
  );
  assert.equal((await modes(plane))["shipping-v3"], "STRICT");
});

test("a guard does not count callers that were refused before the flip for the same reason", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const proxy = await host(t, plane, "shipping-v3");
  proxy.send({ type: "turned-away", callers: [turnedAway(10, { reason: "expired" })] });
  // The second word of the proxy is answered after the first was taken in.
  proxy.send({ type: "subscribe", subscriptions: [{ namespace: "shop", host: "shipping" }] });
  await proxy.next("push", ({ resolutions }) => resolutions.length > 0);
  const guard = await guarded(plane, "/shop/shipping-v3", { windowMs: 5000, maxRefusals: 0 });
  proxy.send({ type: "turned-away", callers: [turnedAway(500, { reason: "expired" })] });
  const end = await ended(plane, guard.id);
  assert.deepEqual([end.status, end.refused], ["held", 0]);
});

test("a change of the policy by hand ends the guard and stays", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const proxy = await host(t, plane, "shipping-v3");
  const guard = await guarded(plane, "/shop/shipping-v3", { windowMs: 60_000, maxRefusals: 0 });
  const { revision } = await set(plane, "/shop/shipping-v3", { mode: "DISABLE" });
  const end = await ended(plane, guard.id);
  assert.deepEqual([end.status, end.endRevision], ["overtaken", revision]);
  assert.match(end.words, new RegExp(`^Overtaken by revision ${revision}:`));
  proxy.send({ type: "turned-away", callers: [turnedAway(99)] });
  proxy.send({ type: "subscribe", subscriptions: [{ namespace: "shop", host: "shipping" }] });
  await proxy.next("push", ({ resolutions }) => resolutions.length > 0);
  assert.equal((await modes(plane))["shipping-v3"], "DISABLE");
});

test("a cancelled guard leaves STRICT, and cannot be cancelled twice", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await host(t, plane, "shipping-v3");
  const guard = await guarded(plane, "/shop/shipping-v3", { windowMs: 60_000, maxRefusals: 0 });
  const path = `/mtls/guards/${guard.id}`;
  const { body } = await plane.call<MtlsGuardResponse>("DELETE", path);
  assert.equal(body.guard.status, "cancelled");
  assert.equal((await modes(plane))["shipping-v3"], "STRICT");
  const again = await plane.call("DELETE", path);
  assert.deepEqual([again.status, again.body.code], [409, "HEDDLE_CHANGE_REFUSED"]);
});

test("a guard goes on after a restart of the control plane, with what was refused meanwhile", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const proxy = await host(t, plane, "shipping-v3");
  proxy.send({ type: "turned-away", callers: [turnedAway(3)] });
  proxy.send({ type: "subscribe", subscriptions: [{ namespace: "shop", host: "shipping" }] });
  await proxy.next("push", ({ resolutions }) => resolutions.length > 0);
  const guard = await guarded(plane, "/shop/shipping-v3", { windowMs: 60_000, maxRefusals: 5 });
  await plane.restart();
  assert.equal((await findGuard(plane, guard.id)).status, "running");
  const back = await connect(t, plane, proxy.joined, ["shipping-v3"]);
  back.send({ type: "turned-away", callers: [turnedAway(9)] }); // 3 before the flip, 6 since
  const end = await ended(plane, guard.id);
  assert.deepEqual([end.status, end.refused], ["taken-back", 6]);
  assert.equal((await modes(plane))["shipping-v3"], "PERMISSIVE");
});

test("a guard goes on after kill -9 of the control plane that ran it", async (t) => {
  const { url } = await startDatabase(t);
  const killed = await startProcess<{ controlPort: number; adminPort: number }>(
    t,
    "control-plane",
    [],
    {
      DATABASE_URL: url,
      HEDDLE_AUTH_SECRET: AUTH_SECRET,
      HEDDLE_CA_SECRET: CA_SECRET,
      HEDDLE_CONTROL_PORT: "0",
      HEDDLE_CONTROL_ADMIN_PORT: "0",
      HEDDLE_LOG_LEVEL: "fatal",
    },
  );
  const { adminPort, controlPort } = killed.ready;
  const headers = {
    authorization: `Bearer ${await tokenFor("api", "admin")}`,
    "content-type": "application/json",
  };
  const ask = async <Body>(method: string, path: string, body: object): Promise<Body> => {
    const asked = { method, headers, body: JSON.stringify(body) };
    return (await (
      await fetch(`http://127.0.0.1:${adminPort}/api/v1${path}`, asked)
    ).json()) as Body;
  };
  const { token } = await ask<{ token: string }>("POST", "/tokens", { namespace: "shop" });
  const joined = await join(controlPort, token);
  const workloads = [registration(joined.proxyId, "shipping-v3")];
  const first = await StreamClient.open(t, controlPort, joined, { workloads });
  await first.next("push");
  const { guard } = await ask<MtlsSetResponse>("PUT", "/mtls/shop/shipping-v3", {
    mode: "STRICT",
    guard: { windowMs: 60_000, maxRefusals: 0 },
  });
  assert.ok(guard);
  killed.child.kill("SIGKILL");
  await first.closed();
  const plane = await runControlPlane(t, url);
  const back = await connect(t, plane, joined, ["shipping-v3"]);
  back.send({ type: "turned-away", callers: [turnedAway(1)] });
  assert.equal((await ended(plane, guard.id)).status, "taken-back");
  assert.equal((await modes(plane))["shipping-v3"], "PERMISSIVE");
});

test("a guard waits for a proxy it has not heard of", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const proxy = await host(t, plane, "shipping-v3");
  const guard = await guarded(plane, "/shop/shipping-v3", { windowMs: 5000, maxRefusals: 0 });
  proxy.terminate();
  await waitFor("the time is over", 15_000, async () => {
    const { words } = await findGuard(plane, guard.id);
    return /the time is over, but nothing was heard of host-a/.test(words);
  });
  const standing = await findGuard(plane, guard.id);
  assert.deepEqual([standing.status, standing.waitingFor], ["running", ["host-a"]]);
  const back = await connect(t, plane, proxy.joined, ["shipping-v3"]);
  back.send({ type: "turned-away", callers: [turnedAway(1)] });
  assert.equal((await ended(plane, guard.id)).status, "taken-back");
});

test("STRICT for a namespace is guarded for all it flips, restored as it was, and names what stays weaker", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  const proxy = await host(t, plane, "shipping-v3", "cart-v1", "reviews-v1");
  await set(plane, "/shop", { mode: "PERMISSIVE", dryRun: true });
  await set(plane, "/shop/cart-v1", { mode: "STRICT" });
  await set(plane, "/shop/reviews-v1", { mode: "DISABLE" });
  const before = await policies(plane);
  assert.match(before["default"] ?? "", /heddle\.dev\/mtls-dry-run: STRICT/);
  const answer = await set(plane, "/shop", {
    mode: "STRICT",
    guard: { windowMs: 60_000, maxRefusals: 1 },
  });
  assert.deepEqual(answer.guard?.workloads, ["shop/shipping-v3"]);
  assert.deepEqual(answer.warnings, [
    "PeerAuthentication shop/reviews-v1 stays DISABLE and goes before it",
  ]);
  assert.doesNotMatch((await policies(plane))["default"] ?? "", /dry-run/);
  proxy.send({
    type: "turned-away",
    callers: [turnedAway(2), turnedAway(50, { workload: "cart-v1" })],
  });
  const end = await ended(plane, answer.guard?.id ?? "");
  assert.deepEqual([end.status, end.refused], ["taken-back", 2]);
  assert.match(end.words, /^Namespace shop is PERMISSIVE again: 2 requests were refused/);
  assert.deepEqual(await policies(plane), before);
});

test("what contradicts itself is refused, with what is allowed", async (t) => {
  const plane = await runControlPlane(t, (await startDatabase(t)).url);
  await host(t, plane, "shipping-v3");
  const cases: readonly [string, string, object, number, RegExp][] = [
    ["PUT", "/mtls/shop/shipping-v3", { mode: "STRICT", dryRun: true }, 409, /dryRun goes with/],
    [
      "PUT",
      "/mtls/shop",
      { mode: "PERMISSIVE", guard: { windowMs: 60_000, maxRefusals: 0 } },
      409,
      /guard goes with mode STRICT/,
    ],
    [
      "PUT",
      "/mtls",
      { mode: "STRICT", guard: { windowMs: 1, maxRefusals: 0 } },
      400,
      /guard\.windowMs: .*5000/,
    ],
    ["PUT", "/mtls/shop/nobody", { mode: "STRICT" }, 404, /no workload shop\/nobody/],
    ["PUT", "/mtls", { mode: "STRICT", source: "guard" }, 400, /source/],
  ];
  for (const [method, path, body, status, message] of cases) {
    const answer = await plane.call(method, path, body);
    assert.equal(answer.status, status, `${path} ${JSON.stringify(body)}`);
    assert.match(answer.body.detail, message);
  }
  const odd = await plane.call("GET", "/mtls/preflight?windowMs=7");
  assert.match(odd.body.detail, /windowMs: .*300000/);
  const { body } = await plane.call<MtlsGuardsResponse>("GET", "/mtls/guards");
  assert.deepEqual(body.guards, []);
});

/** Counts as a collector writes them: per caller of shipping-v3, `agoMs` before now. */
async function count(
  databaseUrl: string,
  counts: readonly {
    readonly address: string;
    readonly agoMs: number;
    readonly requests?: number;
    readonly wouldBeRefused?: number;
  }[],
): Promise<void> {
  const db = openTelemetryDb(databaseUrl, { maxConnections: 1, onIdleError() {} });
  try {
    const collector = await registerCollector(db);
    const nowMs = Date.now();
    const destination = workloadNode({
      ...{ namespace: "shop", workload: "shipping-v3", service: "shipping", version: "v3" },
    });
    for (const { address, agoMs, requests = 0, wouldBeRefused = 0 } of counts) {
      const startMs = Math.floor((nowMs - agoMs) / 10_000) * 10_000;
      const [edgeId = 0] = await saveEdges(db, [
        {
          ...{ source: outsideNode(address), destination, isSourceReported: false },
          ...{ sourcePrincipal: undefined, lastRequestMs: nowMs - agoMs },
        },
      ]);
      const tally = new TrafficTally();
      Object.assign(tally, { requests, plaintextRequests: requests, wouldBeRefused });
      await ensurePartitions(db, "edge_10s", [startMs]);
      await saveEdgeBuckets(db, collector, [{ edgeId, startMs, tally }], new Map());
    }
    await noteCollectorAlive(db, collector);
  } finally {
    await db.close();
  }
}

test("the preflight names who sends plaintext, with rate, reasons and what a dry run has counted", async (t) => {
  const { url } = await startDatabase(t);
  const plane = await runControlPlane(t, url);
  const proxy = await host(t, plane, "shipping-v3", "cart-v1", "reviews-v1");
  await plane.apply(documents(legacyBilling));
  await count(url, [
    { address: LEGACY, agoMs: 2_000_000, requests: 100 },
    { address: LEGACY, agoMs: 20_000, requests: 18, wouldBeRefused: 7 },
    { address: "127.0.0.1", agoMs: 200_000, requests: 2 },
    { address: "10.0.9.3", agoMs: 7_000_000, requests: 5 },
  ]);
  proxy.send({ type: "turned-away", callers: [turnedAway(0, { wouldBeRefused: 7 })] });
  const ask = async (windowMs: number) => {
    const path = `/mtls/preflight?namespace=shop&workload=shipping-v3&windowMs=${windowMs}`;
    return (await plane.call<PreflightResponse>("GET", path)).body;
  };
  await waitFor("the proxy was heard", 5000, async () => {
    return (await ask(300_000)).callers.some(({ reasons }) => reasons.includes("plaintext"));
  });
  const short = await ask(300_000);
  assert.ok(short.countedUntilMs !== undefined && Date.now() - short.countedUntilMs < 60_000);
  assert.deepEqual(
    short.callers.map(({ label, sourceAddress, requests }) => [label, sourceAddress, requests]),
    [
      ["legacy-billing", LEGACY, 18],
      ["one of cart-v1, reviews-v1 or shipping-v3", "127.0.0.1", 2],
    ],
  );
  assert.equal(short.callers[0]?.wouldBeRefused, undefined); // no dry run
  const long = await ask(3 * 3_600_000);
  assert.deepEqual(long.callers.map(({ label, requests }) => [label, requests]).sort(), [
    ["legacy-billing", 118],
    ["not known", 5],
    ["one of cart-v1, reviews-v1 or shipping-v3", 2],
  ]);
  await set(plane, "/shop/shipping-v3", { mode: "PERMISSIVE", dryRun: true });
  await count(url, [{ address: LEGACY, agoMs: 0, requests: 4, wouldBeRefused: 4 }]);
  const dry = await ask(300_000);
  assert.ok((dry.workloads[0]?.dryRunSinceMs ?? 0) > 0);
  // The dry run counts from its minute on, so the earlier count is in it or not.
  const counted = dry.callers.find(({ sourceAddress }) => sourceAddress === LEGACY)?.wouldBeRefused;
  assert.ok(counted === 4 || counted === 11, String(counted));
  assert.equal(
    dry.callers.find(({ sourceAddress }) => sourceAddress === "127.0.0.1")?.wouldBeRefused,
    0,
  );
});

test("the ladder says where each workload stands, who is in its way, and what to do next", async (t) => {
  const { url } = await startDatabase(t);
  const plane = await runControlPlane(t, url);
  await host(t, plane, "shipping-v3", "cart-v1", "reviews-v1", "ratings-v1");
  await plane.apply(documents(legacyBilling));
  await set(plane, "/shop/shipping-v3", { mode: "PERMISSIVE", dryRun: true });
  await set(plane, "/shop/cart-v1", { mode: "PERMISSIVE", dryRun: true });
  await set(plane, "/shop/reviews-v1", { mode: "STRICT" });
  await count(url, [{ address: LEGACY, agoMs: 0, requests: 4, wouldBeRefused: 4 }]);
  const ladder = async () => (await plane.call<LadderResponse>("GET", "/mtls/ladder")).body;
  const first = await ladder();
  assert.deepEqual(first.rungs, {
    ...{ disabled: 0, permissive: 1, "dry-run": 2, strict: 1, "strict-for-all": 0 },
  });
  assert.deepEqual([first.workloadsToGo, first.callersInTheWay], [3, 1]);
  const nexts = new Map(first.workloads.map(({ workload, next }) => [workload, next]));
  assert.equal(first.workloads[0]?.workload, "shipping-v3"); // the riskiest
  assert.equal(nexts.get("shipping-v3")?.act, "bring-in-callers");
  assert.match(nexts.get("shipping-v3")?.words ?? "", /^Bring legacy-billing into the mesh/);
  assert.deepEqual(
    [nexts.get("cart-v1")?.act, nexts.get("cart-v1")?.command],
    ["set-strict", "heddle mtls set shop/cart-v1 STRICT --guard 60s"],
  );
  assert.equal(nexts.get("ratings-v1")?.act, "dry-run");
  assert.equal(first.next.command, "heddle mtls set shop/cart-v1 STRICT --guard 60s");
  for (const name of ["shipping-v3", "cart-v1"]) {
    await set(plane, `/shop/${name}`, { mode: "STRICT" });
  }
  const { body } = await plane.call<ApplyResponse>("PUT", "/mtls/shop", { mode: "STRICT" });
  assert.deepEqual(body.warnings, []);
  const last = await ladder();
  assert.equal(last.rungs["strict-for-all"], 4);
  assert.deepEqual(
    last.scopes.map(({ scope, isStrictForAll }) => [scope.kind, isStrictForAll]),
    [
      ["mesh", false],
      ["namespace", true],
    ],
  );
  assert.equal(last.next.command, "heddle mtls set mesh STRICT --guard 60s");
});
