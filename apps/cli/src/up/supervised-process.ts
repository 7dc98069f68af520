import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, openSync } from "node:fs";
import { ProcessStartError } from "../errors.ts";
import { paths } from "../paths.ts";
import type { ProcessChange } from "../print/event-lines.ts";
import { boundLog, lastWords } from "./process-log.ts";
import { RestartPause } from "./restart-pause.ts";

export type ProcessSpec = {
  /** As logs and messages call it. */
  readonly name: string;
  /** Script and arguments for the pinned Node. */
  readonly args: readonly string[];
  readonly cwd?: string;
  /** All it gets beside what every process needs to run at all. */
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Resolves true once the process can serve; asked again while it is false. */
  isReady(child: ChildProcess): Promise<boolean>;
};

const READY_POLL_MS = 50;
const READY_TIMEOUT_MS = 60_000;

/**
 * One process of the mesh, restarted when it ends by itself.
 *
 *   starting → ready      it can serve
 *   ready    → pausing    it ended; the next start is after a growing pause
 *   pausing  → starting
 *   any      → stopped    for good
 */
export class SupervisedProcess {
  readonly spec: ProcessSpec;
  #child: ChildProcess | undefined;
  #isStopped = false;
  #hasBeenReady = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #pause = new RestartPause();
  readonly #onChange: (change: ProcessChange) => void;

  /** `onChange` is told of every death and return. */
  constructor(spec: ProcessSpec, onChange: (change: ProcessChange) => void) {
    this.spec = spec;
    this.#onChange = onChange;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when it is ready; throws `ProcessStartError` when it ends or takes too long before. */
  async start(): Promise<void> {
    const { name, logFile } = this.spec;
    if (this.#isStopped) throw new ProcessStartError(name, "it was stopped", logFile);
    const { child, logStart } = this.#launch();
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while (!(await this.spec.isReady(child))) {
      if (hasEnded(child)) {
        this.#isStopped = true;
        throw new ProcessStartError(name, lastWords(logFile, logStart), logFile);
      }
      if (performance.now() > deadline) {
        throw new ProcessStartError(name, `not ready after ${READY_TIMEOUT_MS / 1000} s`, logFile);
      }
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
    this.#hasBeenReady = true;
    if (hasEnded(child)) this.#onEnd("ended"); // between its last sign of life and now
  }

  /** SIGTERM, and SIGKILL when it is still there after `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
    await ended;
    clearTimeout(timer);
  }

  #launch(): { child: ChildProcess; logStart: number } {
    const { args, cwd, env, logFile } = this.spec;
    boundLog(logFile);
    const log = openSync(logFile, "a", 0o600);
    const logStart = fstatSync(log).size;
    const child = spawn(process.execPath, [...args], {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...basicEnv(), ...env },
      stdio: ["ignore", log, log, "ipc"],
      // A process group of its own: Ctrl-C in the terminal is ours to pass on, in the right order.
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    // `exit` may not follow an `error`: the command itself could not be run.
    child.once("error", (error) => this.#onEnd(`cannot be started: ${error.message}`));
    child.once("exit", (code, signal) =>
      this.#onEnd(`ended with ${signal ?? `exit code ${code}`}`),
    );
    this.#pause.onStart(performance.now());
    return { child, logStart };
  }

  #onEnd(how: string): void {
    if (this.#isStopped || !this.#hasBeenReady) return; // the first start has its own watcher
    const pauseMs = this.#pause.onEnd(performance.now());
    this.#tell("ended", `${how}; starting it again`);
    this.#timer = setTimeout(() => void this.#restart(), pauseMs);
  }

  #tell(state: ProcessChange["state"], words: string): void {
    this.#onChange({ event: "process", process: this.spec.name, state, words });
  }

  async #restart(): Promise<void> {
    const { child } = this.#launch();
    while (!this.#isStopped && !hasEnded(child)) {
      if (await this.spec.isReady(child)) {
        this.#tell("back", "is back");
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

/** What any process needs to run; nothing else of our own environment reaches a child. */
export function basicEnv(): Record<string, string> {
  const names = ["PATH", "HOME", "TZ", "LANG", "TMPDIR", "SystemRoot"];
  const env: Record<string, string> = {
    NODE_ENV: "production",
    NODE_COMPILE_CACHE: paths.compileCache,
  };
  for (const name of names) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}
