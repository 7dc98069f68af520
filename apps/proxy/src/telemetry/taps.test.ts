import assert from "node:assert/strict";
import { test } from "node:test";
import type { TapOrder } from "@heddle/contracts/control-stream";
import { type SpanRecord, UNKNOWN_PEER } from "../core/traffic-recorder.ts";
import { Recorder } from "./recorder.ts";
import { Taps } from "./taps.ts";

const REVIEWS = {
  id: { namespace: "shop", name: "reviews-v2" },
  service: "reviews",
  version: "v2",
};
const PAIR = {
  reporter: "destination",
  source: { ...UNKNOWN_PEER, namespace: "shop", workload: "web-v1", service: "web" },
  destination: { ...UNKNOWN_PEER, namespace: "shop", workload: "reviews-v2", service: "reviews" },
  destinationService: "reviews.shop.svc.cluster.local",
  destinationServiceName: "reviews",
  destinationServiceNamespace: "shop",
  security: "mutual_tls",
} as const;

function exchange(over: Partial<SpanRecord> = {}): SpanRecord {
  return {
    kind: "server",
    workload: REVIEWS,
    pair: PAIR,
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanId: "00f067aa0ba902b7",
    parentSpanId: undefined,
    startEpochMs: 1_700_000_000_000,
    durationMs: 1,
    method: "GET",
    service: "reviews",
    path: "/reviews/7",
    status: 200,
    sourceWorkload: "shop/web-v1",
    destinationWorkload: "shop/reviews-v2",
    flags: "-",
    failedBy: "",
    requestId: "id-1",
    ...over,
  };
}

function order(over: Partial<TapOrder> = {}): TapOrder {
  return {
    id: "a",
    workloads: [REVIEWS.id],
    filter: {},
    maxPerSecond: 100,
    remainingMs: 60_000,
    ...over,
  };
}

function timed() {
  const clock = { nowMs: 0 };
  const taps = new Taps(() => clock.nowMs);
  const request = (over?: Partial<SpanRecord>, headers: Readonly<Record<string, string>> = {}) =>
    taps.catchExchange("shop/reviews-v2", exchange(over), false, (name) => headers[name]);
  return { clock, taps, request };
}

test("tells each tap what meets it, and one request once for both", () => {
  const { taps, request } = timed();
  taps.set([order(), order({ id: "b", filter: { methods: ["POST"] } })]);
  request();
  request({ method: "POST" });
  const told = taps.take()?.tapped.map(({ tapIds }) => tapIds);
  assert.deepEqual(told, [["a"], ["a", "b"]]);
  assert.equal(taps.take(), undefined);
});

test("counts what is above a tap's rate, and tells again in the next second", () => {
  const { clock, taps, request } = timed();
  taps.set([order({ maxPerSecond: 2 })]);
  for (let count = 0; count < 5; count++) request();
  const first = taps.take();
  assert.equal(first?.tapped.length, 2);
  assert.equal(first.notShown.get("a"), 3);
  clock.nowMs = 1_000;
  request();
  assert.equal(taps.take()?.tapped.length, 1);
});

test("keeps no more than its bound while nobody fetches, and counts the rest", () => {
  const { clock, taps, request } = timed();
  taps.set([order({ maxPerSecond: 1000 })]);
  for (let count = 0; count < 2_500; count++) {
    clock.nowMs += 1;
    request();
  }
  const batch = taps.take();
  assert.equal(batch?.tapped.length, 2_000);
  assert.equal(batch.notShown.get("a"), 500);
});

test("a batch that does not arrive comes back as a number", () => {
  const { taps, request } = timed();
  taps.set([order()]);
  request();
  request();
  const lost = taps.take();
  assert.ok(lost);
  taps.lose(lost);
  const next = taps.take();
  assert.equal(next?.tapped.length, 0);
  assert.equal(next.notShown.get("a"), 2);
});

test("ends by its own clock, and is told nothing more", () => {
  const { clock, taps, request } = timed();
  taps.set([order({ remainingMs: 500 })]);
  assert.equal(taps.isOn, true);
  clock.nowMs = 500;
  request();
  assert.equal(taps.take(), undefined);
  taps.expire();
  assert.equal(taps.isOn, false);
});

test("the same order again does not give a tap a second allowance", () => {
  const { taps, request } = timed();
  taps.set([order({ maxPerSecond: 1 })]);
  request();
  taps.set([order({ maxPerSecond: 1 })]);
  request();
  assert.equal(taps.take()?.notShown.get("a"), 1);
});

test("tells harmless headers and those the filter names, never a credential", () => {
  const { taps, request } = timed();
  const headers = { "x-tester": "anna", "user-agent": "curl", cookie: "s=1", "x-other": "o" };
  const filter = { headers: [{ name: "x-tester" }, { name: "cookie" }] };
  taps.set([order({ filter })]);
  request({}, headers);
  const [tapped] = taps.take()?.tapped ?? [];
  assert.ok(tapped && "exchange" in tapped);
  assert.deepEqual(Object.fromEntries(tapped.headers), {
    "user-agent": "curl",
    "x-tester": "anna",
  });
});

test("a request leaves nothing while nobody taps, and only that for a tap", () => {
  const recorder = new Recorder({ samplingRatio: 0, draw: () => 0.5 });
  const signals = recorder.signalsOf(REVIEWS);
  const other = recorder.signalsOf({ ...REVIEWS, id: { namespace: "shop", name: "ratings-v1" } });
  const wanted = () => signals.wanted(false, 200, undefined, 1, 0, 0);
  assert.equal(wanted(), 0);
  assert.equal(signals.hearsConnections, false);
  recorder.taps.set([order()]);
  signals.leave(wanted(), exchange(), () => undefined);
  assert.equal(recorder.taps.take()?.tapped.length, 1);
  assert.equal(recorder.spans.size, 0);
  assert.equal(other.wanted(false, 200, undefined, 1, 0, 0), 0);
  recorder.taps.set([]);
  assert.equal(wanted(), 0);
});
