import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { RevisionEffect, RevisionsResponse } from "@heddle/contracts";
import { serviceNode, TrafficTally, workloadNode } from "@heddle/mesh";
import { createLogger } from "@heddle/runtime";
import {
  type ConfigDb,
  commitRevision,
  ensurePartitions,
  noteCollectorAlive,
  openConfigDb,
  openTelemetryDb,
  registerCollector,
  saveEdgeBuckets,
  saveEdges,
} from "@heddle/store";
import { startDatabase } from "@heddle/testkit";
import { judgeEffects } from "../src/effects/effect-keeper.ts";
import { runControlPlane } from "./running-control-plane.ts";

const STEP_MS = 10_000;
const MINUTE_MS = 60_000;

type Traffic = { readonly requests: number; readonly errors: number; readonly latencyMs: number };
const CALM: Traffic = { requests: 100, errors: 1, latencyMs: 20 };

/** A database with an hour of traffic to shop/reviews; `at` says what each step from then on holds. */
async function telemetry(
  t: TestContext,
  url: string,
  nowMs: number,
  at: (startMs: number) => Traffic,
): Promise<{ count(untilMs: number): Promise<void> }> {
  const db = openTelemetryDb(url, { maxConnections: 2, onIdleError: () => undefined });
  t.after(() => db.close());
  await ensurePartitions(db, "edge_10s", [nowMs - 60 * MINUTE_MS, nowMs, nowMs + 60 * MINUTE_MS]);
  const collector = await registerCollector(db);
  const source = workloadNode({
    ...{ namespace: "shop", workload: "web" },
    service: "web",
    version: undefined,
  });
  const [edgeId = 0] = await saveEdges(db, [
    {
      source,
      destination: serviceNode("shop", "reviews"),
      isSourceReported: true,
      sourcePrincipal: undefined,
      lastRequestMs: nowMs,
    },
  ]);
  const firstMs = Math.floor((nowMs - 30 * MINUTE_MS) / STEP_MS) * STEP_MS;
  return {
    count: async (untilMs) => {
      const steps = Math.floor((untilMs - firstMs) / STEP_MS);
      const buckets = Array.from({ length: steps }, (_, i) => {
        const startMs = firstMs + i * STEP_MS;
        return { edgeId, startMs, tally: tallyOf(at(startMs), i) };
      });
      await saveEdgeBuckets(db, collector, buckets, new Map());
      await noteCollectorAlive(db, collector);
    },
  };
}

function tallyOf({ requests, errors, latencyMs }: Traffic, step: number): TrafficTally {
  const tally = new TrafficTally();
  tally.requests = requests + (step % 3);
  tally.addErrors("app", errors);
  tally.mtlsRequests = tally.requests;
  for (let i = 0; i < tally.requests; i++) tally.latency.record(latencyMs * (1 + (i % 10) / 10));
  return tally;
}

const ROUTE = { kind: "VirtualService", namespace: "shop" };

async function commit(
  db: ConfigDb,
  name: string,
  createdAtMs: number,
  services: string[],
  document = ROUTE,
) {
  const newest = await db.prisma.revision.aggregate({ _max: { id: true } });
  const revision = await commitRevision(
    db,
    {
      ...{ createdAtMs, author: "ada", source: "api", reason: undefined, summary: name },
      ...{ kind: "apply", restoredRevision: undefined, services },
      ...{ baseRevision: newest._max.id ?? 0, replicaId: "elsewhere" },
    },
    [
      {
        ...document,
        ...{ name, before: undefined, after: "x", expectedRevision: 0, createdAtMs },
      },
    ],
  );
  assert.ok(revision);
  return revision;
}

async function openAll(t: TestContext) {
  const { url } = await startDatabase(t);
  const plane = await runControlPlane(t, url);
  const db = openConfigDb(url, () => undefined);
  t.after(() => db.close());
  const judge = (nowMs: number) =>
    judgeEffects(
      {
        db,
        logger: createLogger("control-plane", "fatal"),
        rootNamespace: () => "istio-system",
        onChange: () => undefined,
      },
      nowMs,
      new AbortController().signal,
    );
  return { url, plane, db, judge };
}

test("a change after which errors rise is judged worse, kept, and found by that", async (t) => {
  const { url, plane, db, judge } = await openAll(t);
  const nowMs = Date.now();
  const changedMs = nowMs - 10 * MINUTE_MS;
  const traffic = await telemetry(t, url, nowMs, (startMs) =>
    startMs < changedMs ? CALM : { ...CALM, errors: 4 },
  );
  await traffic.count(nowMs);
  const worse = await commit(db, "worse", changedMs, ["shop/reviews"]);
  await commit(db, "elsewhere", changedMs + MINUTE_MS, ["shop/cart"]);
  await judge(nowMs + STEP_MS);
  const { body } = await plane.call<RevisionEffect>("GET", `/revisions/${worse}/effect`);
  assert.deepEqual([body.verdict, body.isFinal], ["worse", true]);
  assert.equal(body.because?.signal, "errorRatio");
  assert.equal(body.after.toMs - body.after.fromMs, 6 * MINUTE_MS);
  assert.equal(
    body.services[0]?.points.length,
    72 + (body.after.fromMs - body.before.toMs) / STEP_MS,
  );
  const { body: found } = await plane.call<RevisionsResponse>("GET", "/revisions?effect=worse");
  assert.deepEqual(
    found.revisions.map(({ revision, effect }) => [revision, effect?.verdict]),
    [[worse, "worse"]],
  );
  const { body: quiet } = await plane.call<RevisionsResponse>(
    "GET",
    "/revisions?effect=not-enough-traffic",
  );
  assert.deepEqual(
    quiet.revisions.map(({ summary }) => summary),
    ["elsewhere"],
  );
});

test("a change is pending until its minutes have passed, and the next one to its services ends them", async (t) => {
  const { url, plane, db, judge } = await openAll(t);
  const nowMs = Date.now();
  const firstMs = nowMs - 8 * MINUTE_MS;
  const traffic = await telemetry(t, url, nowMs, () => CALM);
  await traffic.count(nowMs);
  const first = await commit(db, "first", firstMs, ["shop/reviews"]);
  const second = await commit(db, "second", firstMs + 3 * MINUTE_MS, ["shop/reviews"]);
  await judge(nowMs);
  const effectOf = async (revision: number) =>
    (await plane.call<RevisionEffect>("GET", `/revisions/${revision}/effect`)).body;
  const early = await effectOf(first);
  assert.deepEqual([early.verdict, early.isFinal, early.nextRevision], ["no-change", true, second]);
  assert.ok(early.after.toMs <= firstMs + 3 * MINUTE_MS);
  const late = await effectOf(second);
  assert.deepEqual([late.verdict, late.isFinal, late.previousRevision], ["pending", false, first]);
  assert.ok(late.before.fromMs >= firstMs);
});

test("what is final stays, whoever judges again", async (t) => {
  const { url, plane, db, judge } = await openAll(t);
  const nowMs = Date.now();
  const traffic = await telemetry(t, url, nowMs, () => CALM);
  await traffic.count(nowMs);
  const revision = await commit(db, "calm", nowMs - 10 * MINUTE_MS, ["shop/reviews"]);
  await Promise.all([judge(nowMs + STEP_MS), judge(nowMs + STEP_MS)]);
  const path = `/revisions/${revision}/effect`;
  const { body: before } = await plane.call<RevisionEffect>("GET", path);
  await judge(nowMs + 20 * MINUTE_MS);
  const { body: after } = await plane.call<RevisionEffect>("GET", path);
  assert.deepEqual(after, before);
  assert.equal(before.verdict, "no-change");
});

test("a change to the whole mesh names the service that got worse", async (t) => {
  const { url, plane, db, judge } = await openAll(t);
  const nowMs = Date.now();
  const changedMs = nowMs - 10 * MINUTE_MS;
  const traffic = await telemetry(t, url, nowMs, (startMs) =>
    startMs < changedMs ? CALM : { ...CALM, latencyMs: 60 },
  );
  await traffic.count(nowMs);
  const meshConfig = { kind: "MeshConfig", namespace: "istio-system" };
  const revision = await commit(db, "default", changedMs, [], meshConfig);
  await judge(nowMs + STEP_MS);
  const { body } = await plane.call<RevisionEffect>("GET", `/revisions/${revision}/effect`);
  assert.equal(body.verdict, "worse");
  assert.equal(body.because?.service, "shop/reviews");
  assert.match(body.because?.signal ?? "", /^p\d+Ms$/);
});
