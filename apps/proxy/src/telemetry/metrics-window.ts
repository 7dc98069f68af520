import type { CountedEvent } from "./event-counters.ts";
import { unixNano, writeAttributes, writeResource, writeScope } from "./otlp-attributes.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import type { Recorder } from "./recorder.ts";
import type { LabelSet } from "./series-labels.ts";
import type { SeriesTable } from "./series-table.ts";
import { FIRST_LATENCY_INDEX, grown, LATENCY_BUCKETS, LATENCY_SCALE } from "./traffic-counters.ts";

const DELTA = 1;
const NUMBER_ATTRIBUTES = 7;
const HISTOGRAM_ATTRIBUTES = 1;

/** An ExportMetricsServiceRequest over [startMs, endMs), which touches the windows before and after. */
export type MetricsWindow = { readonly endMs: number; readonly body: Buffer };

type Counts = { readonly [slot: number]: number };
type WritePoint = (attributes: Buffer, value: number) => void;

/**
 * Cuts the recorder's counts into windows of what happened since the last one. Windows touch, also
 * when the wall clock is set back, so that the collector can drop one that it gets twice.
 */
export class MetricsWindows {
  readonly #recorder: Recorder;
  readonly #instanceId: () => string;
  readonly #writer = new ProtobufWriter();
  readonly #requests = new ToldCounts();
  readonly #connections = new ToldCounts();
  readonly #eventAttributes = new WeakMap<CountedEvent, Buffer>();
  #endMs: number;
  #start = 0n;
  #end = 0n;

  constructor(recorder: Recorder, instanceId: () => string, startMs: number) {
    this.#recorder = recorder;
    this.#instanceId = instanceId;
    this.#endMs = startMs;
  }

  /** The window that ends now. Empty ones are cut too: they tell the collector that the proxy lives. */
  cut(nowMs: number): MetricsWindow {
    this.#start = unixNano(this.#endMs);
    this.#endMs = Math.max(nowMs, this.#endMs + 1);
    this.#end = unixNano(this.#endMs);
    const writer = this.#writer;
    writer.message(1, () => {
      writeResource(writer, [
        ["service.name", "heddle-proxy"],
        ["service.instance.id", this.#instanceId()],
      ]);
      writer.message(2, () => {
        writeScope(writer);
        this.#writeRequests();
        this.#writeConnections();
        this.#writeEvents();
      });
    });
    return { endMs: this.#endMs, body: writer.take() };
  }

  #writeRequests(): void {
    const { table, counters } = this.#recorder;
    const told = this.#requests;
    told.follow(table);
    const active: number[] = [];
    for (let slot = 0; slot < table.slotCount; slot++) {
      if (counters.requests[slot] !== told.counts[0][slot]) active.push(slot);
    }
    if (active.length === 0) return;
    const { requests, requestBytes, responseBytes, latencySumMs } = counters;
    this.#writeDeltas("istio_requests_total", "1", table, active, requests, told, 0);
    this.#writeDeltas("istio_request_bytes", "By", table, active, requestBytes, told, 1);
    this.#writeDeltas("istio_response_bytes", "By", table, active, responseBytes, told, 2);
    this.#writeLatencies(active);
    for (const slot of active) {
      told.tell(slot, [requests, requestBytes, responseBytes, latencySumMs]);
      counters.clearLatencies(slot);
    }
  }

  #writeConnections(): void {
    const { tcpTable, tcp } = this.#recorder;
    const told = this.#connections;
    told.follow(tcpTable);
    const all = [tcp.opened, tcp.closed, tcp.sentBytes, tcp.receivedBytes] as const;
    const active: number[] = [];
    const isOpen: number[] = [];
    for (let slot = 0; slot < tcpTable.slotCount; slot++) {
      const hasCounted = all.some(
        (counts, kind) => (counts[slot] ?? 0) !== told.counts[kind]?.[slot],
      );
      if (hasCounted) active.push(slot);
      // A connection that has just closed is told of once more, as none.
      if (hasCounted || tcp.openOf(slot) > 0) isOpen.push(slot);
    }
    if (active.length > 0) {
      const write = (kind: 0 | 1 | 2 | 3, name: string, unit: string) =>
        this.#writeDeltas(name, unit, tcpTable, active, all[kind], told, kind);
      write(0, "istio_tcp_connections_opened_total", "1");
      write(1, "istio_tcp_connections_closed_total", "1");
      write(2, "istio_tcp_sent_bytes_total", "By");
      write(3, "istio_tcp_received_bytes_total", "By");
      for (const slot of active) told.tell(slot, all);
    }
    if (isOpen.length === 0) return;
    this.#writeGauge("heddle_tcp_connections_open", (point) => {
      for (const slot of isOpen) {
        point(told.attributesOf(tcpTable, slot, NUMBER_ATTRIBUTES), tcp.openOf(slot));
      }
    });
  }

  #writeEvents(): void {
    const changed = [...this.#recorder.events.all].filter(
      ({ total, exported }) => total !== exported,
    );
    for (const [name, counters] of Map.groupBy(changed, (counter) => counter.name)) {
      this.#writeSum(name, "1", (point) => {
        for (const counter of counters) {
          point(this.#attributesOfEvent(counter), counter.total - counter.exported);
          counter.exported = counter.total;
        }
      });
    }
  }

  #attributesOfEvent(counter: CountedEvent): Buffer {
    const known = this.#eventAttributes.get(counter);
    if (known !== undefined) return known;
    const made = encodeAttributes(NUMBER_ATTRIBUTES, counter.labels);
    this.#eventAttributes.set(counter, made);
    return made;
  }

  #writeDeltas(
    name: string,
    unit: string,
    table: SeriesTable,
    slots: readonly number[],
    counts: Counts,
    told: ToldCounts,
    kind: 0 | 1 | 2 | 3,
  ): void {
    const before = told.counts[kind];
    this.#writeSum(name, unit, (point) => {
      for (const slot of slots) {
        const delta = (counts[slot] as number) - (before[slot] as number);
        point(told.attributesOf(table, slot, NUMBER_ATTRIBUTES), delta);
      }
    });
  }

  #writeSum(name: string, unit: string, write: (point: WritePoint) => void): void {
    const writer = this.#writer;
    writer.message(2, () => {
      writer.string(1, name);
      writer.string(3, unit);
      writer.message(7, () => {
        write((attributes, value) => this.#writePoint(attributes, value));
        writer.uint(2, DELTA);
        writer.uint(3, 1); // monotonic
      });
    });
  }

  #writeGauge(name: string, write: (point: WritePoint) => void): void {
    const writer = this.#writer;
    writer.message(2, () => {
      writer.string(1, name);
      writer.string(3, "1");
      writer.message(5, () => write((attributes, value) => this.#writePoint(attributes, value)));
    });
  }

  #writePoint(attributes: Buffer, value: number): void {
    const writer = this.#writer;
    writer.message(1, () => {
      writer.fixedBig64(2, this.#start);
      writer.fixedBig64(3, this.#end);
      writer.fixed64(6, value);
      writer.raw(attributes);
    });
  }

  #writeLatencies(active: readonly number[]): void {
    const writer = this.#writer;
    writer.message(2, () => {
      writer.string(1, "istio_request_duration_milliseconds");
      writer.string(3, "ms");
      writer.message(10, () => {
        for (const slot of active) writer.message(1, () => this.#writeHistogram(slot));
        writer.uint(2, DELTA);
      });
    });
  }

  #writeHistogram(slot: number): void {
    const writer = this.#writer;
    const { counters, table } = this.#recorder;
    const [requests, , , latencySumMs] = this.#requests.counts;
    const { latencies } = counters;
    let from = slot * LATENCY_BUCKETS;
    let to = from + LATENCY_BUCKETS;
    while (from < to && latencies[from] === 0) from++;
    while (to > from && latencies[to - 1] === 0) to--;
    writer.raw(this.#requests.attributesOf(table, slot, HISTOGRAM_ATTRIBUTES));
    writer.fixedBig64(2, this.#start);
    writer.fixedBig64(3, this.#end);
    writer.fixed64(4, (counters.requests[slot] as number) - (requests[slot] as number));
    writer.double(5, (counters.latencySumMs[slot] as number) - (latencySumMs[slot] as number));
    writer.sint(6, LATENCY_SCALE);
    writer.fixed64(7, counters.zeroLatencies[slot] as number);
    if (from === to) return; // only zeros
    writer.message(8, () => {
      writer.sint(1, FIRST_LATENCY_INDEX + from - slot * LATENCY_BUCKETS);
      writer.packed(2, latencies, from, to);
    });
  }
}

/** What the windows so far have told of a table's slots: four counts and the attributes, encoded once. */
class ToldCounts {
  readonly counts: [Float64Array, Float64Array, Float64Array, Float64Array] = [
    new Float64Array(64),
    new Float64Array(64),
    new Float64Array(64),
    new Float64Array(64),
  ];
  readonly #attributes: (Map<number, Buffer> | undefined)[] = [];
  readonly #versions: number[] = [];
  #epoch = 0;

  /** Makes room for the table's slots, and forgets those that it has given up. */
  follow(table: SeriesTable): void {
    const { slotCount, epoch } = table;
    if (slotCount > this.counts[0].length) {
      const capacity = Math.max(slotCount, 2 * this.counts[0].length);
      for (const kind of [0, 1, 2, 3] as const) {
        this.counts[kind] = grown(this.counts[kind], capacity);
      }
    }
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    for (let slot = 0; slot < slotCount; slot++) {
      const version = table.versionOf(slot);
      if (version === (this.#versions[slot] ?? 0)) continue;
      this.#versions[slot] = version;
      this.#attributes[slot] = undefined;
      for (const counts of this.counts) counts[slot] = 0;
    }
  }

  tell(slot: number, counts: readonly [Counts, Counts, Counts, Counts]): void {
    counts.forEach((kind, index) => {
      (this.counts[index] as Float64Array)[slot] = kind[slot] as number;
    });
  }

  attributesOf(table: SeriesTable, slot: number, field: number): Buffer {
    const byField = (this.#attributes[slot] ??= new Map());
    let encoded = byField.get(field);
    if (encoded === undefined) {
      encoded = encodeAttributes(field, table.labels(slot) ?? []);
      byField.set(field, encoded);
    }
    return encoded;
  }
}

const attributeWriter = new ProtobufWriter();

function encodeAttributes(field: number, labels: LabelSet): Buffer {
  writeAttributes(attributeWriter, field, labels);
  return attributeWriter.take();
}
