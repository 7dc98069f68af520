import { type Logger, toHeddleError } from "@heddle/runtime";
import {
  type ConfigDb,
  DatabaseUnavailableError,
  loadRegistry,
  loadRegistryOf,
  type ReplicaRound,
} from "@heddle/store";
import type { Registry } from "../registry/registry.ts";
import type { KnownProxy } from "../registry/registry-table.ts";
import type { Replicas } from "./replicas.ts";

/** What is told within so long is read together. */
const FOLD_MS = 10;
/** Everything is compared so often, in case something was not heard. */
const COMPARE_EVERY_MS = 15_000;
/** A control plane that comes alive may have written before it was told of us: compared so many rounds more. */
const ROUNDS_AFTER_CHANGE = 3;
/** Proxies need this long to turn to another control plane when theirs has died. */
const GRACE_MS = 30_000;

type Ids = { readonly proxyIds: Set<string>; readonly instanceIds: Set<string> };

/**
 * Keeps what other control planes have registered: hears of each change, reads it, and lets the proxies that
 * are connected here know.
 */
export class ForeignRegistry {
  readonly #db: ConfigDb;
  readonly #registry: Registry;
  readonly #replicas: Pick<Replicas, "id" | "others">;
  readonly #logger: Logger;
  readonly #onTouched: (services: ReadonlySet<string>) => void;
  readonly #onLost: (proxyId: string) => void;
  readonly #onReport: (proxyId: string, report: unknown) => void;
  #heard: Ids = { proxyIds: new Set(), instanceIds: new Set() };
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();
  #aliveText = "";
  #roundsLeft = 0;
  #comparedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(parts: {
    readonly db: ConfigDb;
    readonly registry: Registry;
    readonly replicas: Pick<Replicas, "id" | "others">;
    readonly logger: Logger;
    /** Endpoints of these services may be others now (none: something else has changed). */
    readonly onTouched: (services: ReadonlySet<string>) => void;
    /** The proxy has its stream elsewhere now, or was put out: one that is open here is to end. */
    readonly onLost: (proxyId: string) => void;
    /** What its control plane tells of it; of own ones, too. */
    readonly onReport: (proxyId: string, report: unknown) => void;
  }) {
    this.#db = parts.db;
    this.#registry = parts.registry;
    this.#replicas = parts.replicas;
    this.#logger = parts.logger;
    this.#onTouched = parts.onTouched;
    this.#onLost = parts.onLost;
    this.#onReport = parts.onReport;
  }

  /** Another control plane has written these. */
  hear({ proxyIds, instanceIds }: { proxyIds: readonly string[]; instanceIds: readonly string[] }) {
    for (const id of proxyIds) this.#heard.proxyIds.add(id);
    for (const id of instanceIds) this.#heard.instanceIds.add(id);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#next(() => this.#readHeard());
    }, FOLD_MS);
  }

  /** Each second: control planes come and go, and what was not heard is found. */
  look(round: ReplicaRound): void {
    const alive = this.#alive();
    if (this.#registry.noteAlive(alive, Date.now(), GRACE_MS)) this.#onTouched(new Set());
    const aliveText = round.replicas
      .filter(({ isAlive }) => isAlive)
      .map(({ id }) => id)
      .join();
    if (aliveText !== this.#aliveText) this.#roundsLeft = ROUNDS_AFTER_CHANGE;
    this.#aliveText = aliveText;
    const isDue = performance.now() - this.#comparedAt >= COMPARE_EVERY_MS;
    if (alive.size === 1 || (!isDue && this.#roundsLeft === 0)) return;
    this.#roundsLeft = Math.max(0, this.#roundsLeft - 1);
    this.#comparedAt = performance.now();
    this.#next(async () => this.#take(await loadRegistry(this.#db), undefined));
  }

  /** A proxy that this control plane does not know may have joined at another one a moment ago. */
  async find(proxyId: string): Promise<KnownProxy | undefined> {
    const known = this.#registry.findProxy(proxyId);
    if (known) return known; // no stream waits for the database
    await this.refresh(proxyId);
    return this.#registry.findProxy(proxyId);
  }

  /** Reads what the database says of it now. Throws `DatabaseUnavailableError`. */
  async refresh(proxyId: string): Promise<void> {
    await this.read({ proxyIds: [proxyId], instanceIds: [] });
  }

  /** Reads what the database says now of these proxies and instances. Throws `DatabaseUnavailableError`. */
  async read(asked: { proxyIds: readonly string[]; instanceIds: readonly string[] }) {
    this.#take(await loadRegistryOf(this.#db, asked), asked);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#reading;
  }

  #alive(): Set<string> {
    return new Set([this.#replicas.id, ...this.#replicas.others.map(({ id }) => id)]);
  }

  async #readHeard(): Promise<void> {
    const heard = this.#heard;
    this.#heard = { proxyIds: new Set(), instanceIds: new Set() };
    await this.read({
      proxyIds: [...heard.proxyIds],
      instanceIds: [...heard.instanceIds],
    });
  }

  #take(...[stored, asked]: [Stored, Asked]): void {
    if (this.#isClosed) return;
    const { touched, lost } = this.#registry.takeForeign(stored, asked, this.#alive(), Date.now());
    for (const proxyId of lost) this.#onLost(proxyId);
    for (const { id, report } of stored.proxies) this.#onReport(id, report);
    if (asked !== undefined || touched.size + lost.length > 0) this.#onTouched(touched);
  }

  #next(read: () => Promise<void>): void {
    this.#reading = this.#reading.then(read).catch((error: unknown) => {
      this.#comparedAt = Number.NEGATIVE_INFINITY; // compared again in the next round
      if (error instanceof DatabaseUnavailableError) return; // said elsewhere
      this.#logger.error({ err: toHeddleError(error) }, "foreign part of the registry not read");
    });
  }
}

type Stored = Parameters<Registry["takeForeign"]>[0];
type Asked = Parameters<Registry["takeForeign"]>[1];
