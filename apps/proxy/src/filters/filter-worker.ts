import { Worker } from "node:worker_threads";
import type { FilterExchange } from "@heddle/filter-api";
import type { EndContext, EndFacts, FilterAnswer, RequestContext } from "./filter-context.ts";
import { FilterGuard } from "./filter-guard.ts";
import type { FilterFile } from "./filter-library.ts";

/** Requests that wait for one worker at a time. */
const MAX_PENDING = 1_000;
const CHECK_MS = 50;
/** Beyond its budget, before a worker is asked whether it lives, and then before it is given up. */
const GRACE_MS = 100;
/** What a worker may need to load the filter, before its first request's budget begins. */
const START_MS = 5_000;
/** A budget is 10 s at most. */
const LINGER_MS = 15_000;
const MEMORY_LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8, stackSizeMb: 4 };

/** A worker has ended, or takes no more requests. */
export class FilterWorkerError extends Error {
  override readonly name = "FilterWorkerError";
  readonly code = "HEDDLE_FILTER_WORKER";
}

/** What the thread is started with. */
export type WorkerStart = {
  readonly url: string;
  readonly name: string;
  readonly version: string;
  readonly settings: unknown;
  readonly direction: "inbound" | "outbound";
  readonly workload: string;
  readonly hasEnd: boolean;
};
type Peer = FilterExchange["peer"];
type Place = Pick<EndContext, "route" | "destination">;
/** What a thread is told. `end` has the `id` its request had, if the thread has seen that. */
export type ToWorker =
  | {
      readonly kind: "request";
      readonly id: number;
      readonly head: Uint8Array;
      readonly peer: Peer;
    }
  | {
      readonly kind: "end";
      readonly id: number;
      readonly head: Uint8Array;
      readonly peer: Peer;
      readonly place: Place;
      readonly facts: EndFacts;
    }
  | { readonly kind: "ping" };
/** What a thread answers. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "pong" }
  | {
      readonly kind: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly fields: object;
      readonly message: string;
    }
  | { readonly kind: "count"; readonly event: string; readonly by: number }
  | { readonly kind: "failed"; readonly id: number; readonly message: string }
  | {
      readonly kind: "done";
      readonly id: number;
      readonly edited: readonly { readonly name: string; readonly values: readonly string[] }[];
      readonly path: string | undefined;
      readonly answer: FilterAnswer | undefined;
    };

type Pending = {
  readonly context: RequestContext;
  readonly sinceMs: number;
  readonly budgetMs: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
};

/**
 * A filter in a thread of its own, where it can neither hold up other requests nor take the proxy down.
 *
 *   none → starting (first request) → ready    ready → none (no sign of life, out of memory, crashed)
 */
export class FilterWorker {
  restarts = 0;
  readonly #start: WorkerStart;
  readonly #guard = new FilterGuard();
  readonly #pending = new Map<number, Pending>();
  readonly #ids = new WeakMap<Map<string, unknown>, number>();
  #worker: Worker | undefined;
  /** Of the exchange that was told last: in whose name the filter counts and speaks. */
  #voice: Pick<FilterExchange, "count" | "log"> | undefined;
  #isReady = false;
  #nextId = 1;
  #pingedMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(
    { url, name, version, definition }: FilterFile,
    about: Pick<WorkerStart, "settings" | "direction" | "workload">,
  ) {
    this.#start = { url, name, version, hasEnd: definition.onEnd !== undefined, ...about };
  }

  /** What a request has to wait on top of its budget. */
  get startingMs(): number {
    return this.#isReady ? 0 : START_MS;
  }

  /** Starts the thread, so that the first request need not wait for it. */
  start(): void {
    if (!this.#isClosed) this.#worker ??= this.#open();
  }

  /** Runs the filter's onRequestHead there; what it has changed is in `context` afterwards. */
  ask(context: RequestContext, head: Uint8Array, budgetMs: number): Promise<void> {
    const nowMs = performance.now();
    const refusal = this.#refusal(nowMs);
    if (refusal !== undefined) return Promise.reject(new FilterWorkerError(refusal));
    this.start();
    this.#voice = context;
    const id = this.#nextId++;
    this.#ids.set(context.notes, id);
    return new Promise((resolve, reject) => {
      const wholeMs = budgetMs + this.startingMs;
      this.#pending.set(id, { context, sinceMs: nowMs, budgetMs: wholeMs, resolve, reject });
      this.#post({ kind: "request", id, head, peer: context.peer });
      this.#timer ??= setInterval(() => this.#check(), CHECK_MS).unref();
    });
  }

  #refusal(nowMs: number): string | undefined {
    if (this.#isClosed) return "its worker has been closed";
    if (this.#guard.isOff(nowMs)) return "its worker has ended too often and is switched off";
    if (this.#pending.size < MAX_PENDING) return undefined;
    return `more than ${MAX_PENDING} requests wait for its worker`;
  }

  /** Tells the filter's onEnd, without waiting. */
  tell(context: EndContext, head: Uint8Array): void {
    if (!this.#start.hasEnd || this.#refusal(performance.now()) !== undefined) return;
    this.start();
    this.#voice = context;
    const { peer, route, destination, status, flags } = context;
    const { durationMs, requestBytes, responseBytes } = context;
    this.#post({
      kind: "end",
      id: this.#ids.get(context.notes) ?? 0,
      head,
      peer,
      place: { route, destination },
      facts: { status, flags, durationMs, requestBytes, responseBytes },
    });
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #open(): Worker {
    this.#isReady = false;
    const worker = new Worker(new URL("./filter-worker-thread.ts", import.meta.url), {
      workerData: this.#start,
      resourceLimits: MEMORY_LIMITS,
      env: {},
    });
    worker.unref();
    worker.on("message", (message: FromWorker) => {
      if (worker === this.#worker) this.#receive(message);
    });
    worker.once("error", (error: Error) =>
      this.#lost(worker, `its worker crashed: ${error.message}`),
    );
    worker.once("exit", () => this.#lost(worker, "its worker has ended"));
    return worker;
  }

  #receive(message: FromWorker): void {
    this.#pingedMs = undefined;
    switch (message.kind) {
      case "ready":
        this.#isReady = true;
        return;
      case "pong":
        return;
      case "log":
        this.#voice?.log[message.level](message.message, { ...message.fields });
        return;
      case "count":
        this.#voice?.count(message.event, message.by);
        return;
      case "failed":
        this.#take(message.id)?.reject(new Error(message.message));
        return;
      case "done": {
        const pending = this.#take(message.id);
        if (pending !== undefined) finish(pending, message);
      }
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /** Forgets those nobody waits for any more, and gives up a thread that says nothing. */
  #check(): void {
    const nowMs = performance.now();
    let isLate = false;
    for (const [id, { sinceMs, budgetMs }] of this.#pending) {
      if (nowMs - sinceMs <= budgetMs + GRACE_MS) break;
      isLate = true;
      if (this.#pingedMs === undefined) this.#pending.delete(id);
    }
    if (this.#pingedMs !== undefined && nowMs - this.#pingedMs > GRACE_MS) {
      this.#kill("its worker did not return and was ended");
    } else if (isLate && this.#pingedMs === undefined) {
      this.#pingedMs = nowMs;
      this.#post({ kind: "ping" });
    }
    if (this.#pending.size > 0 || this.#pingedMs !== undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #kill(reason: string): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#lost(worker, reason);
    void worker.terminate();
  }

  #lost(worker: Worker, reason: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#isReady = false;
    this.#pingedMs = undefined;
    if (this.#isClosed) return;
    this.restarts++;
    this.#guard.noteOverrun(performance.now());
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(new FilterWorkerError(reason));
    if (!this.#guard.isOff(performance.now())) this.start();
  }

  /** Ends the thread once those that are under way have had their time. */
  close(): void {
    setTimeout(() => this.#end(), LINGER_MS).unref();
  }

  #end(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(new FilterWorkerError("its worker has been closed"));
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}

function finish(
  { context, resolve, reject }: Pending,
  done: Extract<FromWorker, { kind: "done" }>,
): void {
  try {
    context.replay(done);
    resolve();
  } catch (error) {
    reject(error as Error);
  }
}
