import type { RegistrySource } from "@heddle/contracts";
import { formatRef } from "@heddle/resources";
import type { Replicas } from "../replicas/replicas.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import type { SourceContent, SourceFault } from "../sources/source-content.ts";
import type { KnownSource, SourceKeeper } from "../sources/source-keeper.ts";
import { sourceTaskName } from "../sources/source-task-name.ts";
import { API_SOURCE } from "./api-instances.ts";
import type { Registry } from "./registry.ts";

/** Where instances and documents come from beside proxies and people, and how each source fares. */
export class RegistrySources {
  readonly #parts: {
    readonly registry: Registry;
    readonly keeper: SourceKeeper;
    readonly replicas: Pick<Replicas, "id" | "known" | "singletons">;
    readonly snapshot: () => ConfigSnapshot;
  };
  readonly #startedAtMs = Date.now();

  constructor(parts: {
    readonly registry: Registry;
    readonly keeper: SourceKeeper;
    readonly replicas: Pick<Replicas, "id" | "known" | "singletons">;
    readonly snapshot: () => ConfigSnapshot;
  }) {
    this.#parts = parts;
  }

  /** Instances that were registered by the API. */
  countApi(): number {
    return [...this.#parts.registry.instances()].filter(({ source }) => source === API_SOURCE)
      .length;
  }

  /** The API is shown once somebody is registered by it. */
  list(): RegistrySource[] {
    return [...this.#api(), ...this.#parts.keeper.list().map((one) => this.#describe(one))];
  }

  /** The control plane that reads a source now; `undefined`: none does. */
  readerOf(source: Pick<KnownSource, "name" | "kind">): string | undefined {
    const { replicas } = this.#parts;
    const task = sourceTaskName(source);
    if (replicas.singletons.holds(task)) return replicas.id;
    return replicas.known.find(({ isAlive, duties }) => isAlive && duties.includes(task))?.id;
  }

  #api(): RegistrySource[] {
    const own = [...this.#parts.registry.instances()].filter(({ source }) => source === API_SOURCE);
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

  #describe(source: KnownSource): RegistrySource {
    const { name, kind, content } = source;
    const { sinceMs, lastReadAtMs, lastChangeAtMs, documents, holds, lookups } = content;
    const readBy = this.readerOf(source);
    const unread: SourceFault[] = readBy === undefined ? [{ message: UNREAD[kind] }] : [];
    const faults = [...unread, ...content.faults, ...this.#shadowed(name, content)];
    return {
      name,
      kind,
      state: content.state === "failing" || unread.length > 0 ? "failing" : "ok",
      sinceMs,
      ...(lastReadAtMs === undefined ? {} : { lastReadAtMs }),
      ...(lastChangeAtMs === undefined ? {} : { lastChangeAtMs }),
      count: kind === "dns" ? countAnswers(content) : documents.length,
      faults,
      holds: holds.map(({ id }) => id),
      ...(readBy === undefined ? {} : { readBy }),
      ...(lookups === undefined
        ? {}
        : {
            lookups: lookups.map(({ endpoints, ...lookup }) => ({
              ...lookup,
              count: endpoints.length,
            })),
          }),
    };
  }

  /** Documents of the source in whose place another of that name holds. */
  #shadowed(name: string, { documents }: SourceContent): SourceFault[] {
    const snapshot = this.#parts.snapshot();
    return documents.flatMap((one): SourceFault[] => {
      const ref = formatRef(one);
      const applied = snapshot.documents.get(ref);
      const other = snapshot.sourced.get(ref)?.origin?.source;
      if (!applied && (other === undefined || other === name)) return [];
      const where = applied ? `was applied (revision ${applied.revision})` : `stands in ${other}`;
      const { file, line } = one;
      return [
        {
          ...(file === undefined ? {} : { file }),
          ...(line === undefined ? {} : { line }),
          message: `${ref} ${where} too, and that one holds: take one of them away, or give it another name`,
        },
      ];
    });
  }
}

const UNREAD = {
  directory:
    "no control plane reads it now: none has HEDDLE_REGISTRY_DIR set to it. What it named last stays until it is read again, or `heddle sources forget` takes it out.",
  dns: "no control plane asks for it now; what was answered last stays",
} as const;

function countAnswers({ lookups = [] }: SourceContent): number {
  return lookups.reduce((sum, { endpoints }) => sum + endpoints.length, 0);
}
