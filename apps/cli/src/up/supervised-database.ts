import { toHeddleError } from "@heddle/runtime";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "@heddle/store";
import type { ProcessChange } from "../print/event-lines.ts";
import { boundLog } from "./process-log.ts";
import { RestartPause } from "./restart-pause.ts";

export type DatabaseSpec = {
  readonly dataDir: string;
  readonly port: number;
  readonly password: string;
  readonly logFile: string;
};

/** The embedded PostgreSQL, started again when it ends by itself. */
export class SupervisedDatabase {
  readonly #spec: DatabaseSpec;
  readonly #onChange: (change: ProcessChange) => void;
  readonly #pause = new RestartPause();
  #server: EmbeddedPostgres | undefined;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(spec: DatabaseSpec, onChange: (change: ProcessChange) => void) {
    this.#spec = spec;
    this.#onChange = onChange;
  }

  get pid(): number | undefined {
    return this.#server?.pid;
  }

  /** Resolves with the database's URL once it takes queries; throws `EmbeddedPostgresError`. */
  async start(): Promise<{ readonly url: string; readonly isAdopted: boolean }> {
    boundLog(this.#spec.logFile);
    const server = await startEmbeddedPostgres(this.#spec);
    this.#server = server;
    this.#pause.onStart(performance.now());
    void server.ended.then(() => this.#onEnd());
    if (this.#isStopped) await server.stop(); // told to stop while it started
    return server;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#server?.stop();
  }

  #onEnd(): void {
    if (this.#isStopped) return;
    this.#tell("ended", "ended; starting it again");
    this.#timer = setTimeout(() => void this.#restart(), this.#pause.onEnd(performance.now()));
  }

  #tell(state: ProcessChange["state"], words: string): void {
    this.#onChange({ event: "process", process: "database", state, words });
  }

  async #restart(): Promise<void> {
    try {
      await this.start();
      this.#tell("back", "is back");
    } catch (error) {
      this.#tell("failed", `is not back: ${toHeddleError(error).message}`);
      if (this.#isStopped) return;
      this.#timer = setTimeout(() => void this.#restart(), this.#pause.onEnd(performance.now()));
    }
  }
}
