import type { CallerName } from "@heddle/contracts";
import type { StoredInstance } from "@heddle/store";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";

const MAX_NAMED = 2;

/** Who may stand behind an address: instances that registered it, WorkloadEntries that name it. */
export class CallerNames {
  readonly #byAddress: ReadonlyMap<string, readonly CallerName[]>;

  constructor(snapshot: ConfigSnapshot, instances: Iterable<StoredInstance>) {
    const byAddress = new Map<string, Map<string, CallerName>>();
    const add = (address: string, name: CallerName) => {
      const known = byAddress.get(address) ?? new Map<string, CallerName>();
      known.set(`${name.kind} ${name.namespace}/${name.name}`, name);
      byAddress.set(address, known);
    };
    for (const { resource } of snapshot.workloadEntries) {
      const { namespace, name, address } = resource;
      add(address, { kind: "WorkloadEntry", namespace, name });
    }
    for (const { namespace, workload, address } of instances) {
      add(address, { kind: "workload", namespace, name: workload });
    }
    this.#byAddress = new Map(
      [...byAddress].map(([address, names]) => [
        address,
        [...names.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      ]),
    );
  }

  of(address: string): readonly CallerName[] {
    return this.#byAddress.get(address) ?? [];
  }

  /** "legacy-billing", "one of cart-v1, reviews-v1 and 3 more", "not known". */
  label(address: string): string {
    const names = this.of(address).map(({ name }) => name);
    const [only] = names;
    if (only === undefined) return address === "other" ? "further addresses" : "not known";
    if (names.length === 1) return only;
    const shown = names.slice(0, names.length > MAX_NAMED + 1 ? MAX_NAMED : MAX_NAMED + 1);
    const rest = names.length - shown.length;
    if (rest > 0) return `one of ${shown.join(", ")} and ${rest} more`;
    return `one of ${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
  }
}
