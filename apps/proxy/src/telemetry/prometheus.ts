import { type Metric, Registry } from "prom-client";
import type { OtlpExporter } from "./otlp-exporter.ts";
import type { Recorder } from "./recorder.ts";
import type { LabelSet } from "./series-labels.ts";
import { ISTIO_BOUNDS, ISTIO_BUCKETS } from "./traffic-counters.ts";

type Sample = { metricName?: string; labels: Record<string, string>; value: number };

/** What prom-client's registry asks of a metric; ours hold no numbers of their own. */
type ScrapedMetric = {
  readonly name: string;
  get(): Promise<{
    name: string;
    help: string;
    type: string;
    values: Sample[];
    aggregator: string;
  }>;
  reset(): void;
};

/**
 * A registry that reads the recorder's arrays at scrape time, so that Prometheus costs the request
 * path nothing. Names, labels and bucket bounds are Istio's.
 */
export function createMetricsRegistry(recorder: Recorder, exporter: OtlpExporter): Registry {
  const registry = new Registry();
  const { counters, table } = recorder;
  const register = (name: string, type: string, help: string, values: () => Sample[]) => {
    const metric: ScrapedMetric = {
      name,
      get: async () => ({ name, help, type, values: values(), aggregator: "sum" }),
      reset: () => {},
    };
    registry.registerMetric(metric as unknown as Metric); // typed as the class; it uses only these
  };
  const used = () =>
    Array.from({ length: table.count }, (_, series) => series).filter(
      (series) => (counters.requests[series] as number) > 0,
    );

  register("istio_requests_total", "counter", "Requests, by what became of them.", () =>
    used().map((series) => ({
      labels: promLabels(table.labels(series)),
      value: counters.requests[series] as number,
    })),
  );
  const histograms = [
    [
      "istio_request_duration_milliseconds",
      "Duration of requests in milliseconds.",
      () => [counters.latencyByBound, counters.latencySumMs] as const,
    ],
    [
      "istio_request_bytes",
      "Size of request bodies.",
      () => [counters.requestBytesByBound, counters.requestBytes] as const,
    ],
    [
      "istio_response_bytes",
      "Size of response bodies.",
      () => [counters.responseBytesByBound, counters.responseBytes] as const,
    ],
  ] as const;
  for (const [name, help, read] of histograms) {
    register(name, "histogram", help, () => {
      const [byBound, sums] = read();
      return used().flatMap((series) =>
        histogramSamples(
          name,
          promLabels(table.labels(series)),
          byBound.subarray(series * ISTIO_BUCKETS, (series + 1) * ISTIO_BUCKETS),
          sums[series] as number,
        ),
      );
    });
  }
  register(
    "heddle_plaintext_refused_total",
    "counter",
    "Plaintext connections that STRICT has closed.",
    () =>
      recorder.refused.flatMap((value, index) =>
        value === 0 ? [] : [{ labels: promLabels(recorder.refusedTable.labels(index)), value }],
      ),
  );
  register("heddle_series_overflow_total", "counter", "Label sets that found no room.", () => [
    { labels: {}, value: table.overflowed },
  ]);
  register(
    "heddle_telemetry_dropped_total",
    "counter",
    "Windows of metrics and spans that were lost because the collector was away too long.",
    () => [
      { labels: { signal: "metrics" }, value: exporter.state.droppedWindows },
      { labels: { signal: "traces" }, value: exporter.state.droppedSpans },
    ],
  );
  return registry;
}

function promLabels(labels: LabelSet): Record<string, string> {
  return Object.fromEntries(labels);
}

function histogramSamples(
  name: string,
  labels: Record<string, string>,
  byBound: Float64Array,
  sum: number,
): Sample[] {
  let count = 0;
  const buckets = Array.from(byBound, (inBucket, index): Sample => {
    count += inBucket;
    const le = index < ISTIO_BOUNDS.length ? String(ISTIO_BOUNDS[index]) : "+Inf";
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
