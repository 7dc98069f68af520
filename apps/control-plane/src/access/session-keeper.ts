import { type AccessDirectory, type Logger, makeCredential, toHeddleError } from "@heddle/runtime";
import {
  type ConfigDb,
  createSession,
  noteUse,
  type SessionMethod,
  type StoredGrant,
  sweepCredentials,
} from "@heddle/store";

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

const LONGEST_SWEEP_PAUSE_MS = 30_000;

/** Begins sessions, notes when they were used, and ends those that nobody uses. */
export class SessionKeeper {
  readonly #db: ConfigDb;
  readonly #directory: AccessDirectory;
  readonly #logger: Logger;
  readonly #limits: SessionLimits;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();

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
  }

  start(): void {
    const pauseMs = Math.min(LONGEST_SWEEP_PAUSE_MS, Math.ceil(this.#limits.idleMs / 4));
    this.#timer = setInterval(() => {
      this.#sweeping = this.#sweep();
    }, pauseMs);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
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

  async #sweep(): Promise<void> {
    const uses = this.#directory.takeUses();
    try {
      await noteUse(this.#db, uses);
      const ended = await sweepCredentials(this.#db, Date.now(), this.#limits.idleMs);
      if (ended > 0) await this.#directory.refresh();
    } catch (error) {
      this.#logger.warn({ err: toHeddleError(error) }, "sessions not swept");
    }
  }
}
