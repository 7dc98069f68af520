import type { Logger } from "@heddle/runtime";
import type { SpanRecord } from "../core/traffic-recorder.ts";
import { encodeSpans } from "./encode-spans.ts";
import { MetricsWindows } from "./metrics-window.ts";
import { compressBody, OtlpClient } from "./otlp-client.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import type { Recorder } from "./recorder.ts";

export type ExporterOptions = {
  readonly endpoint: URL;
  readonly recorder: Recorder;
  /** `service.instance.id`; nothing is sent while it is not known, counts go on. */
  readonly instanceId: () => string | undefined;
  readonly logger: Logger;
  readonly intervalMs?: number;
  readonly maxWindows?: number;
};

const INTERVAL_MS = 1_000;
const MAX_WINDOWS = 60;
const SPANS_PER_PUSH = 2_000;

/** What was lost because the collector was away too long, or refused; and what waits. */
export type ExporterState = {
  readonly droppedWindows: number;
  readonly droppedSpans: number;
  readonly pendingWindows: number;
  readonly pendingSpans: number;
  readonly lastFailure: string | undefined;
};

/**
 * Pushes a window of counts each second and the spans that came meanwhile. Only one push is under way
 * at a time, so order holds; what fails is sent again unchanged, until the bound, when the oldest goes.
 */
export class OtlpExporter {
  readonly #options: ExporterOptions;
  readonly #client: OtlpClient;
  readonly #windows: MetricsWindows;
  readonly #spanWriter = new ProtobufWriter();
  /** Being compressed or waiting; in order of time, whichever is compressed first. */
  readonly #pending: Promise<Buffer>[] = [];
  /** Spans on their way, kept as they were sent until they are taken or refused. */
  #batch: { readonly body: Buffer; readonly count: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isBusy = false;
  #droppedWindows = 0;
  #refusedSpans = 0;
  #lastFailure: string | undefined;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#client = new OtlpClient(options.endpoint);
    const instanceId = () => options.instanceId() ?? "";
    this.#windows = new MetricsWindows(options.recorder, instanceId, Date.now());
  }

  get state(): ExporterState {
    const { spans } = this.#options.recorder;
    return {
      droppedWindows: this.#droppedWindows,
      droppedSpans: spans.dropped + this.#refusedSpans,
      pendingWindows: this.#pending.length,
      pendingSpans: spans.size + (this.#batch?.count ?? 0),
      lastFailure: this.#lastFailure,
    };
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), this.#options.intervalMs ?? INTERVAL_MS);
    this.#timer.unref();
  }

  /** Sends what there is once more, for at most `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    clearInterval(this.#timer);
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, deadlineMs).unref());
    const finish = async () => {
      await this.#running;
      await this.#export();
    };
    await Promise.race([finish(), deadline]);
    this.#client.close();
  }

  #tick(): void {
    if (this.#isBusy) {
      // A push hangs: windows are cut all the same, so that each stays a second long.
      this.#cutWindow();
      return;
    }
    this.#isBusy = true;
    this.#running = this.#export().finally(() => {
      this.#isBusy = false;
    });
  }

  async #export(): Promise<void> {
    this.#cutWindow();
    if (await this.#pushWindows()) await this.#pushSpans();
  }

  #cutWindow(): void {
    if (this.#options.instanceId() === undefined) return;
    const { body } = this.#windows.cut(Date.now());
    this.#options.recorder.sweep();
    this.#pending.push(compressBody(body));
    while (this.#pending.length > (this.#options.maxWindows ?? MAX_WINDOWS)) {
      void this.#pending.shift();
      this.#droppedWindows += 1;
    }
  }

  /** Oldest first; false: the collector cannot be reached now. */
  async #pushWindows(): Promise<boolean> {
    for (;;) {
      const window = this.#pending[0];
      if (window === undefined) return true;
      const result = await this.#client.push("metrics", await window);
      this.#noteResult(result.kind === "accepted" ? undefined : result.reason);
      if (result.kind === "failed") return false;
      if (result.kind === "refused") this.#droppedWindows += 1;
      if (this.#pending[0] === window) void this.#pending.shift();
    }
  }

  async #pushSpans(): Promise<void> {
    for (;;) {
      this.#batch ??= await this.#nextBatch();
      if (this.#batch === undefined) return;
      const result = await this.#client.push("traces", this.#batch.body);
      this.#noteResult(result.kind === "accepted" ? undefined : result.reason);
      if (result.kind === "failed") return;
      if (result.kind === "refused") this.#refusedSpans += this.#batch.count;
      this.#batch = undefined;
    }
  }

  async #nextBatch() {
    const spans: SpanRecord[] = this.#options.recorder.spans.take(SPANS_PER_PUSH);
    if (spans.length === 0) return undefined;
    return { body: await compressBody(encodeSpans(this.#spanWriter, spans)), count: spans.length };
  }

  #noteResult(failure: string | undefined): void {
    if ((failure === undefined) !== (this.#lastFailure === undefined)) {
      if (failure === undefined) this.#options.logger.info("the collector takes telemetry again");
      else this.#options.logger.warn({ reason: failure }, "the collector does not take telemetry");
    }
    this.#lastFailure = failure;
  }
}
