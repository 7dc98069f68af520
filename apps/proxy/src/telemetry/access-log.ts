import { Buffer } from "node:buffer";
import type { Logger } from "@heddle/runtime";
import type { LogOutput } from "./log-output.ts";

const FLUSH_MS = 100;
const FLUSH_BYTES = 64 * 1024;
/** What may wait while the disk or whoever reads the output is slow. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/**
 * Lines on their way out, a batch at a time. Nobody waits for them: while the output is slow they
 * gather up to a bound, and those beyond it are dropped and counted.
 */
export class AccessLog {
  readonly #output: LogOutput;
  readonly #logger: Logger;
  readonly #maxWaitingBytes: number;
  #lines: string[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #dropped = 0;
  #hasWarned = false;

  constructor(output: LogOutput, logger: Logger, maxWaitingBytes = MAX_WAITING_BYTES) {
    this.#output = output;
    this.#logger = logger;
    this.#maxWaitingBytes = maxWaitingBytes;
  }

  /** Lines that were lost: no room, or the output failed. */
  get dropped(): number {
    return this.#dropped;
  }

  push(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > this.#maxWaitingBytes) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#waitingBytes += bytes;
    if (this.#writing !== undefined) return; // goes with the next batch
    if (this.#waitingBytes >= FLUSH_BYTES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
  }

  /** Writes what waits, for at most `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    const drain = async () => {
      while (this.#lines.length > 0 || this.#writing !== undefined) {
        this.#flush();
        await this.#writing;
      }
    };
    await Promise.race([drain(), deadline]);
    clearTimeout(timer);
    this.#output.close();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writing !== undefined || this.#lines.length === 0) return;
    const lines = this.#lines;
    const batch = Buffer.from(lines.join(""));
    this.#lines = [];
    this.#writing = this.#output
      .write(batch)
      .then(
        () => {
          this.#hasWarned = false;
        },
        (error: unknown) => this.#lose(lines.length, error),
      )
      .finally(() => {
        this.#waitingBytes -= batch.length;
        this.#writing = undefined;
        if (this.#lines.length > 0) this.#timer ??= setTimeout(() => this.#flush(), 0);
      });
  }

  /** One warning when it begins to fail, not one a batch. */
  #lose(count: number, error: unknown): void {
    this.#dropped += count;
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#logger.warn(
      { err: error, output: this.#output.name },
      "the access log cannot be written",
    );
  }
}
