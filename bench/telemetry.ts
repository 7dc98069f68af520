// What telemetry costs on the request path: one record() per request and the question whether it leaves a
// span or a log line, and a span for each (the worst case: every request sampled or failed). Target: 1 µs
// together. Run: npm run bench -- telemetry, or
// `node bench/telemetry.ts`.

import type { TapFilter } from "@heddle/contracts";
import { createLogger } from "@heddle/runtime";
import { ConfigFile } from "../apps/proxy/src/config-file.ts";
import { RunningWorkload } from "../apps/proxy/src/control/running-workload.ts";
import { type SpanRecord, UNKNOWN_PEER } from "../apps/proxy/src/core/traffic-recorder.ts";
import { FilterLibrary } from "../apps/proxy/src/filters/filter-library.ts";
import { AccessLog } from "../apps/proxy/src/telemetry/access-log.ts";
import { MetricsWindows } from "../apps/proxy/src/telemetry/metrics-window.ts";
import { Recorder } from "../apps/proxy/src/telemetry/recorder.ts";

const ROUNDS = 5;
const OPERATIONS = 2_000_000;
const SERIES = 200;

const recorder = new Recorder({ samplingRatio: 0.01, draw: Math.random });
const [settings] = ConfigFile.parse({
  name: "bench",
  workloads: [{ namespace: "shop", service: "reviews" }],
}).workloads;
if (!settings) throw new Error("the bench has no workload");
const filters = new FilterLibrary(undefined, createLogger("bench", "silent"));
const workload = new RunningWorkload(settings, "127.0.0.1", filters);
const pair = {
  reporter: "source",
  source: UNKNOWN_PEER,
  destination: UNKNOWN_PEER,
  destinationService: "reviews.shop.svc.cluster.local",
  destinationServiceName: "reviews",
  destinationServiceNamespace: "shop",
  security: "unknown",
} as const;
const series = Array.from({ length: SERIES }, (_, index) =>
  recorder.series({
    ...pair,
    destination: { ...UNKNOWN_PEER, workload: `w${index}` },
    responseCode: 200,
    responseFlags: "-",
    failedBy: "",
  }),
);
// Drawn before, so that the draw is not measured.
const latencies = Float64Array.from({ length: 4096 }, () => Math.exp(Math.random() * 8 - 2));

function spanOf(index: number): SpanRecord {
  return {
    kind: "client",
    workload,
    pair,
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanId: "00f067aa0ba902b7",
    parentSpanId: undefined,
    startEpochMs: index,
    durationMs: 1,
    method: "GET",
    service: "reviews",
    path: "/",
    status: 200,
    sourceWorkload: "shop/reviews",
    destinationWorkload: "shop/ratings",
    flags: "-",
    failedBy: "",
    requestId: "id",
  };
}

const signals = recorder.signalsOf(workload);
const logging = new Recorder({
  samplingRatio: 0,
  draw: Math.random,
  accessLogMode: "all",
  accessLog: new AccessLog(
    { name: "nowhere", write: async () => {}, close: () => {} },
    createLogger("bench", "silent"),
  ),
}).signalsOf(workload);
/** A proxy on whose workload somebody taps; `filter` decides how many of its requests are told. */
function tapped(filter: TapFilter) {
  const { taps, signals } = tapper();
  taps.set([
    { id: "bench", workloads: [workload.id], filter, maxPerSecond: 1000, remainingMs: 600_000 },
  ]);
  return { taps, signals };
}
function tapper() {
  const one = new Recorder({ samplingRatio: 0, draw: Math.random });
  return { taps: one.taps, signals: one.signalsOf(workload) };
}
const tappedAll = tapped({});
const tappedNone = tapped({ methods: ["POST"] });
const noHeader = () => undefined;
const count = (index: number) =>
  recorder.record(series[index % SERIES] ?? 0, latencies[index & 4095] ?? 0, 512, 2_048);

const cases: Record<
  string,
  { readonly operations: number; readonly run: (index: number) => void }
> = {
  "record()": { operations: OPERATIONS, run: count },
  "a request: record() and wanted()": {
    operations: OPERATIONS,
    run: (index) => {
      count(index);
      signals.wanted(false, 200, undefined, latencies[index & 4095] ?? 0, 512, 2_048);
    },
  },
  "a sampled one: record(), wanted() and leave()": {
    operations: OPERATIONS,
    run: (index) => {
      count(index);
      const wanted = signals.wanted(true, 200, undefined, 1, 512, 2_048);
      signals.leave(wanted, spanOf(index), noHeader);
    },
  },
  "a request of a workload somebody taps, filtered out": {
    operations: OPERATIONS / 4,
    run: (index) => {
      count(index);
      const wanted = tappedNone.signals.wanted(false, 200, undefined, 1, 512, 2_048);
      tappedNone.signals.leave(wanted, spanOf(index), noHeader);
    },
  },
  "a request of a workload somebody taps, told or counted": {
    operations: OPERATIONS / 20,
    run: (index) => {
      count(index);
      const wanted = tappedAll.signals.wanted(false, 200, undefined, 1, 512, 2_048);
      tappedAll.signals.leave(wanted, spanOf(index), noHeader);
      if (index % 1000 === 0) tappedAll.taps.take();
    },
  },
  "a line of the access log, which is off by default": {
    operations: OPERATIONS / 20,
    run: (index) => {
      const wanted = logging.wanted(false, 200, undefined, 1, 512, 2_048);
      logging.leave(wanted, spanOf(index), noHeader);
    },
  },
};

const rows = Object.entries(cases).map(([name, { operations, run }]) => {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = process.hrtime.bigint();
    for (let index = 0; index < operations; index++) run(index);
    return Number(process.hrtime.bigint() - start) / operations;
  }).sort((a, b) => a - b);
  return { name, medianNs: Math.round(rounds[ROUNDS >> 1] ?? 0) };
});

const windows = new MetricsWindows(recorder, () => "bench", Date.now());
let body: Buffer = Buffer.alloc(0);
const cuts = Array.from({ length: 30 }, () => {
  for (const index of series) recorder.record(index, 1, 1, 1);
  const start = performance.now();
  body = windows.cut(Date.now()).body;
  return performance.now() - start;
}).sort((a, b) => a - b);
for (const { name, medianNs } of rows) process.stdout.write(`${name}: median ${medianNs} ns\n`);
process.stdout.write(
  `a window of ${SERIES} series: median ${(cuts[15] ?? 0).toFixed(1)} ms, ${body.length} bytes before gzip\n`,
);
