import { type FSWatcher, watch } from "node:fs";
import type { SingletonTask } from "../../replicas/singleton.ts";
import { emptyContent } from "../source-content.ts";
import type { SourceKeeper } from "../source-keeper.ts";
import type { SourceTaker } from "../source-taker.ts";
import { sourceTaskName } from "../source-task-name.ts";
import { WatchedDirectory } from "./read-directory.ts";

/** Two looks that find the same are so far apart: what writes a file in one go has ended by then. */
const SETTLE_MS = 150;
/** The system's news of a folder get lost (full queues, network mounts): so often it is looked at anyway. */
const LOOK_EVERY_MS = 2000;

function directorySourceName(path: string): string {
  return `directory ${path}`;
}

/** Watches a folder of documents: of the control planes that have it configured exactly one does. */
export class DirectoryTask {
  readonly #path: string;
  readonly #keeper: SourceKeeper;
  readonly #taker: SourceTaker;
  readonly #directory: WatchedDirectory;
  #watcher: FSWatcher | undefined;
  #isDirty = true;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(path: string, keeper: SourceKeeper, taker: SourceTaker) {
    this.#path = path;
    this.#keeper = keeper;
    this.#taker = taker;
    this.#directory = new WatchedDirectory(path);
  }

  get task(): SingletonTask {
    return {
      name: sourceTaskName({ name: directorySourceName(this.#path), kind: "directory" }),
      everyMs: SETTLE_MS,
      run: (signal) => this.#turn(signal),
    };
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  async #turn(signal: AbortSignal): Promise<void> {
    if (!this.#isDirty && performance.now() - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#isDirty = false;
    this.#lookedAt = performance.now();
    this.#watch();
    const name = directorySourceName(this.#path);
    const before = this.#keeper.find(name)?.content ?? emptyContent(Date.now());
    const { reading, isSettled } = await this.#directory.read(before);
    if (!isSettled) this.#isDirty = true;
    if (signal.aborted) return;
    await this.#taker.take(name, "directory", reading);
  }

  #watch(): void {
    if (this.#watcher) return;
    try {
      const watcher = watch(this.#path, { persistent: false }, () => {
        this.#isDirty = true;
      });
      const end = () => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = undefined; // begun anew at the next look
      };
      watcher.on("error", end);
      // A folder that was replaced by another is no longer the one that is watched.
      watcher.on("change", (event) => {
        if (event === "rename") end();
      });
      this.#watcher = watcher;
    } catch {
      this.#watcher = undefined; // it is not there, which the look itself tells
    }
  }
}
