import type { RegistrySource } from "@heddle/contracts";
import { API_SOURCE } from "./api-instances.ts";
import type { Registry } from "./registry.ts";

/** Where instances come from beside proxies, and how each source fares. */
export class RegistrySources {
  readonly #registry: Registry;
  readonly #startedAtMs = Date.now();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Instances that were registered by the API. */
  countApi(): number {
    return [...this.#registry.instances()].filter(({ source }) => source === API_SOURCE).length;
  }

  /** The API is shown once somebody is registered by it. */
  list(): RegistrySource[] {
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
