/** Tells what `up` is doing: numbered steps with the time each took, overwritten in place on a terminal. */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #total: number;
  #step: number;

  /** `firstStep` continues a count that an earlier script began. */
  constructor(out: NodeJS.WriteStream, firstStep: number, total: number) {
    this.#out = out;
    this.#step = firstStep - 1;
    this.#total = total;
  }

  /** Runs one step; its line ends with the seconds it took and what `work` returns, if anything. */
  async step(title: string, work: () => Promise<string | undefined>): Promise<void> {
    this.#step++;
    const startedMs = performance.now();
    const seconds = () => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
    const head = `${this.#step}/${this.#total} ${title}`;
    const isTerminal = this.#out.isTTY;
    if (!isTerminal) this.#out.write(`${head}…\n`);
    const timer = isTerminal
      ? setInterval(() => this.#out.write(`\r\x1b[K${head}… ${seconds()}`), 100)
      : undefined;
    try {
      const note = await work();
      const line = `${head}: ${note ?? "done"} (${seconds()})\n`;
      this.#out.write(isTerminal ? `\r\x1b[K${line}` : line);
    } catch (error) {
      if (isTerminal) this.#out.write("\r\x1b[K");
      throw error;
    } finally {
      clearInterval(timer);
    }
  }
}
