import { randomBytes } from "node:crypto";
import { TapRequest } from "@heddle/contracts";
import { type Logger, toHeddleError } from "@heddle/runtime";
import {
  type ConfigDb,
  DatabaseUnavailableError,
  deleteTap,
  insertTap,
  lookAtTaps,
} from "@heddle/store";
import type { Registry } from "../registry/registry.ts";
import { ChangeRefusedError } from "../revisions/change-errors.ts";
import type { StreamHub } from "../stream/hub.ts";
import type { ProxySession } from "../stream/proxy-session.ts";
import { type LiveTap, ordersFor, type TapWish } from "./tap-orders.ts";

const LOOK_EVERY_MS = 1_000;
const MAX_TAPS = 16; // as many as a proxy takes

type Parts = {
  readonly db: ConfigDb;
  readonly hub: Pick<StreamHub, "sessions">;
  readonly registry: Registry;
  readonly logger: Logger;
  /** Tells other control planes to look. */
  readonly onChange: () => void;
};

/** One tap, and when it ends by this process's own clock (`performance.now()`). */
type Held = { readonly tap: LiveTap; readonly endsAtMs: number };

/**
 * The taps under way, as the database says, and what each connected proxy is told of them. Whoever is told late, or
 * not at all, ends them by itself: what is sent says how long is left.
 */
export class TapKeeper {
  readonly #parts: Parts;
  #held = new Map<string, Held>();
  /** What each stream was last told, without what passes by itself. */
  readonly #told = new WeakMap<ProxySession, string>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get taps(): LiveTap[] {
    return [...this.#held.values()].map(({ tap }) => tap);
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Throws `ChangeRefusedError` where there are too many, `DatabaseUnavailableError`. */
  async begin(wish: TapWish, forMs: number, by: string): Promise<LiveTap> {
    if (this.#held.size >= MAX_TAPS) {
      const who = [...new Set(this.taps.map((tap) => tap.by))].join(", ");
      throw new ChangeRefusedError(
        `${MAX_TAPS} taps are under way, by ${who}, and there are no more at a time; wait, or end one (DELETE /taps/{id})`,
      );
    }
    const id = randomBytes(16).toString("hex");
    const request = { ...wish, forMs };
    const stored = await insertTap(this.#parts.db, { id, request, askedBy: by, forMs });
    const tap = { ...wish, id, by, beganMs: stored.beganAtMs, untilMs: stored.endsAtMs };
    this.#held.set(id, { tap, endsAtMs: performance.now() + forMs });
    this.#changed();
    return tap;
  }

  /** `false`: it was over already. */
  async end(id: string): Promise<boolean> {
    const wasThere = await deleteTap(this.#parts.db, id);
    if (this.#held.delete(id) || wasThere) this.#changed();
    return wasThere;
  }

  /** Takes over what the database says, ends what is over there, and tells proxies what is new to them. */
  async look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) => {
        if (error instanceof DatabaseUnavailableError) return; // known taps end by the clock
        this.#parts.logger.error({ err: toHeddleError(error) }, "taps were not looked at");
      })
      .finally(() => {
        this.#looking = undefined;
        this.#forgetEnded();
        this.#tellProxies();
      });
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { db } = this.#parts;
    const askedAtMs = performance.now();
    const before = new Set(this.#held.keys());
    const found = await lookAtTaps(db);
    for (const { id } of found.filter(({ isOver }) => isOver)) await deleteTap(db, id);
    const held = new Map<string, Held>();
    for (const { id, request, askedBy, beganAtMs, endsAtMs, remainingMs, isOver } of found) {
      const parsed = TapRequest.safeParse(request); // a neighbour of another version may have written it
      if (isOver || !parsed.success) continue;
      const { targets, filter, maxPerSecond } = parsed.data;
      const times = { beganMs: beganAtMs, untilMs: endsAtMs };
      const tap = { id, by: askedBy, targets, filter, maxPerSecond, ...times };
      held.set(id, { tap, endsAtMs: askedAtMs + remainingMs });
    }
    // What began while the question was under way is not in its answer.
    for (const [id, one] of this.#held) if (!before.has(id)) held.set(id, one);
    this.#held = held;
  }

  #forgetEnded(): void {
    const nowMs = performance.now();
    for (const [id, { endsAtMs }] of this.#held) if (endsAtMs <= nowMs) this.#held.delete(id);
  }

  #changed(): void {
    this.#tellProxies();
    this.#parts.onChange();
  }

  #tellProxies(): void {
    const { hub, registry } = this.#parts;
    const nowMs = performance.now();
    for (const session of hub.sessions()) {
      if (!session.features.has("taps")) continue;
      const told = this.#told.get(session);
      // A new stream begins without taps.
      if (this.#held.size === 0 && (told === undefined || told === NOTHING)) continue;
      const orders = ordersFor(this.taps, registry.instancesOfProxy(session.proxyId), ({ id }) =>
        Math.max(0, Math.round((this.#held.get(id)?.endsAtMs ?? nowMs) - nowMs)),
      );
      const now = JSON.stringify(orders.map(({ id, workloads }) => [id, workloads]));
      if (now === (told ?? NOTHING)) continue;
      this.#told.set(session, now);
      session.sendTaps(orders);
    }
  }
}

const NOTHING = "[]";
