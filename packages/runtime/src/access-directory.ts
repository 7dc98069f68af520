import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { capGrants, type Grant } from "@heddle/mesh";
import { meshRole, type Principal, verifyToken } from "./auth-token.ts";
import { toHeddleError } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** A session or token that opens the door, as the database keeps it. */
export type Credential = {
  readonly id: string;
  readonly kind: "session" | "token";
  /** SHA-256 of the secret part. */
  readonly secretHash: Uint8Array;
  readonly userName: string;
  readonly owner: string | undefined;
  /** Own grants; `undefined`: the owner's hold. Those of an owned token reach no further than the owner's. */
  readonly grants: readonly Grant[] | undefined;
  readonly ownerGrants: readonly Grant[] | undefined;
  readonly expiresAtMs: number;
};

/** Where the directory reads what is good. `version` moves on with every change. */
export type CredentialSource = {
  version(): Promise<string>;
  load(): Promise<{ readonly version: string; readonly credentials: readonly Credential[] }>;
};

/** What a bearer token stands for. `not-known-yet`: the database was never read, so it cannot be said. */
export type Authentication =
  | { readonly kind: "principal"; readonly principal: Principal }
  | { readonly kind: "refused" }
  | { readonly kind: "not-known-yet" };

type Entry = { readonly secretHash: Buffer; readonly principal: Principal };

const POLL_MS = 1000;
const SOONEST_REREAD_MS = 200;
const SECRET_BYTES = 32;
const OPAQUE = /^hd[st]_([\w-]{22})\.([\w-]{43})$/;

/** A new session (`hds_`) or API token (`hdt_`): what the holder gets, and what is kept of it. */
export function makeCredential(kind: "session" | "token"): {
  readonly id: string;
  readonly secret: string;
  readonly secretHash: Uint8Array;
} {
  const id = randomBytes(16).toString("base64url");
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  return {
    id,
    secret: `${kind === "session" ? "hds" : "hdt"}_${id}.${secret}`,
    secretHash: sha256(secret),
  };
}

/**
 * Who may come in, in memory: a request costs one hash and no question to the database. A change is seen within
 * a second; while the database is away the last answer holds.
 */
export class AccessDirectory {
  readonly #authSecret: string;
  readonly #source: CredentialSource;
  readonly #logger: Logger;
  #version: string | undefined;
  #entries = new Map<string, Entry>();
  readonly #endListeners = new Map<string, Set<() => void>>();
  readonly #lastUseMs = new Map<string, number>();
  #reading: Promise<void> | undefined;
  #rereading: Promise<void> | undefined;
  #readAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isAway = false;

  constructor(authSecret: string, source: CredentialSource, logger: Logger) {
    this.#authSecret = authSecret;
    this.#source = source;
    this.#logger = logger;
  }

  /** Reads once, then again whenever something has changed. A database that is away is waited for. */
  async start(): Promise<void> {
    await this.refresh();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#reading;
  }

  async authenticate(token: string, nowMs: number): Promise<Authentication> {
    const opaque = OPAQUE.exec(token);
    if (!opaque) {
      const principal = await verifyToken(this.#authSecret, ["api"], token);
      return principal ? { kind: "principal", principal } : { kind: "refused" };
    }
    const [, id = "", secret = ""] = opaque;
    // Made a moment ago, perhaps. The first reading may have begun before that, the second has not.
    for (let tries = 0; tries < 2 && !this.#entries.has(id) && !this.#isAway; tries++) {
      await this.#reread();
    }
    if (this.#version === undefined) return { kind: "not-known-yet" };
    const entry = this.#entries.get(id);
    if (!entry || !timingSafeEqual(entry.secretHash, sha256(secret))) return { kind: "refused" };
    if (entry.principal.expiresAtMs <= nowMs) return { kind: "refused" };
    this.#lastUseMs.set(id, nowMs);
    return { kind: "principal", principal: entry.principal };
  }

  /** Calls back once when the bearer may no longer look: signed out, disabled, revoked, expired. Returns how to stop. */
  onEnd(principal: Principal, listener: () => void): () => void {
    const { credentialId: id, expiresAtMs } = principal;
    const timer = setTimeout(listener, Math.min(expiresAtMs - Date.now(), 2 ** 31 - 1)).unref();
    if (id === undefined) return () => clearTimeout(timer);
    const listeners = this.#endListeners.get(id) ?? new Set();
    this.#endListeners.set(id, listeners.add(listener));
    return () => {
      clearTimeout(timer);
      listeners.delete(listener);
      if (listeners.size === 0) this.#endListeners.delete(id);
    };
  }

  /** When each session and token was last used since the last call, to be written down. */
  takeUses(): ReadonlyMap<string, number> {
    const uses = new Map([...this.#lastUseMs].filter(([id]) => this.#entries.has(id)));
    this.#lastUseMs.clear();
    return uses;
  }

  /** Reads everything anew: what was just changed here holds at once. Never throws. */
  async refresh(): Promise<void> {
    await this.#reading; // it may have begun before the change
    await this.#read(() => this.#source.load());
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      void this.#read(async () => {
        const version = await this.#source.version();
        return version === this.#version ? undefined : this.#source.load();
      }).then(() => this.#schedule());
    }, POLL_MS);
    this.#timer.unref();
  }

  /** Unknown ids may be guesses: however many come, they make for five readings a second at most. */
  #reread(): Promise<void> {
    this.#rereading ??= wait(Math.max(0, this.#readAtMs + SOONEST_REREAD_MS - Date.now()))
      .then(() => this.refresh())
      .finally(() => {
        this.#rereading = undefined;
      });
    return this.#rereading;
  }

  #read(
    question: () => Promise<Awaited<ReturnType<CredentialSource["load"]>> | undefined>,
  ): Promise<void> {
    this.#reading ??= this.#answer(question).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #answer(
    question: () => Promise<Awaited<ReturnType<CredentialSource["load"]>> | undefined>,
  ): Promise<void> {
    this.#readAtMs = Date.now();
    try {
      const state = await question();
      if (state) this.#take(state);
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway) {
        this.#logger.warn({ err: toHeddleError(error) }, "cannot read who may come in");
      }
      this.#isAway = true;
    }
  }

  #take(state: Awaited<ReturnType<CredentialSource["load"]>>): void {
    this.#entries = new Map(state.credentials.map((one) => [one.id, toEntry(one)]));
    this.#version = state.version;
    for (const [id, listeners] of this.#endListeners) {
      const grants = this.#entries.get(id)?.principal.grants ?? [];
      if (grants.length > 0) continue;
      this.#endListeners.delete(id);
      for (const listener of listeners) listener();
    }
  }
}

function toEntry(credential: Credential): Entry {
  const { id, kind, userName, owner, grants, ownerGrants, expiresAtMs } = credential;
  const held = heldGrants(grants, owner === undefined ? undefined : (ownerGrants ?? []));
  return {
    secretHash: Buffer.from(credential.secretHash),
    principal: {
      name: userName,
      grants: held,
      role: meshRole(held),
      expiresAtMs,
      via: kind,
      credentialId: id,
      owner,
    },
  };
}

function heldGrants(
  own: readonly Grant[] | undefined,
  owners: readonly Grant[] | undefined,
): readonly Grant[] {
  if (own === undefined) return owners ?? [];
  return owners === undefined ? own : capGrants(own, owners);
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
