import { type Logger, toHeddleError } from "@heddle/runtime";
import {
  type ConfigDb,
  DatabaseUnavailableError,
  loadServiceUses,
  type ReplicaRound,
  saveServiceUse,
} from "@heddle/store";
import type { StreamHub } from "../stream/hub.ts";

/** Proxies of a control plane that has died say within this time at another one what they use. */
const REMEMBERED_MS = 60_000;

type Known = { readonly version: number; readonly services: ReadonlySet<string> };

/**
 * Which services proxies send requests to, whichever control plane they are connected to: what is held when
 * leases end, and refused when documents would take endpoints, must not depend on who has the stream.
 */
export class ServiceUses {
  readonly #db: ConfigDb;
  readonly #hub: Pick<StreamHub, "isUsed" | "usedServices">;
  readonly #replicaId: string;
  readonly #logger: Logger;
  readonly #foreign = new Map<string, Known>();
  #told: { readonly text: string; readonly version: number } | undefined;
  #sharing: Promise<void> | undefined;

  constructor(parts: {
    readonly db: ConfigDb;
    readonly hub: Pick<StreamHub, "isUsed" | "usedServices">;
    readonly replicaId: string;
    readonly logger: Logger;
  }) {
    this.#db = parts.db;
    this.#hub = parts.hub;
    this.#replicaId = parts.replicaId;
    this.#logger = parts.logger;
  }

  /** Whether a proxy of any control plane sends requests to this service, `namespace/name`. */
  has(serviceKey: string): boolean {
    if (this.#hub.isUsed(serviceKey)) return true;
    return [...this.#foreign.values()].some(({ services }) => services.has(serviceKey));
  }

  /** All that `has`. */
  all(): Set<string> {
    const foreign = [...this.#foreign.values()].flatMap(({ services }) => [...services]);
    return new Set([...this.#hub.usedServices(), ...foreign]);
  }

  /** Each second: tells what is used here if it has changed, and reads what has elsewhere. */
  look(round: ReplicaRound): void {
    this.#sharing ??= this.#share(round)
      .catch((error: unknown) => {
        this.#told = undefined;
        if (error instanceof DatabaseUnavailableError) return; // said elsewhere
        this.#logger.error({ err: toHeddleError(error) }, "services in use not shared");
      })
      .finally(() => {
        this.#sharing = undefined;
      });
  }

  async close(): Promise<void> {
    await this.#sharing;
  }

  async #share({ replicas, databaseNowMs }: ReplicaRound): Promise<void> {
    const others = replicas.filter(
      ({ id, seenAtMs }) => id !== this.#replicaId && databaseNowMs - seenAtMs < REMEMBERED_MS,
    );
    const ids = new Set(others.map(({ id }) => id));
    for (const id of this.#foreign.keys()) if (!ids.has(id)) this.#foreign.delete(id);
    if (others.length > 0) await this.#tell();
    const news = others.filter(
      ({ id, usesVersion }) => (this.#foreign.get(id)?.version ?? 0) !== usesVersion,
    );
    if (news.length === 0) return;
    const uses = await loadServiceUses(this.#db, [...news.map(({ id }) => id)]);
    for (const { id, usesVersion } of news) {
      this.#foreign.set(id, { version: usesVersion, services: new Set(uses.get(id)) });
    }
  }

  async #tell(): Promise<void> {
    const services = this.#hub.usedServices().toSorted();
    const text = services.join("\n");
    if (this.#told?.text === text) return;
    const version = (this.#told?.version ?? Date.now() % 1_000_000_000) + 1; // unlike any told before
    await saveServiceUse(this.#db, this.#replicaId, { services, version });
    this.#told = { text, version };
  }
}
