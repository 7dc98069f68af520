import type { Logger } from "@heddle/runtime";
import type { BlockedAddresses } from "./blocked-addresses.ts";
import { fetchKeys } from "./fetch-keys.ts";
import { type KeySource, keyOfSource } from "./key-source.ts";

/** As istiod; each wait differs by up to a tenth, so that issuers are not asked for all keys at once. */
const REFRESH_MS = 1_200_000;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 300_000;
const JITTER_RATIO = 0.1;

/** What became of the last fetch. */
export type KeySetState = {
  readonly source: KeySource;
  /** The last good ones; `undefined`: none yet. */
  readonly keys: string | undefined;
  /** Why the last fetch failed; `undefined`: it did not. */
  readonly problem: string | undefined;
};

type Watched = {
  readonly source: KeySource;
  keys: string | undefined;
  problem: string | undefined;
  failures: number;
  timer: NodeJS.Timeout | undefined;
  /** The fetch under way. */
  pending: Promise<void> | undefined;
};

export type KeySetsOptions = {
  readonly blocked: BlockedAddresses;
  readonly logger: Logger;
  /** Other keys than before have come. */
  readonly onChange: () => void;
  readonly count: (outcome: "fetched" | "failed") => void;
  /** Keys of this source, by `keyOfSource`, have come. */
  readonly onFetched?: (key: string, keys: string) => void;
  readonly draw?: () => number;
  /** Between two fetches that succeed; default 20 min. */
  readonly refreshMs?: number;
};

/**
 * The key sets of issuers, fetched here and handed to proxies, which so never ask anybody: kept while
 * some document wants them, refreshed every 20 min, and kept as they were while that fails.
 */
export class KeySets {
  readonly #options: KeySetsOptions;
  readonly #watched = new Map<string, Watched>();
  #remembered: ReadonlyMap<string, string> = new Map();
  #isClosed = false;

  constructor(options: KeySetsOptions) {
    this.#options = options;
  }

  /** Keys an earlier process has fetched, by `keyOfSource`: they hold until others come. */
  remember(keys: ReadonlyMap<string, string>): void {
    this.#remembered = keys;
  }

  /** The last good keys. */
  readonly find = (source: KeySource): string | undefined =>
    this.#watched.get(keyOfSource(source))?.keys;

  get states(): readonly KeySetState[] {
    return [...this.#watched.values()];
  }

  /** Exactly these are wanted from now on; the others are forgotten. */
  want(sources: readonly KeySource[]): void {
    const wanted = new Map(sources.map((source) => [keyOfSource(source), source]));
    for (const [key, watched] of this.#watched) {
      if (wanted.has(key)) continue;
      clearTimeout(watched.timer);
      this.#watched.delete(key);
    }
    for (const source of wanted.values()) this.#add(source);
  }

  /**
   * Fetches what is new among these and waits for it, so that keys are there when the document that
   * wants them holds. Returns a warning for each that could not be had. `want` decides what is kept.
   */
  async prepare(sources: readonly KeySource[]): Promise<string[]> {
    const added = sources.map((source) => this.#add(source));
    const pending = added.flatMap((one) => (one.keys === undefined ? (one.pending ?? []) : []));
    await Promise.all(pending);
    const failed = added.filter(({ keys }) => keys === undefined);
    return [...new Set(failed)].map(
      ({ problem = "not fetched yet" }) =>
        `its keys could not be fetched, and its tokens are refused until they are: ${problem}`,
    );
  }

  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#watched.values()) clearTimeout(timer);
    this.#watched.clear();
  }

  #add(source: KeySource): Watched {
    const key = keyOfSource(source);
    const known = this.#watched.get(key);
    if (known !== undefined) return known;
    const made: Watched = {
      ...{ source, keys: this.#remembered.get(key), problem: undefined, failures: 0 },
      ...{ timer: undefined, pending: undefined },
    };
    this.#watched.set(key, made);
    this.#fetch(made);
    return made;
  }

  #fetch(watched: Watched): void {
    watched.pending = this.#refresh(watched).finally(() => {
      watched.pending = undefined;
    });
  }

  async #refresh(watched: Watched): Promise<void> {
    const { blocked, count, logger, onChange, onFetched } = this.#options;
    const { source } = watched;
    try {
      const keys = await fetchKeys(source, blocked);
      const isNew = keys !== watched.keys;
      watched.keys = keys;
      watched.problem = undefined;
      watched.failures = 0;
      count("fetched");
      onFetched?.(keyOfSource(source), keys);
      if (isNew && this.#isWatched(watched)) onChange();
    } catch (error) {
      watched.problem = (error as Error).message;
      watched.failures++;
      count("failed");
      const isKept = watched.keys !== undefined;
      logger.warn({ reason: watched.problem, isKept }, "an issuer's keys could not be fetched");
    }
    if (this.#isWatched(watched)) this.#plan(watched);
  }

  #isWatched(watched: Watched): boolean {
    return !this.#isClosed && this.#watched.get(keyOfSource(watched.source)) === watched;
  }

  #plan(watched: Watched): void {
    const { draw = Math.random, refreshMs = REFRESH_MS } = this.#options;
    const { failures } = watched;
    const retryMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
    const waitMs = failures === 0 ? refreshMs : retryMs;
    const timer = setTimeout(
      () => this.#fetch(watched),
      waitMs * (1 + JITTER_RATIO * (2 * draw() - 1)),
    );
    timer.unref();
    watched.timer = timer;
  }
}
