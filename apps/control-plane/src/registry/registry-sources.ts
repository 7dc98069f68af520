import type { RegistrySource } from "@heddle/contracts";
import { API_SOURCE } from "./api-instances.ts";
import type { Registry } from "./registry.ts";

/** One place instances or documents come from. */
export interface SourceKeeper {
  describe(nowMs: number): RegistrySource[];
}

/** Where instances come from beside proxies, and how each source fares. */
export class RegistrySources {
  readonly #registry: Registry;
  readonly #keepers: readonly SourceKeeper[];
  readonly #startedAtMs = Date.now();

  constructor(registry: Registry, keepers: readonly SourceKeeper[]) {
    this.#registry = registry;
    this.#keepers = keepers;
  }

  list(nowMs: number): RegistrySource[] {
    return [...this.#describeApi(), ...this.#keepers.flatMap((keeper) => keeper.describe(nowMs))];
  }

  /** Instances that were registered by the API. */
  countApi(): number {
    return [...this.#registry.instances()].filter(({ source }) => source === API_SOURCE).length;
  }

  /** Shown once somebody is registered by it. */
  #describeApi(): RegistrySource[] {
    const own = [...this.#registry.instances()].filter(({ source }) => source === API_SOURCE);
    if (own.length === 0) return [];
    const holds = new Set(own.flatMap(({ hold }) => hold?.id ?? []));
    return [
      {
        name: API_SOURCE,
        kind: "api",
        state: "ok",
        sinceMs: this.#startedAtMs,
        count: own.length,
        faults: [],
        holds: [...holds],
      },
    ];
  }
}
