import type { ProxyMessage, WorkloadTally } from "@heddle/contracts/control-stream";

/** What one side of a hosted workload has counted since the proxy's start. */
export type SideCount = Pick<WorkloadTally, "side" | "requests" | "errors" | "denied"> & {
  readonly namespace: string;
  readonly name: string;
};
type Counts = ReadonlyMap<string, SideCount>;

const TELL_EVERY_MS = 1_000;
/** "Before" is the minute that has passed when somebody asks, to a sixth of it. */
const SAMPLE_EVERY_MS = 10_000;
const SAMPLES = 6;
const NONE = { requests: 0, errors: 0, denied: 0 };

/** Tells the control plane, for as long as it asks, how the hosted workloads' requests end. */
export class TallyTeller {
  readonly #count: () => Counts;
  readonly #send: (message: ProxyMessage) => boolean;
  readonly #samples: Counts[] = [];
  #before: Counts = new Map();
  #sampling: NodeJS.Timeout | undefined;
  #telling: NodeJS.Timeout | undefined;
  #untilMs = 0;

  constructor(count: () => Counts, send: (message: ProxyMessage) => boolean) {
    this.#count = count;
    this.#send = send;
  }

  start(): void {
    this.#sampling = setInterval(() => this.#sample(), SAMPLE_EVERY_MS);
    this.#sampling.unref();
  }

  stop(): void {
    clearInterval(this.#sampling);
    clearInterval(this.#telling);
    this.#telling = undefined;
  }

  /** The control plane wants to know for so long from now on. */
  tellFor(forMs: number): void {
    this.#untilMs = performance.now() + forMs;
    if (this.#telling !== undefined) return;
    const now = this.#count();
    this.#before = difference(now, this.#samples[0] ?? new Map());
    this.#tell();
    this.#telling = setInterval(() => this.#tell(), TELL_EVERY_MS);
    this.#telling.unref();
  }

  #sample(): void {
    this.#samples.push(this.#count());
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  #tell(): void {
    if (performance.now() >= this.#untilMs) {
      clearInterval(this.#telling);
      this.#telling = undefined;
      return;
    }
    const workloads = [...this.#count()].map(([key, { namespace, name, ...count }]) => {
      const { requests, errors, denied } = this.#before.get(key) ?? NONE;
      return { ...count, workload: { namespace, name }, before: { requests, errors, denied } };
    });
    this.#send({ type: "tallied", workloads });
  }
}

/** Counts only grow. */
function difference(now: Counts, then: Counts): Counts {
  return new Map(
    [...now].map(([key, count]) => {
      const { requests, errors, denied } = then.get(key) ?? NONE;
      const counts = {
        requests: count.requests - requests,
        errors: count.errors - errors,
        denied: count.denied - denied,
      };
      return [key, { ...count, ...counts }];
    }),
  );
}
