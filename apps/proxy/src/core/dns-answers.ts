import { lookup } from "node:dns/promises";

/** Asks the system's resolver (hosts file and DNS): every address of a name, in its order. */
export type Lookup = (name: string) => Promise<readonly string[]>;

const REFRESH_MS = 5_000;
const MAX_RETRY_MS = 60_000;
/** Each question holds one of libuv's few threads; the others wait for their turn. */
const MAX_ASKING = 2;
const MAX_ADDRESSES = 256;

type Watched = {
  addresses: readonly string[] | undefined;
  failures: number;
  timer: NodeJS.Timeout | undefined;
};

/** What names mean, asked off the request path and again every few seconds. A failure changes nothing. */
export class DnsAnswers {
  readonly #lookup: Lookup;
  readonly #onChange: () => void;
  readonly #watched = new Map<string, Watched>();
  readonly #queue: string[] = [];
  #asking = 0;

  /** `onChange`: some name has other addresses now. */
  constructor(onChange: () => void, lookupName: Lookup = lookupAll) {
    this.#onChange = onChange;
    this.#lookup = lookupName;
  }

  /** `undefined`: nobody has answered yet. */
  addressesOf(name: string): readonly string[] | undefined {
    return this.#watched.get(name)?.addresses;
  }

  /** From now on exactly these names are kept up to date. */
  watch(names: ReadonlySet<string>): void {
    for (const [name, { timer }] of this.#watched) {
      if (names.has(name)) continue;
      clearTimeout(timer);
      this.#watched.delete(name);
    }
    for (const name of names) {
      if (this.#watched.has(name)) continue;
      this.#watched.set(name, { addresses: undefined, failures: 0, timer: undefined });
      this.#queue.push(name);
    }
    this.#askNext();
  }

  close(): void {
    this.watch(new Set());
  }

  #askNext(): void {
    while (this.#asking < MAX_ASKING) {
      const name = this.#queue.shift();
      if (name === undefined) return;
      const watched = this.#watched.get(name);
      if (watched === undefined) continue;
      this.#asking++;
      void this.#ask(name, watched).finally(() => {
        this.#asking--;
        this.#askNext();
      });
    }
  }

  async #ask(name: string, watched: Watched): Promise<void> {
    const addresses = await this.#lookup(name).catch(() => undefined);
    if (this.#watched.get(name) !== watched) return;
    const isAnswer = addresses !== undefined && addresses.length > 0;
    watched.failures = isAnswer ? 0 : watched.failures + 1;
    const delayMs = Math.min(MAX_RETRY_MS, REFRESH_MS * 2 ** Math.min(watched.failures, 8));
    watched.timer = setTimeout(() => {
      this.#queue.push(name);
      this.#askNext();
    }, delayMs);
    watched.timer.unref();
    if (isAnswer) this.#take(watched, addresses);
  }

  /** Resolvers turn their answers round; the order alone is no change for the balancer. */
  #take(watched: Watched, addresses: readonly string[]): void {
    const sorted = [...new Set(addresses)].slice(0, MAX_ADDRESSES).sort();
    if (watched.addresses?.join() === sorted.join()) return;
    watched.addresses = sorted;
    this.#onChange();
  }
}

async function lookupAll(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true, order: "ipv4first" })).map(({ address }) => address);
}
