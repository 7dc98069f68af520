import { type AccessDirectory, type Logger, makeCredential, toHeddleError } from "@heddle/runtime";
import {
  type ConfigDb,
  createSession,
  noteUse,
  type SessionMethod,
  type StoredGrant,
  sweepCredentials,
} from "@heddle/store";

import type { SingletonTask } from "../replicas/singleton.ts";

/** How long people stay logged in. */
export type SessionLimits = {
  /** Without any use. */
  readonly idleMs: number;
  /** However much it is used. */
  readonly maxMs: number;
};

/** Who logs in: a user, or whoever holds a login link, whose grants are the link's. */
export type NewcomerIdentity =
  | { readonly kind: "user"; readonly name: string }
  | { readonly kind: "link"; readonly name: string; readonly grants: readonly StoredGrant[] };

const LONGEST_PAUSE_MS = 30_000;

/** Begins sessions, notes when they were used, and ends those that nobody uses. */
export class SessionKeeper {
  readonly #db: ConfigDb;
  readonly #directory: AccessDirectory;
  readonly #logger: Logger;
  readonly #limits: SessionLimits;
  readonly #pauseMs: number;
  #timer: NodeJS.Timeout | undefined;
  #noting: Promise<void> = Promise.resolve();

  constructor(parts: {
    readonly db: ConfigDb;
    readonly directory: AccessDirectory;
    readonly logger: Logger;
    readonly limits: SessionLimits;
  }) {
    this.#db = parts.db;
    this.#directory = parts.directory;
    this.#logger = parts.logger;
    this.#limits = parts.limits;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.ceil(parts.limits.idleMs / 4));
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#noting = this.#noteUse();
    }, this.#pauseMs);
    this.#timer.unref();
  }

  /** Ends what nobody has used; a task of the whole mesh. */
  get sweep(): SingletonTask {
    return { name: "idle-sessions", everyMs: this.#pauseMs, run: () => this.#sweep() };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#noting;
  }

  /** The secret goes into the cookie and nowhere else. */
  async begin(
    who: NewcomerIdentity,
    method: SessionMethod,
    from: { readonly address: string; readonly agent: string },
  ): Promise<{ readonly secret: string; readonly expiresAtMs: number }> {
    const { id, secret, secretHash } = makeCredential("session");
    const createdAtMs = Date.now();
    const expiresAtMs = createdAtMs + this.#limits.maxMs;
    await createSession(this.#db, {
      id,
      secretHash,
      userName: who.name,
      owner: who.kind === "user" ? who.name : undefined,
      grants: who.kind === "link" ? who.grants : undefined,
      method,
      ...from,
      createdAtMs,
      expiresAtMs,
    });
    await this.#directory.refresh();
    return { secret, expiresAtMs };
  }

  async #noteUse(): Promise<void> {
    try {
      await noteUse(this.#db, this.#directory.takeUses());
    } catch (error) {
      this.#logger.warn({ err: toHeddleError(error) }, "use of sessions not noted");
    }
  }

  async #sweep(): Promise<void> {
    // Any control plane may have been asked within a pause, and not have noted it yet.
    const idleMs = this.#limits.idleMs + this.#pauseMs;
    const ended = await sweepCredentials(this.#db, Date.now(), idleMs);
    if (ended > 0) await this.#directory.refresh();
  }
}
