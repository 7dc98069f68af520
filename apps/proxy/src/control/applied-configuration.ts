import {
  type ProxyMessage,
  ProxyResource,
  type ResourceRefusal,
  Subscription,
  TRUST_KEY,
} from "@heddle/contracts/control-stream";
import { formatId, type ServiceId } from "@heddle/mesh";
import { z } from "zod";
import type { HostResolver } from "../core/host-resolver.ts";
import type { LiveMesh } from "../core/live-mesh.ts";
import type { MeshNames } from "../core/mesh-names.ts";
import type { MeshTrust } from "../identity/mesh-trust.ts";
import type { Push } from "./read-message.ts";
import type { RunningWorkload } from "./running-workload.ts";

type LastSends = Extract<ProxyMessage, { type: "ack" }>["lastSends"];

/** What lies on disk of the configuration. What another version wrote and this one cannot read is left out. */
export const SavedConfiguration = z.object({
  revision: z.number().int(),
  outboundTrafficPolicy: z.enum(["ALLOW_ANY", "REGISTRY_ONLY"]),
  resources: z.array(z.unknown()).transform((saved) => saved.flatMap(readResource)),
  subscriptions: z.array(Subscription),
  resolutions: z.array(
    z.object({
      namespace: z.string(),
      host: z.string(),
      service: z.object({ namespace: z.string(), name: z.string() }).nullable(),
    }),
  ),
});
export type SavedConfiguration = z.infer<typeof SavedConfiguration>;

function readResource(saved: unknown): ProxyResource[] {
  const parsed = ProxyResource.safeParse(saved);
  return parsed.success ? [parsed.data] : [];
}

/** `refused`: what of the push cannot run here; all the rest does. */
export type Applied = {
  readonly lastSends: LastSends;
  readonly refused: readonly ResourceRefusal[];
};

/** A resource that can run, and what lets it hold. */
type Prepared = { readonly resource: ProxyResource; readonly commit: () => void };

const NOTHING_TO_COMMIT = () => {};

/** The configuration this proxy runs: each resource in the last version that could run. */
export class AppliedConfiguration {
  readonly #mesh: LiveMesh;
  readonly #resolver: HostResolver;
  readonly #trust: MeshTrust;
  readonly #names: MeshNames;
  readonly #workloads: ReadonlyMap<string, RunningWorkload>;
  readonly #resources = new Map<string, ProxyResource>();
  #revision = 0;

  constructor(parts: {
    readonly mesh: LiveMesh;
    readonly resolver: HostResolver;
    readonly workloads: readonly RunningWorkload[];
    readonly trust: MeshTrust;
    readonly names: MeshNames;
  }) {
    this.#mesh = parts.mesh;
    this.#names = parts.names;
    this.#trust = parts.trust;
    this.#resolver = parts.resolver;
    this.#workloads = new Map(parts.workloads.map((one) => [formatId(one.id), one]));
  }

  get revision(): number {
    return this.#revision;
  }

  /** For `hello`: what need not be sent again. */
  get have(): { key: string; version: string }[] {
    return [...this.#resources.values()].map(({ key, version }) => ({ key, version }));
  }

  get resources(): readonly ProxyResource[] {
    return [...this.#resources.values()];
  }

  /** For the disk. */
  get saved(): SavedConfiguration {
    return {
      revision: this.#revision,
      outboundTrafficPolicy: this.#resolver.outboundTrafficPolicy,
      resources: [...this.#resources.values()],
      subscriptions: this.#resolver.subscriptions,
      resolutions: this.#resolver.answers,
    };
  }

  /** Runs what an earlier process of this proxy has left; what of it cannot run here is left out. */
  restore(saved: SavedConfiguration, nowMs: number): readonly ResourceRefusal[] {
    const { prepared, refused } = this.#prepareAll(saved.resources, true);
    this.#commit(prepared, [], nowMs);
    this.#revision = saved.revision;
    this.#resolver.outboundTrafficPolicy = saved.outboundTrafficPolicy;
    // An answer whose service could not be read is asked for again; until then it is not "none".
    const answers = saved.resolutions.filter(
      ({ service }) => service === null || this.#resources.has(`service/${formatId(service)}`),
    );
    this.#resolver.restore(saved.subscriptions, answers);
    return refused;
  }

  /**
   * Applies a push between two requests: what can run of it, runs, and the rest is refused, each resource by
   * itself, since none needs another to be of use (decision 108). Everything is checked and compiled before the
   * first thing changes. `lastSends` is read after the new routes are live.
   */
  apply(push: Push, nowMs: number): Applied {
    const { prepared, refused } = this.#prepareAll(push.upserts, false);
    this.#commit(prepared, push.removes, nowMs);
    this.#revision = push.revision;
    const known = push.resolutions.filter(
      ({ service }) => service === null || this.#resources.has(`service/${formatId(service)}`),
    );
    this.#resolver.applied(known);
    const lost = push.resolutions.filter((one) => !known.includes(one));
    return {
      lastSends: this.#lastSends(prepared),
      refused: [...refused, ...lost.flatMap((one) => this.#refuseAnswer(one, refused))],
    };
  }

  /** Where an answer leads to a service that is not here: said once, with the service if that was refused. */
  #refuseAnswer(
    { host, service }: Push["resolutions"][number],
    refused: readonly ResourceRefusal[],
  ): ResourceRefusal[] {
    const key = service === null ? "" : `service/${formatId(service)}`;
    if (refused.some((one) => one.key === key)) return [];
    const reason = `resolution of ${host}: ${key} is neither here nor in the push`;
    return [{ key, version: "", reason }];
  }

  #prepareAll(resources: readonly ProxyResource[], isLenient: boolean) {
    const prepared: Prepared[] = [];
    const refused: ResourceRefusal[] = [];
    for (const resource of resources) {
      const { key, version } = resource;
      try {
        const problem = this.#findProblem(resource);
        if (problem !== undefined) refused.push({ key, version, reason: problem });
        else prepared.push({ resource, commit: this.#prepare(resource, isLenient) });
      } catch (error) {
        refused.push({ key, version, reason: (error as Error).message });
      }
    }
    return { prepared, refused };
  }

  /** Compiles what a resource says; calling what comes back lets it hold, where the mesh does not do that. */
  #prepare(resource: ProxyResource, isLenient: boolean): () => void {
    switch (resource.kind) {
      case "trust":
        return this.#trust.prepare(resource);
      case "workload": {
        const workload = this.#workloads.get(formatId(resource.workload));
        return workload?.prepare(resource, isLenient) ?? NOTHING_TO_COMMIT;
      }
      case "names":
        return () => this.#names.set(resource);
      case "service":
        this.#mesh.check(resource);
        return NOTHING_TO_COMMIT;
      default: // endpoints: nothing about them can fail
        return NOTHING_TO_COMMIT;
    }
  }

  #commit(prepared: readonly Prepared[], removes: readonly string[], nowMs: number): void {
    const upserts = prepared.map(({ resource }) => resource);
    this.#mesh.apply(upserts, removes, nowMs);
    for (const { commit } of prepared) commit();
    for (const resource of upserts) this.#resources.set(resource.key, resource);
    for (const key of removes) {
      if (key.startsWith(NAMES_PREFIX)) this.#names.remove(key.slice(NAMES_PREFIX.length));
      this.#resources.delete(key);
    }
  }

  /** What the schema cannot see: a key that does not fit the content, a workload of another proxy. */
  #findProblem(resource: ProxyResource): string | undefined {
    const expected = keyOf(resource);
    if (resource.key !== expected) return `key ${resource.key}: expected ${expected}`;
    return this.#concernsUs(resource) ? undefined : `${resource.key}: this proxy does not host it`;
  }

  #concernsUs(resource: ProxyResource): boolean {
    return resource.kind !== "workload" || this.#workloads.has(formatId(resource.workload));
  }

  #lastSends(prepared: readonly Prepared[]): LastSends {
    const services = new Map<string, ServiceId>();
    for (const { resource } of prepared) {
      if (resource.kind === "service") services.set(resource.key, resource.service);
    }
    return [...services.values()].flatMap((service) =>
      this.#mesh
        .workloadsOf(service)
        .filter(({ lastSendAtMs }) => lastSendAtMs > 0)
        .map(({ namespace, name, lastSendAtMs }) => ({
          service,
          namespace,
          workload: name,
          atMs: lastSendAtMs,
        })),
    );
  }
}

const NAMES_PREFIX = "names/";

function keyOf(resource: ProxyResource): string {
  if (resource.kind === "names") return `${NAMES_PREFIX}${resource.namespace}`;
  if (resource.kind === "trust") return TRUST_KEY;
  const id = resource.kind === "workload" ? resource.workload : resource.service;
  return `${resource.kind}/${formatId(id)}`;
}
