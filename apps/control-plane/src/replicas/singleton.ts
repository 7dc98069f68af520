import { type Logger, toHeddleError } from "@heddle/runtime";
import { DatabaseUnavailableError } from "@heddle/store";

const LOOK_EVERY_MS = 100;
/** How soon another control plane takes over what one that died has left. */
const TRY_EVERY_MS = 1_000;

/** A task of the whole mesh, which one control plane at a time carries out. */
export type SingletonTask = {
  /** Unique among all tasks; shown as a duty in `heddle replicas`: `bypass-timers`. */
  readonly name: string;
  /** From the end of one turn to the beginning of the next. */
  readonly everyMs: number;
  /**
   * One turn. `signal` aborts when the task is no longer this control plane's: begin nothing more then. What is
   * thrown is logged, and the next turn comes.
   */
  readonly run: (signal: AbortSignal) => Promise<void>;
};

/** What decides whose a task is; `ReplicaLink` is it. */
export type SingletonLocks = {
  holds(name: string): boolean;
  tryLock(name: string): Promise<boolean>;
};

type Duty = SingletonTask & {
  triedAt: number;
  ranAt: number;
  /** While a turn is under way. */
  turn: { readonly over: Promise<void>; readonly abort: AbortController } | undefined;
};

/**
 * Tasks of which, over all control planes, each is carried out by exactly one: who has the task's lock in the
 * database. It is freed within a second when its holder is killed, within 12 s when that hangs.
 *
 * A lock does not stop a process that was paused in the middle of a turn. So what a turn writes has to hold by
 * itself: an UPDATE that says what it expects (`WHERE status = 'running'`), or a change of documents with its
 * `expected` revisions. While the database is away no task runs.
 *
 *     singletons.add({ name: "bypass-timers", everyMs: 1_000, run: async (signal) => { … } });
 */
export class Singletons {
  readonly #locks: SingletonLocks;
  readonly #logger: Logger;
  readonly #duties: Duty[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(locks: SingletonLocks, logger: Logger) {
    this.#locks = locks;
    this.#logger = logger;
  }

  /** Its first turn comes as soon as it is this control plane's and `start` has been called. */
  add(task: SingletonTask): void {
    if (this.#duties.some(({ name }) => name === task.name)) {
      throw new Error(`a task ${task.name} exists already`);
    }
    const past = Number.NEGATIVE_INFINITY;
    this.#duties.push({ ...task, triedAt: past, ranAt: past, turn: undefined });
  }

  /** Whether the task of that name is this control plane's now. */
  holds(name: string): boolean {
    return this.#locks.holds(name);
  }

  /** Names of the tasks that are this control plane's now. */
  get held(): string[] {
    return this.#duties.map(({ name }) => name).filter((name) => this.holds(name));
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** Waits for turns that are under way; they are told to end. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const { turn } of this.#duties) turn?.abort.abort();
    await Promise.all(this.#duties.flatMap(({ turn }) => turn?.over ?? []));
  }

  #look(): void {
    const now = performance.now();
    for (const duty of this.#duties) {
      if (!this.holds(duty.name)) {
        duty.turn?.abort.abort();
        if (now - duty.triedAt >= TRY_EVERY_MS) void this.#try(duty, now);
      } else if (duty.turn === undefined && now - duty.ranAt >= duty.everyMs) this.#begin(duty);
    }
  }

  async #try(duty: Duty, now: number): Promise<void> {
    duty.triedAt = now;
    if (await this.#locks.tryLock(duty.name)) {
      this.#logger.debug({ task: duty.name }, "this control plane carries it out from now on");
    }
  }

  #begin(duty: Duty): void {
    const abort = new AbortController();
    const over = duty
      .run(abort.signal)
      .catch((error: unknown) => {
        if (abort.signal.aborted || error instanceof DatabaseUnavailableError) return; // its next holder goes on
        this.#logger.error({ err: toHeddleError(error), task: duty.name }, "task failed");
      })
      .finally(() => {
        duty.turn = undefined;
        duty.ranAt = performance.now();
      });
    duty.turn = { over, abort };
  }
}
