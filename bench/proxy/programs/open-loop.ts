// Load that does not wait for answers: requests leave at random moments (Poisson) at a fixed rate, over
// whichever connection is free, and a latency counts from the moment the request was due. A stall thus
// costs every request that was due while it lasted. Prints its figures as JSON.
//
// Node's timers tick in milliseconds, so a second thread sleeps between the moments and gives the sign.
import net from "node:net";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

export type OpenLoad = {
  readonly port: number;
  readonly host: string;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** Opened before the first request; more are opened when all are busy. */
  readonly connections: number;
};

export type OpenLoadResult = {
  readonly requests: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How late requests left, 50th percentile: part of every latency, with and without a proxy. */
  readonly lateP50Ms: number;
};

const ANSWER_DEADLINE_MS = 10_000;
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

type Signals = { readonly dueMs: Float64Array };

/** In the second thread: sleeps until each moment and says its number. */
function signal({ dueMs }: Signals): void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (const [index, due] of dueMs.entries()) {
    const left = due - nowMs();
    if (left > 0) Atomics.wait(never, 0, 0, left);
    parentPort?.postMessage(index);
  }
}

async function main(load: OpenLoad): Promise<void> {
  const generator = new Generator(load);
  await generator.connect();
  const dueMs = moments(load);
  const worker = new Worker(new URL(import.meta.url), { workerData: { dueMs } satisfies Signals });
  await new Promise<void>((resolve) => {
    worker.on("message", (index: number) => generator.send(dueMs[index] as number));
    worker.once("exit", () => resolve());
  });
  await generator.whenAnswered();
  process.stdout.write(`${JSON.stringify(generator.result())}\n`);
  process.exit(0);
}

/** When each request is due. */
function moments({ ratePerSecond, seconds }: OpenLoad): Float64Array {
  const start = nowMs() + 100;
  const due: number[] = [];
  let at = start;
  for (;;) {
    at += (-Math.log(1 - Math.random()) * 1_000) / ratePerSecond;
    if (at > start + seconds * 1_000) break;
    due.push(at);
  }
  const shared = new SharedArrayBuffer(due.length * 8);
  const moments = new Float64Array(shared);
  moments.set(due);
  return moments;
}

class Generator {
  readonly #load: OpenLoad;
  readonly #request: Buffer;
  readonly #idle: Caller[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #latesMs: number[] = [];
  #failures = 0;
  #open = 0;

  constructor(load: OpenLoad) {
    this.#load = load;
    this.#request = Buffer.from(
      `GET /api/v1/products?page=1&sort=price HTTP/1.1\r\nHost: ${load.host}\r\n` +
        "User-Agent: open-loop\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n\r\n",
    );
  }

  async connect(): Promise<void> {
    const callers = Array.from({ length: this.#load.connections }, () => this.#newCaller());
    await Promise.all(callers.map((caller) => caller.connected));
    this.#idle.push(...callers);
  }

  #newCaller(): Caller {
    return new Caller(this.#load.port, this.#request);
  }

  send(dueMs: number): void {
    this.#latesMs.push(nowMs() - dueMs);
    this.#open++;
    const caller = this.#idle.pop() ?? this.#newCaller();
    caller.ask((isGood) => {
      this.#open--;
      this.#latenciesMs.push(nowMs() - dueMs);
      if (isGood) this.#idle.push(caller);
      else this.#failures++;
    });
  }

  async whenAnswered(): Promise<void> {
    const endMs = nowMs() + ANSWER_DEADLINE_MS;
    while (this.#open > 0 && nowMs() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#failures += this.#open;
  }

  result(): OpenLoadResult {
    return {
      requests: this.#latesMs.length,
      failures: this.#failures,
      p50Ms: quantile(this.#latenciesMs, 0.5),
      p99Ms: quantile(this.#latenciesMs, 0.99),
      lateP50Ms: quantile(this.#latesMs, 0.5),
    };
  }
}

function quantile(list: readonly number[], share: number): number {
  const sorted = Float64Array.from(list).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** One kept-alive connection. */
class Caller {
  readonly connected: Promise<void>;
  readonly #socket: net.Socket;
  readonly #request: Buffer;
  #missing = 0;
  #done: ((isGood: boolean) => void) | undefined;

  constructor(port: number, request: Buffer) {
    this.#request = request;
    this.#socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    this.connected = new Promise((resolve) => this.#socket.once("connect", () => resolve()));
    this.#socket.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#finish(false));
  }

  ask(done: (isGood: boolean) => void): void {
    this.#done = done;
    this.#missing = 0;
    this.#socket.write(this.#request);
  }

  #take(bytes: Buffer): void {
    if (this.#missing === 0) {
      const text = bytes.toString("latin1");
      if (!text.startsWith("HTTP/1.1 200")) {
        this.#socket.destroy();
        return;
      }
      const headEnd = text.indexOf("\r\n\r\n") + 4;
      this.#missing = headEnd + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
    }
    this.#missing -= bytes.length;
    if (this.#missing <= 0) this.#finish(true);
  }

  #finish(isGood: boolean): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(isGood);
  }
}

if (isMainThread) await main(JSON.parse(process.argv[2] ?? "{}") as OpenLoad);
else signal(workerData as Signals);
