import { unixNano, writeAttributes, writeResource, writeScope } from "./otlp-attributes.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import type { Recorder } from "./recorder.ts";
import type { LabelSet } from "./series-labels.ts";
import { FIRST_LATENCY_INDEX, grown, LATENCY_BUCKETS, LATENCY_SCALE } from "./traffic-counters.ts";

const DELTA = 1;
const NUMBER_ATTRIBUTES = 7;
const HISTOGRAM_ATTRIBUTES = 1;

/** An ExportMetricsServiceRequest over [startMs, endMs), which touches the windows before and after. */
export type MetricsWindow = { readonly endMs: number; readonly body: Buffer };

/**
 * Cuts the recorder's counts into windows of what happened since the last one. Windows touch, also
 * when the wall clock is set back, so that the collector can drop one that it gets twice.
 */
export class MetricsWindows {
  readonly #recorder: Recorder;
  readonly #instanceId: () => string;
  readonly #writer = new ProtobufWriter();
  readonly #attributeWriter = new ProtobufWriter();
  readonly #exported = new ExportedSums();
  readonly #exportedRefused: number[] = [];
  /** Attributes never change, so each series' are encoded once. */
  readonly #attributes: { readonly number: Buffer; readonly histogram: Buffer }[] = [];
  readonly #refusedAttributes: Buffer[] = [];
  #endMs: number;

  constructor(recorder: Recorder, instanceId: () => string, startMs: number) {
    this.#recorder = recorder;
    this.#instanceId = instanceId;
    this.#endMs = startMs;
  }

  /** The window that ends now. Empty ones are cut too: they tell the collector that the proxy lives. */
  cut(nowMs: number): MetricsWindow {
    const startMs = this.#endMs;
    this.#endMs = Math.max(nowMs, startMs + 1);
    const active = this.#activeSeries();
    const start = unixNano(startMs);
    const end = unixNano(this.#endMs);
    const writer = this.#writer;
    writer.message(1, () => {
      writeResource(writer, [
        ["service.name", "heddle-proxy"],
        ["service.instance.id", this.#instanceId()],
      ]);
      writer.message(2, () => {
        writeScope(writer);
        this.#writeTraffic(active, start, end);
        this.#writeRefused(start, end);
      });
    });
    for (const series of active) this.#markExported(series);
    return { endMs: this.#endMs, body: writer.take() };
  }

  #activeSeries(): number[] {
    const { table, counters } = this.#recorder;
    this.#exported.reserve(table.count);
    const active: number[] = [];
    for (let series = 0; series < table.count; series++) {
      if (counters.requests[series] !== this.#exported.requests[series]) active.push(series);
    }
    return active;
  }

  #writeTraffic(active: readonly number[], start: bigint, end: bigint): void {
    if (active.length === 0) return;
    const { counters } = this.#recorder;
    const exported = this.#exported;
    const sums = [
      ["istio_requests_total", "1", counters.requests, exported.requests],
      ["istio_request_bytes", "By", counters.requestBytes, exported.requestBytes],
      ["istio_response_bytes", "By", counters.responseBytes, exported.responseBytes],
    ] as const;
    for (const [name, unit, now, before] of sums) {
      this.#writeSum(name, unit, () => {
        for (const series of active) {
          const delta = (now[series] as number) - (before[series] as number);
          this.#writePoint(this.#attributesOf(series).number, start, end, delta);
        }
      });
    }
    this.#writeLatencies(active, start, end);
  }

  #writeSum(name: string, unit: string, writePoints: () => void): void {
    const writer = this.#writer;
    writer.message(2, () => {
      writer.string(1, name);
      writer.string(3, unit);
      writer.message(7, () => {
        writePoints();
        writer.uint(2, DELTA);
        writer.uint(3, 1); // monotonic
      });
    });
  }

  #writePoint(attributes: Buffer, start: bigint, end: bigint, value: number): void {
    const writer = this.#writer;
    writer.message(1, () => {
      writer.fixedBig64(2, start);
      writer.fixedBig64(3, end);
      writer.fixed64(6, value);
      writer.raw(attributes);
    });
  }

  #writeLatencies(active: readonly number[], start: bigint, end: bigint): void {
    const writer = this.#writer;
    writer.message(2, () => {
      writer.string(1, "istio_request_duration_milliseconds");
      writer.string(3, "ms");
      writer.message(10, () => {
        for (const series of active) {
          writer.message(1, () => this.#writeHistogram(series, start, end));
        }
        writer.uint(2, DELTA);
      });
    });
  }

  #writeHistogram(series: number, start: bigint, end: bigint): void {
    const writer = this.#writer;
    const { counters } = this.#recorder;
    const exported = this.#exported;
    const { latencies } = counters;
    let from = series * LATENCY_BUCKETS;
    let to = from + LATENCY_BUCKETS;
    while (from < to && latencies[from] === 0) from++;
    while (to > from && latencies[to - 1] === 0) to--;
    writer.raw(this.#attributesOf(series).histogram);
    writer.fixedBig64(2, start);
    writer.fixedBig64(3, end);
    writer.fixed64(
      4,
      (counters.requests[series] as number) - (exported.requests[series] as number),
    );
    writer.double(
      5,
      (counters.latencySumMs[series] as number) - (exported.latencySumMs[series] as number),
    );
    writer.sint(6, LATENCY_SCALE);
    writer.fixed64(7, counters.zeroLatencies[series] as number);
    if (from === to) return; // only zeros
    writer.message(8, () => {
      writer.sint(1, FIRST_LATENCY_INDEX + from - series * LATENCY_BUCKETS);
      writer.packed(2, latencies, from, to);
    });
  }

  #writeRefused(start: bigint, end: bigint): void {
    const { refused, refusedTable } = this.#recorder;
    const changed = refused.flatMap((count, index) => {
      const delta = count - (this.#exportedRefused[index] ?? 0);
      return delta > 0 ? [{ index, delta }] : [];
    });
    if (changed.length === 0) return;
    this.#writeSum("heddle_plaintext_refused_total", "1", () => {
      for (const { index, delta } of changed) {
        const attributes = (this.#refusedAttributes[index] ??= this.#encoded(
          NUMBER_ATTRIBUTES,
          refusedTable.labels(index),
        ));
        this.#writePoint(attributes, start, end, delta);
        this.#exportedRefused[index] = refused[index] ?? 0;
      }
    });
  }

  #markExported(series: number): void {
    const { counters } = this.#recorder;
    const exported = this.#exported;
    exported.requests[series] = counters.requests[series] as number;
    exported.latencySumMs[series] = counters.latencySumMs[series] as number;
    exported.requestBytes[series] = counters.requestBytes[series] as number;
    exported.responseBytes[series] = counters.responseBytes[series] as number;
    counters.clearLatencies(series);
  }

  #attributesOf(series: number) {
    const labels = this.#recorder.table.labels(series);
    return (this.#attributes[series] ??= {
      number: this.#encoded(NUMBER_ATTRIBUTES, labels),
      histogram: this.#encoded(HISTOGRAM_ATTRIBUTES, labels),
    });
  }

  #encoded(field: number, labels: LabelSet): Buffer {
    writeAttributes(this.#attributeWriter, field, labels);
    return this.#attributeWriter.take();
  }
}

/** What the windows so far have told, by series. */
class ExportedSums {
  requests = new Float64Array(64);
  latencySumMs = new Float64Array(64);
  requestBytes = new Float64Array(64);
  responseBytes = new Float64Array(64);

  reserve(count: number): void {
    if (count <= this.requests.length) return;
    const capacity = Math.max(count, 2 * this.requests.length);
    this.requests = grown(this.requests, capacity);
    this.latencySumMs = grown(this.latencySumMs, capacity);
    this.requestBytes = grown(this.requestBytes, capacity);
    this.responseBytes = grown(this.responseBytes, capacity);
  }
}
