import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { type Logger, toHeddleError } from "@heddle/runtime";
import {
  beat,
  type ConfigDb,
  DatabaseUnavailableError,
  forgetReplicas,
  notifyReplicas,
  ReplicaLink,
  type ReplicaRound,
  readDatabaseClock,
  removeReplica,
  type StoredReplica,
} from "@heddle/store";
import packageJson from "../../package.json" with { type: "json" };
import { formatNotice, type Notice, parseNotice } from "./notice.ts";
import { Singletons } from "./singleton.ts";

const BEAT_EVERY_MS = 1_000;
const FORGET_EVERY_MS = 600_000;

/** A notice without what is added to each. */
type Told<N = Notice> = N extends Notice ? Omit<N, "from"> : never;

type About = Pick<StoredReplica, "controlAddress" | "apiUrl" | "proxiesConnected" | "revision">;

export type ReplicaHandlers = {
  /** Another control plane has said this. */
  readonly onNotice: (notice: Notice) => void;
  /** What is true of all control planes now; each second, and as soon as what was said was missed. */
  readonly onRound: (round: ReplicaRound) => void;
};

/**
 * This control plane among those over the same database: says each second that it lives, hears what the others
 * say, and knows which of the mesh's tasks are its own.
 */
export class Replicas {
  /** Of this run of the process. */
  readonly id = `cp-${randomBytes(6).toString("hex")}`;
  readonly singletons: Singletons;
  readonly #db: ConfigDb;
  readonly #logger: Logger;
  readonly #link: ReplicaLink;
  readonly #about: () => About;
  readonly #startedAtMs = Date.now();
  #handlers: ReplicaHandlers | undefined;
  #known: readonly StoredReplica[] = [];
  #hearing: ReadonlySet<string> = new Set();
  #databaseAheadMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #isClosed = false;

  constructor(parts: {
    readonly db: ConfigDb;
    readonly databaseUrl: string;
    readonly logger: Logger;
    readonly about: () => About;
  }) {
    this.#db = parts.db;
    this.#logger = parts.logger;
    this.#about = parts.about;
    this.#link = new ReplicaLink(parts.databaseUrl, this.id, {
      onUp: () => this.#lookAround(),
      onDown: (error) => this.#logger.debug({ err: error }, "link to other control planes is down"),
      onNotice: (payload) => {
        const notice = parseNotice(payload);
        if (notice && notice.from !== this.id) this.#handlers?.onNotice(notice);
      },
    });
    this.singletons = new Singletons(this.#link, parts.logger);
    this.singletons.add({
      name: "forget-replicas",
      everyMs: FORGET_EVERY_MS,
      run: () => forgetReplicas(this.#db),
    });
  }

  /** As last looked around; this one among them. */
  get known(): readonly StoredReplica[] {
    return this.#known;
  }

  /** The others that live. */
  get others(): readonly StoredReplica[] {
    return this.#known.filter(({ id, isAlive }) => isAlive && id !== this.id);
  }

  /** A moment of this process's clock by the database's clock, which is the same for all control planes. */
  toDatabaseMs(localMs: number): number {
    return localMs + this.#databaseAheadMs;
  }

  /** Before anything is claimed: which claim is the later one is told by the database's clock. */
  async setClock(): Promise<void> {
    const askedAtMs = Date.now();
    this.#noteClock(askedAtMs, await readDatabaseClock(this.#db));
  }

  /** Connects, and resolves when it was looked around once. Throws `DatabaseUnavailableError`. */
  async start(handlers: ReplicaHandlers): Promise<void> {
    this.#handlers = handlers;
    await this.#beat();
    this.#link.start();
    this.singletons.start();
    this.#timer = setInterval(() => this.#lookAround(), BEAT_EVERY_MS);
  }

  /** To all others, now. What they miss they find when they look around. */
  tell(told: Told): void {
    if (this.others.length === 0) return;
    const notice = formatNotice({ ...told, from: this.id });
    if (notice === undefined) return;
    notifyReplicas(this.#db, notice).catch((error: unknown) => {
      if (error instanceof DatabaseUnavailableError) return; // found out by the next round
      this.#logger.warn({ err: toHeddleError(error) }, "other control planes were not told");
    });
  }

  /** Whether another one hears what is told: its connection lived a second ago. That of a killed one ends at once. */
  hears(replicaId: string): boolean {
    return this.#hearing.has(replicaId);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.singletons.close();
    await this.#link.close();
    await this.#round;
    await removeReplica(this.#db, this.id).catch((error: unknown) => {
      this.#logger.debug(
        { err: toHeddleError(error) },
        "the others find out that this one is gone",
      );
    });
  }

  /** The answer was made half-way between question and arrival, as far as anybody can tell. */
  #noteClock(askedAtMs: number, databaseNowMs: number): void {
    this.#databaseAheadMs = Math.round(databaseNowMs - (askedAtMs + Date.now()) / 2);
  }

  #lookAround(): void {
    if (this.#isClosed) return;
    this.#round ??= this.#beat()
      .catch((error: unknown) => {
        if (error instanceof DatabaseUnavailableError) return; // said elsewhere
        this.#logger.error({ err: toHeddleError(error) }, "other control planes not looked for");
      })
      .finally(() => {
        this.#round = undefined;
      });
  }

  async #beat(): Promise<void> {
    const askedAtMs = Date.now();
    const round = await beat(this.#db, {
      ...this.#about(),
      id: this.id,
      name: hostname(),
      version: packageJson.version,
      startedAtMs: this.#startedAtMs,
      duties: this.singletons.held,
    });
    this.#noteClock(askedAtMs, round.databaseNowMs);
    this.#known = round.replicas;
    const others = this.others.map(({ id }) => id);
    this.#hearing = new Set(others.length === 0 ? [] : await this.#link.findPresent(others));
    if (!this.#isClosed) this.#handlers?.onRound(round);
  }
}
