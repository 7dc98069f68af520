import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { DatabaseWriter } from "./ingest/database-writer.ts";
import type { SpanQueue } from "./ingest/span-queue.ts";
import type { TrafficMemory } from "./ingest/traffic-memory.ts";
import type { IngestGate } from "./receive/ingest-gate.ts";
import type { TapBoard } from "./taps/tap-board.ts";
import type { LiveGraph } from "./topology/live-graph.ts";

/** What the collector says about itself on `/metrics`. One instance a collector, none global. */
export class CollectorMetrics {
  readonly registry = new Registry();
  readonly requests = this.#counter("requests_total", "OTLP requests by answer", [
    "signal",
    "status",
  ]);
  readonly receivedBytes = this.#counter("received_bytes_total", "Bytes as sent", ["signal"]);
  readonly items = this.#counter(
    "items_total",
    "Spans, data points and log records by what became of them",
    [
      "signal",
      "outcome", // taken, rejected, repeated
    ],
  );

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  watchGate(gate: IngestGate): void {
    this.#gauge(
      "ingest_waiting_bytes",
      "Bytes of OTLP bodies not yet decoded",
      () => gate.waitingBytes,
    );
  }

  watch(parts: {
    memory: TrafficMemory;
    spans: SpanQueue;
    writer: DatabaseWriter;
    graph: LiveGraph;
    taps: TapBoard;
  }): void {
    const { memory, spans, writer, graph, taps } = parts;
    this.#gauge("edges", "Edges in memory", () => memory.edgeCount);
    this.#gauge("memory_cells", "Edge buckets in memory", () => memory.cellCount);
    this.#gauge("unsaved_buckets", "10 s buckets the database lacks", () => memory.unsavedCount);
    this.#gauge("queued_spans", "Spans that wait for the database", () => spans.size);
    this.#gauge("tap_readers", "Open streams of tapped requests", () => taps.readers);
    this.#gauge("graph_streams", "Open graph streams", () => graph.streams);
    this.#gauge("database_connected", "1: the last write succeeded", () =>
      writer.stats.isConnected ? 1 : 0,
    );
    this.#total("dropped_spans_total", "Spans dropped by the full queue", () => spans.dropped);
    this.#total("lost_spans_total", "Spans the database refused", () => writer.stats.spansLost);
    this.#total("dropped_buckets_total", "10 s buckets dropped unsaved", () => memory.droppedCells);
    this.#total("written_spans_total", "Spans written", () => writer.stats.spansWritten);
    this.#total("written_buckets_total", "10 s buckets written", () => writer.stats.cellsWritten);
    this.#total("database_failures_total", "Failed attempts to write", () => writer.stats.failures);
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    const registers = [this.registry];
    return new Counter({ name: `heddle_collector_${name}`, help, labelNames, registers });
  }

  #gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name: `heddle_collector_${name}`,
      help,
      registers: [this.registry],
      collect: () => gauge.set(read()),
    });
  }

  /** A counter whose owner does the counting. */
  #total(name: string, help: string, read: () => number): void {
    const counter: Counter = new Counter({
      name: `heddle_collector_${name}`,
      help,
      registers: [this.registry],
      collect: () => {
        counter.reset();
        counter.inc(read());
      },
    });
  }
}
