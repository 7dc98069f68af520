import type { EventLines } from "../print/event-lines.ts";

/** Tells what `up` is doing: numbered steps with the time each took, overwritten in place on a terminal. */
export class Progress {
  readonly #events: EventLines;
  readonly #total: number;
  #step: number;

  /** `firstStep` continues a count that an earlier script began. */
  constructor(events: EventLines, firstStep: number, total: number) {
    this.#events = events;
    this.#step = firstStep - 1;
    this.#total = total;
  }

  /** Runs one step; its line ends with the seconds it took and what `work` returns, if anything. */
  async step(title: string, work: () => Promise<string | undefined>): Promise<void> {
    this.#step++;
    const startedMs = performance.now();
    const seconds = () => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
    const { out, isJson } = this.#events;
    const head = `${this.#step}/${this.#total} ${title}`;
    const isTerminal = out.isTTY && !isJson;
    if (!isTerminal && !isJson) out.write(`${head}…\n`);
    const timer = isTerminal
      ? setInterval(() => out.write(`\r\x1b[K${head}… ${seconds()}`), 100)
      : undefined;
    try {
      const note = await work();
      const line = `${head}: ${note ?? "done"} (${seconds()})\n`;
      const tookMs = Math.round(performance.now() - startedMs);
      this.#events.say(
        { event: "step", step: this.#step, of: this.#total, title, note, tookMs },
        isTerminal ? `\r\x1b[K${line}` : line,
      );
    } catch (error) {
      if (isTerminal) out.write("\r\x1b[K");
      throw error;
    } finally {
      clearInterval(timer);
    }
  }
}
