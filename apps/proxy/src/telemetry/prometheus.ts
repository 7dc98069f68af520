import { type Metric, Registry } from "prom-client";
import type { OtlpExporter } from "./otlp-exporter.ts";
import type { Recorder } from "./recorder.ts";
import type { LabelSet } from "./series-labels.ts";
import type { SeriesTable } from "./series-table.ts";
import { ISTIO_BOUNDS, ISTIO_BUCKETS } from "./traffic-counters.ts";

type Sample = { metricName?: string; labels: Record<string, string>; value: number };
type MetricType = "counter" | "gauge" | "histogram";

/** What prom-client's registry asks of a metric; ours hold no numbers of their own. */
type ScrapedMetric = {
  readonly name: string;
  get(): Promise<{
    name: string;
    help: string;
    type: MetricType;
    values: Sample[];
    aggregator: string;
  }>;
  reset(): void;
};

/** A certificate this proxy holds; `notAfterMs` undefined: there is none yet. */
type CertificateEnd = {
  readonly holder: string;
  readonly notAfterMs: number | undefined;
};

/** What Heddle's own counters count; others are made where they are counted. */
const EVENT_HELP: Readonly<Record<string, string>> = {
  heddle_authorization_total: "Decisions of AuthorizationPolicies.",
  heddle_faults_total: "Faults injected by rules.",
  heddle_filter_failures_total: "Filters that threw, stalled or ran over their budget.",
  heddle_mirrored_requests_total: "Copies of requests sent to mirrors.",
  heddle_mtls_refused_total: "Callers refused for what they are, by reason.",
  heddle_mtls_would_refuse_total: "Callers served in a dry run whom STRICT would refuse.",
  heddle_rate_limit_total: "Decisions of rate limits.",
  heddle_retries_total: "Tries beyond the first, and those that were not allowed.",
};

/**
 * A registry that reads the recorder's arrays at scrape time, so that Prometheus costs the request
 * path nothing. Names, labels and bucket bounds are Istio's.
 */
export function createMetricsRegistry(
  recorder: Recorder,
  exporter: OtlpExporter,
  certificates: () => readonly CertificateEnd[],
): Registry {
  const registry = new ScrapedRegistry(recorder);
  addRequests(registry, recorder);
  addConnections(registry, recorder);
  addOwn(registry, recorder, exporter);
  registry.add(
    "heddle_certificate_expiry_seconds",
    "gauge",
    "Until a certificate ends; negative: since it has ended.",
    () =>
      certificates().flatMap(({ holder, notAfterMs }) => {
        if (notAfterMs === undefined) return [];
        return [{ labels: { holder }, value: (notAfterMs - Date.now()) / 1000 }];
      }),
  );
  return registry;
}

class ScrapedRegistry extends Registry {
  readonly #recorder: Recorder;
  readonly #names = new Set<string>();

  constructor(recorder: Recorder) {
    super();
    this.#recorder = recorder;
  }

  /** Counters of Heddle's own come as they are first counted. */
  override metrics(): Promise<string> {
    for (const { name } of this.#recorder.events.all) {
      const help = EVENT_HELP[name] ?? "Events of Heddle's own.";
      if (!this.#names.has(name)) this.add(name, "counter", help, () => this.#valuesOf(name));
    }
    return super.metrics();
  }

  add(name: string, type: MetricType, help: string, values: () => Sample[]): void {
    const metric: ScrapedMetric = {
      name,
      get: async () => ({ name, help, type, values: values(), aggregator: "sum" }),
      reset: () => {},
    };
    this.#names.add(name);
    this.registerMetric(metric as unknown as Metric); // typed as the class; it uses only these
  }

  #valuesOf(name: string): Sample[] {
    return [...this.#recorder.events.all]
      .filter((counter) => counter.name === name && counter.total > 0)
      .map(({ labels, total }) => ({ labels: Object.fromEntries(labels), value: total }));
  }
}

function addRequests(registry: ScrapedRegistry, { counters, table }: Recorder): void {
  const used = () => slotsOf(table).filter(({ slot }) => (counters.requests[slot] as number) > 0);
  registry.add("istio_requests_total", "counter", "Requests, by what became of them.", () =>
    used().map(({ slot, labels }) => ({ labels, value: counters.requests[slot] as number })),
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
    registry.add(name, "histogram", help, () => {
      const [byBound, sums] = read();
      return used().flatMap(({ slot, labels }) => {
        const inBuckets = byBound.subarray(slot * ISTIO_BUCKETS, (slot + 1) * ISTIO_BUCKETS);
        return histogramSamples(name, labels, inBuckets, sums[slot] as number);
      });
    });
  }
}

function addConnections(registry: ScrapedRegistry, { tcp, tcpTable }: Recorder): void {
  const used = () => slotsOf(tcpTable).filter(({ slot }) => (tcp.opened[slot] ?? 0) > 0);
  const sums = [
    ["istio_tcp_connections_opened_total", "Opaque connections that came.", tcp.opened],
    ["istio_tcp_connections_closed_total", "Opaque connections that are over.", tcp.closed],
    ["istio_tcp_sent_bytes_total", "Bytes sent to clients of opaque connections.", tcp.sentBytes],
    [
      "istio_tcp_received_bytes_total",
      "Bytes received from clients of opaque connections.",
      tcp.receivedBytes,
    ],
  ] as const;
  for (const [name, help, counts] of sums) {
    registry.add(name, "counter", help, () =>
      used().map(({ slot, labels }) => ({ labels, value: counts[slot] ?? 0 })),
    );
  }
  registry.add("heddle_tcp_connections_open", "gauge", "Opaque connections that are open.", () =>
    used().map(({ slot, labels }) => ({ labels, value: tcp.openOf(slot) })),
  );
}

function addOwn(registry: ScrapedRegistry, recorder: Recorder, exporter: OtlpExporter): void {
  const { table, tcpTable } = recorder;
  registry.add("heddle_series", "gauge", "Label sets in use.", () => [
    { labels: {}, value: table.count + tcpTable.count },
  ]);
  registry.add("heddle_series_overflow_total", "counter", "Label sets that found no room.", () => [
    { labels: {}, value: table.overflowed + tcpTable.overflowed },
  ]);
  registry.add(
    "heddle_telemetry_dropped_total",
    "counter",
    "Windows of metrics and spans lost because the collector was away too long, and log lines because their output was slow.",
    () => [
      { labels: { signal: "metrics" }, value: exporter.state.droppedWindows },
      { labels: { signal: "traces" }, value: exporter.state.droppedSpans },
      { labels: { signal: "access_log" }, value: recorder.accessLog?.dropped ?? 0 },
    ],
  );
}

function slotsOf(table: SeriesTable): { slot: number; labels: Record<string, string> }[] {
  return Array.from({ length: table.slotCount }, (_, slot) => slot).flatMap((slot) => {
    const labels: LabelSet | undefined = table.labels(slot);
    return labels === undefined ? [] : [{ slot, labels: Object.fromEntries(labels) }];
  });
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
