import type { RegistryHold } from "@heddle/contracts";
import type { ServiceId } from "@heddle/mesh";
import type { ChangeRequest } from "../revisions/change-request.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import type { StreamHub } from "../stream/hub.ts";
import { holdIdOf } from "./loss-guard.ts";
import type { Registry } from "./registry.ts";
import { type HoldAnswer, type HoldKeeper, serviceOfHold } from "./registry-holds.ts";

/** Writes down that a hold was answered. */
type RevisionWriter = {
  readonly change: (request: ChangeRequest) => Promise<{ readonly revision: number }>;
};

const ENDPOINTS = "endpoints/";

/**
 * A control plane that starts with proxies known and an empty registry has lost it (a database restored
 * without rows): the endpoints the proxies have are better than none. They keep all of them until the others
 * have had time to come back, and those of services that nobody serves by then until somebody confirms.
 */
export class StartHolds implements HoldKeeper {
  readonly #parts: {
    readonly registry: Registry;
    readonly mesh: MeshView;
    readonly hub: StreamHub;
    readonly config: RevisionWriter;
  };
  #settledAtMs: number | undefined;
  #isSettled = false;
  readonly #confirmed = new Set<string>();
  readonly #dismissed = new Map<string, { readonly by: string; readonly atMs: number }>();

  constructor(parts: {
    readonly registry: Registry;
    readonly mesh: MeshView;
    readonly hub: StreamHub;
    readonly config: RevisionWriter;
  }) {
    this.#parts = parts;
  }

  /** The registry has been read; `settledAtMs`: by then whoever runs has come back. */
  begin(settledAtMs: number): void {
    const { registry, mesh } = this.#parts;
    const isEmpty = [...registry.instances()].length === 0;
    if (!isEmpty || ![...registry.proxies()].some(({ hasLeft }) => !hasLeft)) return;
    this.#settledAtMs = settledAtMs;
    mesh.lostRegistry = {
      keeps: (key) => this.#keeps(key),
      recall: (have) => this.#recall(have),
    };
  }

  /** Once everybody has had time to come back: those who have are told to all. */
  settle(nowMs: number): void {
    if (this.#settledAtMs === undefined || this.#isSettled || nowMs < this.#settledAtMs) return;
    this.#isSettled = true;
    this.#parts.hub.publish(new Set(this.#keysInUse()));
  }

  list(): RegistryHold[] {
    if (!this.#isSettled) return [];
    return this.#keysInUse()
      .filter((key) => this.#keeps(key))
      .map((key) => this.#describe(key.slice(ENDPOINTS.length)));
  }

  async confirm(hold: RegistryHold, answer: HoldAnswer): Promise<number> {
    const { config, hub } = this.#parts;
    const { revision } = await config.change({
      ...answer,
      kind: "registry",
      summary: `Let go the endpoints of ${hold.service} that the registry had lost`,
      actsOn: [hold.service],
      plan: () => [],
    });
    this.#confirmed.add(hold.service);
    hub.publishEndpoints(new Set([hold.service]));
    return revision;
  }

  async dismiss({ service }: RegistryHold, { author }: HoldAnswer, nowMs: number): Promise<void> {
    this.#dismissed.set(service, { by: author, atMs: nowMs });
  }

  /** A service of which a proxy knows endpoints is one, and not a name outside the mesh. */
  #recall(have: readonly { readonly key: string }[]): void {
    const { registry, mesh } = this.#parts;
    const services = have.flatMap(({ key }) =>
      key.startsWith(ENDPOINTS) ? [key.slice(ENDPOINTS.length)] : [],
    );
    const unknown = services.filter((service) => !mesh.isService(service));
    for (const service of unknown) registry.noteService(service);
    if (unknown.length > 0) mesh.forgetEndpoints(new Set(unknown));
  }

  /** Whether who has endpoints under this key shall keep them. */
  #keeps(key: string): boolean {
    if (!key.startsWith(ENDPOINTS)) return false;
    if (!this.#isSettled) return true;
    const service = key.slice(ENDPOINTS.length);
    return !this.#confirmed.has(service) && !this.#parts.mesh.hasEndpoints(idOf(service));
  }

  /** Keys of endpoints that some proxy has in another version than this control plane would send. */
  #keysInUse(): string[] {
    const { hub, mesh } = this.#parts;
    const keys = [...hub.sessions()].flatMap((session) =>
      session.has
        .filter(({ key }) => key.startsWith(ENDPOINTS))
        .filter(
          ({ key, version }) =>
            mesh.endpoints(idOf(key.slice(ENDPOINTS.length))).version !== version,
        )
        .map(({ key }) => key),
    );
    return [...new Set(keys)].sort();
  }

  #describe(service: string): RegistryHold {
    const sinceMs = this.#settledAtMs ?? 0;
    const dismissed = this.#dismissed.get(service);
    return {
      id: holdIdOf(idOf(service), sinceMs),
      service,
      cause: "start",
      sinceMs,
      endpointsAfter: 0,
      held: [],
      words: `The control plane started with an empty registry, and nobody has registered for ${service} since. Proxies that know endpoints of it keep them; it ends by itself when one comes back. Confirm if they are really gone, dismiss to keep them.`,
      ...(dismissed === undefined ? {} : { dismissed }),
    };
  }
}

function idOf(service: string): ServiceId {
  return serviceOfHold({ service });
}
