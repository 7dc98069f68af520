import { encodeTapped } from "./encode-tapped.ts";
import { compressBody, OtlpClient } from "./otlp-client.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import type { Taps } from "./taps.ts";

/** Somebody looks at it: soon enough to be called live. */
const INTERVAL_MS = 200;

export type TapExporterOptions = {
  readonly endpoint: URL;
  readonly taps: Taps;
  readonly proxyId: () => string | undefined;
  readonly intervalMs?: number;
};

/**
 * Sends what taps have caught, and ends them when their time is over. It has no timer while nobody taps. One push is
 * under way at a time; what one loses is counted, not sent again.
 */
export class TapExporter {
  readonly #options: TapExporterOptions;
  readonly #writer = new ProtobufWriter();
  #client: OtlpClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: TapExporterOptions) {
    this.#options = options;
    options.taps.onBegin = () => this.#begin();
  }

  /** Sends what there is once more, for at most `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    const finish = async () => {
      await this.#running;
      await this.#push();
    };
    await Promise.race([finish(), deadline]);
    clearTimeout(timer);
    this.#client?.close();
    this.#client = undefined;
  }

  #begin(): void {
    const { intervalMs = INTERVAL_MS } = this.#options;
    this.#timer ??= setInterval(() => this.#tick(), intervalMs).unref();
  }

  #tick(): void {
    const { taps } = this.#options;
    taps.expire();
    if (this.#running !== undefined) return; // what comes meanwhile waits, up to its bound
    this.#running = this.#push().finally(() => {
      this.#running = undefined;
    });
    if (taps.isOn) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #push(): Promise<void> {
    const { taps, endpoint, proxyId } = this.#options;
    const batch = taps.take();
    if (batch === undefined) return;
    this.#client ??= new OtlpClient(endpoint);
    const body = await compressBody(encodeTapped(this.#writer, batch, proxyId() ?? ""));
    const result = await this.#client.push("logs", body);
    if (result.kind !== "accepted") taps.lose(batch);
  }
}
