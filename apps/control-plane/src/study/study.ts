import { Worker } from "node:worker_threads";
import type { Logger } from "@heddle/runtime";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import type { KnownInstances } from "./known-instances.ts";
import type {
  AnyQuestion,
  FromStudy,
  StudyAnswer,
  StudyKind,
  StudyQuestion,
  StudySettings,
  ToStudy,
} from "./messages.ts";
import { MirrorFeed } from "./mirror-feed.ts";
import { StudyBusyError, StudyFailedError } from "./study-errors.ts";

/** What previews and analyses of a big mesh need; one question beyond ends its thread, not the control plane. */
const MAX_MEMORY_MB = 768;
const TIME_LIMIT_MS = 30_000;
/** Questions under way; each holds what it was asked. */
const MAX_QUESTIONS = 32;
/** A thread that has not let go of a question so long after its end hangs, and is ended. */
const GRACE_MS = 2_000;
/** A question that was under way when its thread died is asked once more. */
const MAX_ATTEMPTS = 2;

export type StudyParts = StudySettings & {
  /** The mesh as it is now. */
  readonly current: () => { readonly snapshot: ConfigSnapshot; readonly registry: KnownInstances };
  readonly logger: Pick<Logger, "warn">;
  readonly maxMemoryMb?: number;
};

/** `signal`: whoever asks may go away. */
type AskOptions = { readonly signal?: AbortSignal; readonly limitMs?: number };

type Pending = {
  readonly asked: AnyQuestion;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
  attempts: number;
  /** The thread has it. */
  isPosted: boolean;
};
type Thread = { readonly worker: Worker; readonly feed: MirrorFeed };

/**
 * Where documents are looked at without anybody waiting for it: a thread of its own with a mirror of the mesh, started
 * by the first question. Streams, changes and rollbacks share no event loop with it.
 */
export class Study {
  readonly #parts: StudyParts;
  readonly #pending = new Map<number, Pending>();
  /** Ended for their askers, and not yet let go of by the thread. */
  readonly #abandoned = new Map<number, NodeJS.Timeout>();
  #thread: Thread | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(parts: StudyParts) {
    this.#parts = parts;
  }

  /**
   * Throws `StudyBusyError`, `StudyFailedError` (its time is over, or the thread died of it twice), the signal's reason,
   * or an error that names what the question failed of.
   */
  ask<Kind extends StudyKind>(
    kind: Kind,
    question: StudyQuestion<Kind>,
    { signal, limitMs = TIME_LIMIT_MS }: AskOptions = {},
  ): Promise<StudyAnswer<Kind>> {
    if (this.#pending.size + this.#abandoned.size >= MAX_QUESTIONS) {
      return Promise.reject(new StudyBusyError(MAX_QUESTIONS));
    }
    if (signal?.aborted === true) return Promise.reject(toError(signal.reason));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#abandon(id, toError(signal?.reason));
      signal?.addEventListener("abort", onAbort, { once: true });
      const end = () => signal?.removeEventListener("abort", onAbort);
      this.#pending.set(id, {
        asked: { kind, question } as AnyQuestion,
        resolve: (answer) => {
          end();
          resolve(answer as StudyAnswer<Kind>);
        },
        reject: (error) => {
          end();
          reject(error);
        },
        timer: setTimeout(() => {
          this.#abandon(id, new StudyFailedError(`looking at it took more than ${limitMs} ms`));
        }, limitMs),
        ...{ attempts: 0, isPosted: false },
      });
      void this.#send(id);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id)?.reject(new StudyFailedError("the control plane is ending"));
    }
    for (const timer of this.#abandoned.values()) clearTimeout(timer);
    this.#abandoned.clear();
    await this.#thread?.worker.terminate();
  }

  async #send(id: number): Promise<void> {
    const pending = this.#pending.get(id);
    if (!pending) return;
    pending.attempts += 1;
    pending.isPosted = false;
    const thread = (this.#thread ??= this.#open());
    const { snapshot, registry } = this.#parts.current();
    await thread.feed.bring(snapshot, registry);
    if (thread !== this.#thread || !this.#pending.has(id)) return; // lost meanwhile, or given up
    pending.isPosted = true;
    post(thread.worker, { type: "ask", id, ...pending.asked });
  }

  /** Its asker waits no longer. */
  #abandon(id: number, why: Error): void {
    const pending = this.#settle(id);
    pending?.reject(why);
    const { worker } = this.#thread ?? {};
    if (!worker || pending?.isPosted !== true) return;
    post(worker, { type: "cancel", id });
    const timer = setTimeout(() => {
      this.#parts.logger.warn({ question: id }, "the study hangs and is started anew");
      this.#lose(worker, "its thread hung at another question");
    }, GRACE_MS);
    timer.unref();
    this.#abandoned.set(id, timer);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }

  #open(): Thread {
    const { databaseUrl, trustDomain, maxMemoryMb = MAX_MEMORY_MB, logger } = this.#parts;
    const settings: StudySettings = { databaseUrl, trustDomain };
    const worker = new Worker(new URL("./study-thread.ts", import.meta.url), {
      workerData: settings,
      resourceLimits: { maxOldGenerationSizeMb: maxMemoryMb },
      env: {},
    });
    worker.unref();
    worker.on("message", (message: FromStudy) => this.#receive(message));
    worker.once("error", (error: Error) => {
      logger.warn({ err: error }, "the study's thread died");
      this.#lose(worker, `its thread died (${error.message})`);
    });
    worker.once("exit", () => this.#lose(worker, "its thread ended"));
    return { worker, feed: new MirrorFeed((update) => post(worker, { type: "update", update })) };
  }

  #receive(message: FromStudy): void {
    clearTimeout(this.#abandoned.get(message.id));
    this.#abandoned.delete(message.id);
    const pending = this.#settle(message.id);
    if (message.type === "answer") pending?.resolve(message.answer);
    else pending?.reject(new Error(message.message));
  }

  /** What was under way is asked once more, of a new thread. */
  #lose(worker: Worker, why: string): void {
    if (this.#thread?.worker !== worker) return;
    this.#thread = undefined;
    void worker.terminate();
    for (const timer of this.#abandoned.values()) clearTimeout(timer);
    this.#abandoned.clear();
    if (this.#isClosed) return;
    for (const [id, { attempts }] of this.#pending) {
      if (attempts < MAX_ATTEMPTS) void this.#send(id);
      else this.#settle(id)?.reject(new StudyFailedError(`looking at it failed: ${why}`));
    }
  }
}

function post(worker: Worker, message: ToStudy): void {
  worker.postMessage(message);
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("whoever asked has gone");
}
