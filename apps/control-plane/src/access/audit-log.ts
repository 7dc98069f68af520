import { type Logger, toHeddleError } from "@heddle/runtime";
import { appendAudit, type ConfigDb, dropOldAudit, type NewAuditEntry } from "@heddle/store";

import type { SingletonTask } from "../replicas/singleton.ts";

const MAX_WAITING = 10_000;
const MAX_AT_ONCE = 500;
const RETRY_MS = 1000;
const SWEEP_EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;
const LONGEST_TEXT = 300;

/**
 * Writes down who did what. An entry is in the database before the act is answered; while the database is away it
 * waits in memory, so what was refused in that time is not lost either.
 */
export class AuditLog {
  readonly retentionDays: number;
  readonly #db: ConfigDb;
  readonly #logger: Logger;
  #waiting: NewAuditEntry[] = [];
  #writing: Promise<void> = Promise.resolve();
  #retryTimer: NodeJS.Timeout | undefined;
  #dropped = 0;

  constructor(db: ConfigDb, logger: Logger, retentionDays: number) {
    this.#db = db;
    this.#logger = logger;
    this.retentionDays = retentionDays;
  }

  /** Drops what is older than the retention; a task of the whole mesh. */
  get sweep(): SingletonTask {
    const run = async () => {
      await dropOldAudit(this.#db, Date.now() - this.retentionDays * DAY_MS);
    };
    return { name: "audit-retention", everyMs: SWEEP_EVERY_MS, run };
  }

  /** Never throws: the act has happened, whether it could be written down or not. */
  async record(entry: NewAuditEntry): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) {
      this.#dropped += 1;
      if (this.#dropped === 1) this.#logger.error("audit entries are lost: the database is away");
      return;
    }
    this.#waiting.push(clip(entry));
    await this.#flush();
  }

  /** Writes what still waits, if the database answers. */
  async close(): Promise<void> {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    await this.#flush();
    clearTimeout(this.#retryTimer);
  }

  #flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    if (this.#retryTimer !== undefined) return; // it is away: nobody waits for it
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, MAX_AT_ONCE);
      try {
        await appendAudit(this.#db, batch);
      } catch (error) {
        this.#logger.warn(
          { err: toHeddleError(error), waiting: this.#waiting.length },
          "audit waits",
        );
        this.#retryTimer = setTimeout(() => {
          this.#retryTimer = undefined;
          void this.#flush();
        }, RETRY_MS);
        this.#retryTimer.unref();
        return;
      }
      this.#waiting = this.#waiting.slice(batch.length);
      if (this.#dropped > 0) this.#logger.error({ lost: this.#dropped }, "audit is written again");
      this.#dropped = 0;
    }
  }
}

/** PostgreSQL takes no NUL in texts, and nobody reads a novel in a log. */
function clip(entry: NewAuditEntry): NewAuditEntry {
  const clean = (text: string) => text.replaceAll("\0", "").slice(0, LONGEST_TEXT);
  return {
    ...entry,
    actor: clean(entry.actor),
    act: clean(entry.act),
    target: clean(entry.target),
    reason: entry.reason === undefined ? undefined : clean(entry.reason),
    address: clean(entry.address),
    agent: clean(entry.agent),
  };
}
