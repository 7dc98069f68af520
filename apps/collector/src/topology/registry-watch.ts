import { parseResources } from "@heddle/resources";
import type { Logger } from "@heddle/runtime";
import { loadRegistryView, type RegisteredWorkload, type TelemetryDb } from "@heddle/store";

/** Who is registered, and names for addresses. While the database is away the last answer holds. */
export type Registry = {
  readonly workloads: readonly RegisteredWorkload[];
  /** WorkloadEntry names by `spec.address`. */
  readonly namesByAddress: ReadonlyMap<string, string>;
};

const EMPTY: Registry = { workloads: [], namesByAddress: new Map() };

/** Asks the database every `intervalMs`. */
export class RegistryWatch {
  readonly #db: TelemetryDb;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  #registry: Registry = EMPTY;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;
  #isAway = false;

  constructor(db: TelemetryDb, logger: Logger, intervalMs: number) {
    this.#db = db;
    this.#logger = logger;
    this.#intervalMs = intervalMs;
  }

  get current(): Registry {
    return this.#registry;
  }

  async start(): Promise<void> {
    this.#running = this.#refresh();
    await this.#running;
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#refresh().finally(() => this.#schedule());
    }, this.#intervalMs);
  }

  async #refresh(): Promise<void> {
    try {
      const { workloads, workloadEntries } = await loadRegistryView(this.#db);
      this.#registry = { workloads, namesByAddress: namesByAddress(workloadEntries) };
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway) this.#logger.warn({ err: error }, "cannot read the registry");
      this.#isAway = true;
    }
  }
}

function namesByAddress(documents: readonly { readonly yaml: string }[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const { yaml } of documents) {
    const outcome = parseResources(yaml); // the control plane has checked it; another version may have
    if (!outcome.ok) continue;
    for (const { resource } of outcome.resources) {
      if (resource.kind === "WorkloadEntry") names.set(resource.address, resource.name);
    }
  }
  return names;
}
