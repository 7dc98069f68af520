import type { LeveledPolicy, SubsetRule, TrafficPolicy } from "@heddle/mesh";
import type { MeshConfigDocument } from "@heddle/resources";

/** The parts of a traffic policy that hold or fall to the level above as a whole. */
export const POLICY_BLOCKS = [
  "loadBalancer",
  "connectionPool",
  "outlierDetection",
  "tls",
  "retryBudget",
] as const satisfies (keyof TrafficPolicy)[];
export type PolicyBlock = (typeof POLICY_BLOCKS)[number];

/** Where a block stands: `subset` and `port` undefined: above all of them. */
export type BlockPlace = {
  readonly subset: string | undefined;
  readonly port: string | undefined;
  readonly block: PolicyBlock;
};

/** A service's policies with the document each block came from. */
export class PolicyTable<Origin> {
  readonly #blocks = new Map<string, { place: BlockPlace; value: unknown; origin: Origin }>();
  /** Levels that exist though they may say nothing: an empty port entry hides what is above it. */
  readonly #ports = new Map<string, Set<string>>();
  readonly #subsets = new Map<
    string,
    { labels: Readonly<Record<string, string>>; origin: Origin }
  >();

  /** Takes a rule's policy over, blocks and ports as they are. */
  addPolicy(subset: string | undefined, policy: LeveledPolicy | undefined, origin: Origin): void {
    if (!policy) return;
    this.#addBlocks({ subset, port: undefined }, policy, origin);
    for (const [port, one] of Object.entries(policy.ports ?? {})) {
      this.#portsOf(subset).add(port);
      this.#addBlocks({ subset, port }, one, origin);
    }
  }

  /** Takes a subset over unless an older rule has defined one of its name. */
  addSubset({ name, labels, trafficPolicy }: SubsetRule, origin: Origin): void {
    if (this.#subsets.has(name)) return;
    this.#subsets.set(name, { labels, origin });
    this.addPolicy(name, trafficPolicy, origin);
  }

  /**
   * Lets a block hold in place of every rule's, for one subset or for all: at the level itself and in
   * each of its port entries. Blocks of subsets go when it is for all.
   */
  override(subset: string | undefined, block: PolicyBlock, value: unknown, origin: Origin): void {
    if (subset !== undefined && !this.#subsets.has(subset)) return;
    this.#set({ subset, port: undefined, block }, value, origin);
    for (const port of this.#portsOf(subset)) this.#set({ subset, port, block }, value, origin);
    if (subset !== undefined) return;
    for (const name of this.#subsets.keys()) {
      this.#blocks.delete(keyOf({ subset: name, port: undefined, block }));
      for (const port of this.#portsOf(name))
        this.#set({ subset: name, port, block }, value, origin);
    }
  }

  /** Fills what no rule has said with the mesh's defaults; a subset's blocks fall to the level above. */
  fillDefaults({ defaultTrafficPolicy, locality }: MeshConfigDocument, origin: Origin): void {
    const places = [
      { subset: undefined, port: undefined },
      ...[undefined, ...this.#subsets.keys()].flatMap((subset) =>
        [...this.#portsOf(subset)].map((port) => ({ subset, port })),
      ),
    ];
    for (const place of places) {
      for (const block of ["connectionPool", "outlierDetection"] as const) {
        const value = defaultTrafficPolicy?.[block];
        if (value !== undefined) this.#fill({ ...place, block }, value, origin);
      }
    }
    if (locality !== undefined) this.#fillLocality(places, locality, origin);
  }

  /** A service's own names for its server's certificate, where a rule does not say which to find. */
  fillSubjectAltNames(names: readonly string[]): void {
    if (names.length === 0) return;
    for (const { place, value, origin } of this.#blocks.values()) {
      if (place.block !== "tls") continue;
      const tls = value as NonNullable<TrafficPolicy["tls"]>;
      if (tls.mode === "SIMPLE" || tls.mode === "MUTUAL") {
        this.#set(place, { subjectAltNames: names, ...tls }, origin);
      }
    }
  }

  get policy(): LeveledPolicy | undefined {
    return this.#leveled(undefined);
  }

  get subsets(): { readonly rule: SubsetRule; readonly origin: Origin }[] {
    return [...this.#subsets].map(([name, { labels, origin }]) => {
      const trafficPolicy = this.#leveled(name);
      const rule = { name, labels: { ...labels }, ...(trafficPolicy ? { trafficPolicy } : {}) };
      return { rule, origin };
    });
  }

  /** Every block that holds somewhere, and who has said it. */
  get blocks(): { readonly place: BlockPlace; readonly value: unknown; readonly origin: Origin }[] {
    return [...this.#blocks.values()];
  }

  #leveled(subset: string | undefined): LeveledPolicy | undefined {
    const ports = [...this.#portsOf(subset)].map((port) => [port, this.#level({ subset, port })]);
    const level = this.#level({ subset, port: undefined });
    if (ports.length === 0) return Object.keys(level).length === 0 ? undefined : level;
    return { ...level, ports: Object.fromEntries(ports) };
  }

  #level(level: Omit<BlockPlace, "block">): TrafficPolicy {
    const blocks = POLICY_BLOCKS.flatMap((block): [string, unknown][] => {
      const found = this.#blocks.get(keyOf({ ...level, block }));
      return found ? [[block, found.value]] : [];
    });
    return Object.fromEntries(blocks);
  }

  #addBlocks(level: Omit<BlockPlace, "block">, policy: TrafficPolicy, origin: Origin): void {
    for (const block of POLICY_BLOCKS) {
      const value = policy[block];
      if (value !== undefined) this.#set({ ...level, block }, value, origin);
    }
  }

  #fillLocality(
    places: readonly Omit<BlockPlace, "block">[],
    locality: NonNullable<MeshConfigDocument["locality"]>,
    origin: Origin,
  ): void {
    const balancers = [...this.#blocks.values()].filter(
      ({ place }) => place.block === "loadBalancer",
    );
    for (const { place, value, origin: itsOwn } of balancers) {
      const { locality: own = locality } = value as NonNullable<TrafficPolicy["loadBalancer"]>;
      this.#set(place, { ...(value as object), locality: own }, itsOwn);
    }
    const value = { algorithm: { kind: "least-request" }, locality };
    for (const place of places) this.#fill({ ...place, block: "loadBalancer" }, value, origin);
  }

  #fill(place: BlockPlace, value: unknown, origin: Origin): void {
    if (!this.#blocks.has(keyOf(place))) this.#set(place, value, origin);
  }

  #set(place: BlockPlace, value: unknown, origin: Origin): void {
    this.#blocks.set(keyOf(place), { place, value, origin });
  }

  #portsOf(subset: string | undefined): Set<string> {
    const key = subset ?? "";
    const ports = this.#ports.get(key) ?? new Set();
    this.#ports.set(key, ports);
    return ports;
  }
}

function keyOf({ subset = "", port = "", block }: BlockPlace): string {
  return `${subset}|${port}|${block}`;
}
