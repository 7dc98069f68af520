import type { NamesResource } from "@heddle/contracts";
import type { ConfigSnapshot } from "./config-snapshot.ts";
import { contentVersion } from "./content-version.ts";

/** Touched when the mesh has other names than before: every proxy that is told of them depends on it. */
export const NAMES_INTEREST = "names";

/**
 * The names the mesh may mean, as proxies are told: services by namespace, and all other hosts. It changes when
 * documents do, and when `update` is called after services were registered: not with every one of a burst.
 */
export class MeshNames {
  #resources: readonly NamesResource[] = [];
  #services = new Set<string>();

  get resources(): readonly NamesResource[] {
    return this.#resources;
  }

  /** Whether proxies have been told of a service, `namespace/name`. */
  has(serviceKey: string): boolean {
    return this.#services.has(serviceKey);
  }

  /** Collects them anew; returns whether anything is another. */
  update(snapshot: ConfigSnapshot, registered: Iterable<string>): boolean {
    const services = new Set([
      ...registered,
      ...snapshot.namedKeys,
      ...snapshot.hosts.aliases.keys(),
    ]);
    const byNamespace = Map.groupBy([...services].sort(), (key) => key.slice(0, key.indexOf("/")));
    const known = new Map(this.#resources.map((one) => [one.key, one]));
    const lists = [...byNamespace].map(([namespace, keys]) => {
      return {
        namespace,
        names: keys.map((key) => key.slice(namespace.length + 1)).filter(isLabel),
      };
    });
    lists.push({ namespace: "", names: snapshot.hosts.names });
    const resources = lists
      .filter(({ namespace, names }) => names.length > 0 || namespace === "")
      .map(({ namespace, names }) => keep(known, namespace, names));
    const isSame =
      resources.length === this.#resources.length &&
      resources.every((one, index) => one === this.#resources[index]);
    this.#services = services;
    this.#resources = resources;
    return !isSame;
  }
}

/** A list that says the same stays the same object. */
function keep(
  known: ReadonlyMap<string, NamesResource>,
  namespace: string,
  names: string[],
): NamesResource {
  const content = { kind: "names" as const, key: `names/${namespace}`, namespace, names };
  const before = known.get(content.key);
  if (before?.names.join() === names.join()) return before;
  return { ...content, version: contentVersion(content) };
}

/** A service of a ServiceEntry is called by its host, which is among the hosts. */
function isLabel(name: string): boolean {
  return !name.includes(".");
}
