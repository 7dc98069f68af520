import type { ServiceResource } from "@heddle/contracts";
import { formatId, type PeerAuthentication, ROOT_NAMESPACE, type ServiceId } from "@heddle/mesh";
import { ANYBODY } from "./caller-class.ts";
import { type CompiledService, compileService, documentsOf } from "./compile-service.ts";
import { type DeclaredService, declareHosts, declareServices } from "./declared-service.ts";
import { type DeclaredHost, HostIndex } from "./host-index.ts";
import { byAge, type DocumentOf, isOf, type MeshDocument } from "./mesh-document.ts";
import { RuleIndex, type ServiceSources } from "./rule-index.ts";
import { findAliases } from "./service-alias.ts";
import { hostOf } from "./service-host.ts";
import type { RuleContext } from "./service-rules.ts";
import { SidecarScopes } from "./sidecar-scope.ts";
import { WorkloadPolicies } from "./workload-policies.ts";

export type { MeshDocument } from "./mesh-document.ts";

/**
 * All documents at one revision and what they compile to. Never changed, only replaced; services are
 * compiled when they are first asked for, and taken over while their documents stay the same.
 */
export class ConfigSnapshot {
  readonly revision: number;
  /** Those that were applied, by `formatRef`. */
  readonly documents: ReadonlyMap<string, MeshDocument>;
  /** Those that sources of the registry name, by the same; an applied one of that name goes before. */
  readonly sourced: ReadonlyMap<string, MeshDocument>;
  /** All that hold, the oldest first. */
  readonly all: readonly MeshDocument[];
  /** Services that ServiceEntries and Services declare, by `namespace/name`. */
  readonly declared: ReadonlyMap<string, DeclaredService>;
  readonly workloadEntries: readonly DocumentOf<"WorkloadEntry">[];
  /** What people have set for single instances, the oldest first. */
  readonly overrides: readonly DocumentOf<"InstanceOverride">[];
  readonly hosts: HostIndex;
  readonly workloads: WorkloadPolicies;
  readonly sidecars: SidecarScopes;
  /** Services that documents make or name without wildcard, whoever serves them; `namespace/name`. */
  readonly namedKeys: ReadonlySet<string>;
  /** The documents that say who serves what. */
  readonly endpointDocuments: readonly MeshDocument[];
  readonly #rules: RuleIndex;
  readonly #context: RuleContext;
  readonly #compiled = new Map<string, CompiledService>();
  /** What earlier snapshots have compiled and nobody has asked this one for yet. */
  readonly #previous: ReadonlyMap<string, CompiledService>;

  constructor(
    revision: number,
    documents: ReadonlyMap<string, MeshDocument>,
    previous?: ConfigSnapshot,
    sourced: ReadonlyMap<string, MeshDocument> = previous?.sourced ?? new Map(),
  ) {
    const holding = [...sourced].filter(([key, { origin }]) => {
      const { dependsOn } = origin ?? {};
      return !documents.has(key) && (dependsOn === undefined || documents.has(dependsOn));
    });
    const all = [...documents.values(), ...holding.map(([, document]) => document)].sort(byAge);
    this.revision = revision;
    this.documents = documents;
    this.sourced = sourced;
    this.all = all;
    this.declared = declareServices(all);
    this.workloadEntries = all.filter((one) => isOf(one, "WorkloadEntry"));
    this.overrides = all.filter((one) => isOf(one, "InstanceOverride"));
    const meshConfig = all.find((one) => isOf(one, "MeshConfig"));
    const rootNamespace = meshConfig?.resource.rootNamespace ?? ROOT_NAMESPACE;
    this.hosts = indexHosts(all, previous?.hosts);
    this.workloads = new WorkloadPolicies(all, meshConfig, rootNamespace);
    this.sidecars = new SidecarScopes(all, rootNamespace);
    this.#rules = new RuleIndex(all, this.hosts, rootNamespace);
    this.#context = {
      rules: this.#rules,
      hosts: this.hosts,
      meshConfig,
      bypasses: all.filter((one) => isOf(one, "Bypass")),
      findDocument: (ref) => documents.get(ref) ?? sourced.get(ref),
    };
    const entryKeys = this.workloadEntries.flatMap(({ resource: { namespace, labels, port } }) => {
      const name = labels["app"];
      return name === undefined || port === undefined ? [] : [formatId({ namespace, name })];
    });
    this.namedKeys = new Set([...this.declared.keys(), ...this.#rules.keys(), ...entryKeys]);
    this.endpointDocuments = all.filter(
      (one) =>
        isOf(one, "ServiceEntry") ||
        isOf(one, "Service") ||
        isOf(one, "WorkloadEntry") ||
        isOf(one, "InstanceOverride"),
    );
    const isSameWorld =
      previous?.hosts === this.hosts && previous.workloads.rootNamespace === rootNamespace;
    this.#previous = isSameWorld ? previous.#known(this.namedKeys) : new Map();
  }

  /** PeerAuthentications, as the mesh resolves them. */
  get policies(): readonly PeerAuthentication[] {
    return this.workloads.mtls;
  }

  get rootNamespace(): string {
    return this.workloads.rootNamespace;
  }

  get meshConfig(): DocumentOf<"MeshConfig"> | undefined {
    return this.#context.meshConfig;
  }

  get context(): RuleContext {
    return this.#context;
  }

  /** Services that a VirtualService names without wildcard, `namespace/name`. */
  get routedKeys(): Iterable<string> {
    return this.#rules.routedKeys;
  }

  /** The services that have been asked for, `namespace/name`. */
  get compiledKeys(): string[] {
    return [...this.#compiled.keys()];
  }

  /** Whether some document makes a service of that name, with or without anybody who serves it. */
  names(key: string): boolean {
    return this.namedKeys.has(key);
  }

  sourcesOf(service: ServiceId): ServiceSources {
    return this.#rules.sourcesOf(service);
  }

  service(service: ServiceId): CompiledService {
    const key = formatId(service);
    const known = this.#compiled.get(key);
    if (known) return known;
    const declared = this.declared.get(key);
    const sources = this.#rules.sourcesOf(service);
    const documents = documentsOf(service, sources, declared, this.#context);
    const before = this.#previous.get(key);
    const isSame =
      before?.documents.length === documents.length &&
      before.sources.usedSubsets.join() === sources.usedSubsets.join() &&
      before.documents.every((document, index) => document === documents[index]);
    const compiled = isSame
      ? before
      : compileService(service, sources, declared, documents, this.#context);
    this.#compiled.set(key, compiled);
    return compiled;
  }

  /** Everything compiled so far that may be of use again. */
  #known(names: ReadonlySet<string>): Map<string, CompiledService> {
    const waiting = [...this.#previous].filter(([key]) => names.has(key));
    return new Map([...waiting, ...this.#compiled]);
  }
}

/**
 * Compiles documents; what has not changed since `previous` is taken over from it. `sourced`: those of the
 * registry's sources; not given, they stay those of `previous`.
 */
export function compileSnapshot(
  revision: number,
  documents: ReadonlyMap<string, MeshDocument>,
  previous?: ConfigSnapshot,
  sourced?: ReadonlyMap<string, MeshDocument>,
): ConfigSnapshot {
  return new ConfigSnapshot(revision, documents, previous, sourced);
}

/** Routes, subsets and policies of a service, the default (all endpoints) if no document speaks of it. */
export function serviceResource(snapshot: ConfigSnapshot, service: ServiceId): ServiceResource {
  return snapshot.service(service).resource;
}

/** The VirtualService that routes a service for callers no document singles out, if there is one. */
export function findVirtualService(
  snapshot: ConfigSnapshot,
  service: ServiceId,
): DocumentOf<"VirtualService"> | undefined {
  return snapshot.context.rules.findVirtualService(snapshot.sourcesOf(service), ANYBODY);
}

/** Hosts that documents speak of; the index stays the same object while they do. */
function indexHosts(all: readonly MeshDocument[], previous: HostIndex | undefined): HostIndex {
  const declared = declareHosts(all);
  const entries = new HostIndex(declared);
  const routed = all.filter((one) => isOf(one, "VirtualService"));
  const virtual = routed.flatMap(({ resource }): DeclaredHost[] =>
    (resource.isForMesh ? resource.hosts : []).flatMap((ref) => {
      // a host that is no service of the mesh and no ServiceEntry's is one by being routed
      const isElsewhere =
        ref.service.namespace !== "" ||
        entries.find(ref.host, resource.namespace) !== undefined ||
        ref.host === "*";
      if (isElsewhere) return [];
      const service = { namespace: resource.namespace, name: ref.host };
      const host = hostOf(service);
      return [{ host, service, visibleTo: resource.visibleTo, addresses: [] }];
    }),
  );
  const aliases = findAliases(all);
  const named = routed.flatMap(({ resource }) => resource.hosts.map(({ service }) => service));
  const ownRules = new Set(named.map(formatId).filter((key) => aliases.has(key)));
  const index =
    virtual.length === 0 && aliases.size === 0
      ? entries
      : new HostIndex([...declared, ...virtual], aliases, ownRules);
  return previous?.signature === index.signature ? previous : index;
}
