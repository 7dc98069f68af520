import {
  type ControlMessage,
  type ProxyMessage,
  ProxyResource,
  Subscription,
  TRUST_KEY,
} from "@heddle/contracts";
import { formatId, type ServiceId } from "@heddle/mesh";
import { z } from "zod";
import type { HostResolver } from "../core/host-resolver.ts";
import type { LiveMesh } from "../core/live-mesh.ts";
import type { MeshTrust } from "../identity/mesh-trust.ts";
import type { RunningWorkload } from "./running-workload.ts";

type Push = Extract<ControlMessage, { type: "push" }>;
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

export type Applied =
  | { readonly kind: "applied"; readonly lastSends: LastSends }
  | { readonly kind: "refused"; readonly reason: string };

/** The configuration this proxy runs: the last good one, changed by whole pushes only. */
export class AppliedConfiguration {
  readonly #mesh: LiveMesh;
  readonly #resolver: HostResolver;
  readonly #trust: MeshTrust;
  readonly #workloads: ReadonlyMap<string, RunningWorkload>;
  readonly #resources = new Map<string, ProxyResource>();
  #revision = 0;

  constructor(parts: {
    readonly mesh: LiveMesh;
    readonly resolver: HostResolver;
    readonly workloads: readonly RunningWorkload[];
    readonly trust: MeshTrust;
  }) {
    this.#mesh = parts.mesh;
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

  /** Runs what an earlier process of this proxy has left. Throws when it does not compile. */
  restore(saved: SavedConfiguration, nowMs: number): void {
    const resources = saved.resources.filter((resource) => this.#concernsUs(resource));
    const commits = this.#prepare(resources, true);
    this.#mesh.apply(resources, [], nowMs);
    for (const commit of commits) commit();
    for (const resource of resources) this.#resources.set(resource.key, resource);
    this.#revision = saved.revision;
    this.#resolver.outboundTrafficPolicy = saved.outboundTrafficPolicy;
    // An answer whose service could not be read is asked for again; until then it is not "none".
    const answers = saved.resolutions.filter(
      ({ service }) => service === null || this.#resources.has(`service/${formatId(service)}`),
    );
    this.#resolver.restore(saved.subscriptions, answers);
  }

  /**
   * Applies a push as a whole, between two requests, or refuses it as a whole: everything is checked
   * and compiled before the first thing changes. `lastSends` is read after the new routes are live.
   */
  apply(push: Push, nowMs: number): Applied {
    const problem = this.#findProblem(push);
    if (problem !== undefined) return { kind: "refused", reason: problem };
    let commits: readonly (() => void)[];
    try {
      commits = this.#prepare(push.upserts, false);
      this.#mesh.apply(push.upserts, push.removes, nowMs);
    } catch (error) {
      return { kind: "refused", reason: (error as Error).message };
    }
    for (const commit of commits) commit();
    for (const resource of push.upserts) this.#resources.set(resource.key, resource);
    for (const key of push.removes) this.#resources.delete(key);
    this.#revision = push.revision;
    this.#resolver.applied(push.resolutions);
    return { kind: "applied", lastSends: this.#lastSends(push) };
  }

  /** Compiles what is said of trust and of hosted workloads; calling what comes back lets it hold. */
  #prepare(resources: readonly ProxyResource[], isLenient: boolean): (() => void)[] {
    return resources.flatMap((resource) => {
      if (resource.kind === "trust") return [this.#trust.prepare(resource)];
      if (resource.kind !== "workload") return [];
      return this.#workloads.get(formatId(resource.workload))?.prepare(resource, isLenient) ?? [];
    });
  }

  /** What the schema cannot see: keys that do not fit their content, and answers that lead nowhere. */
  #findProblem(push: Push): string | undefined {
    for (const resource of push.upserts) {
      const expected = keyOf(resource);
      if (resource.key !== expected) return `key ${resource.key}: expected ${expected}`;
      if (!this.#concernsUs(resource)) return `${resource.key}: this proxy does not host it`;
    }
    const upserted = new Set(push.upserts.map(({ key }) => key));
    const removed = new Set(push.removes);
    for (const { host, service } of push.resolutions) {
      if (service === null) continue;
      const key = `service/${formatId(service)}`;
      const isThere = upserted.has(key) || (this.#resources.has(key) && !removed.has(key));
      if (!isThere) return `resolution of ${host}: ${key} is neither here nor in the push`;
    }
    return undefined;
  }

  #concernsUs(resource: ProxyResource): boolean {
    return resource.kind !== "workload" || this.#workloads.has(formatId(resource.workload));
  }

  #lastSends(push: Push): LastSends {
    const services = new Map<string, ServiceId>();
    for (const resource of push.upserts) {
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

function keyOf(resource: ProxyResource): string {
  if (resource.kind === "trust") return TRUST_KEY;
  const id = resource.kind === "workload" ? resource.workload : resource.service;
  return `${resource.kind}/${formatId(id)}`;
}
