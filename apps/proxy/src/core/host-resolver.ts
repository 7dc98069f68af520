import type { Subscription } from "@heddle/contracts";
import { type ServiceId, serviceOfHost } from "@heddle/mesh";
import type { LiveMesh } from "./live-mesh.ts";
import type {
  Caller,
  MeshView,
  OutboundTrafficPolicy,
  PathNormalization,
  Resolution,
} from "./mesh-view.ts";
import { type NamedHost, readHost } from "./named-host.ts";

/**
 * How long a request to a destination never used before waits for its answer: one that could lie
 * outside half a second, one that only the mesh can mean longer, since there is no other way for it.
 */
const WAIT_MS = 500;
const WAIT_IN_MESH_MS = 5_000;
/** The same with no stream to ask on: one may open just now, but most likely nobody will answer. */
const WAIT_ALONE_MS = 50;
/** Hosts a proxy may ask for; beyond, the oldest that meant nothing is forgotten. */
const MAX_SUBSCRIPTIONS = 4096;
/** Spellings (ports, case) remembered per workload; beyond, they are worked out again. */
const MAX_SPELLINGS = 8192;

export type Answer = {
  readonly namespace: string;
  readonly host: string;
  readonly service: ServiceId | null;
};

type Subscribed = {
  readonly subscription: Subscription;
  answer: ServiceId | null | undefined;
  /** Somebody has waited for the answer in vain: the next does not wait unless it can only be in the mesh. */
  hasKeptWaiting: boolean;
};

/** What the mesh says of a hosted workload's way out; read for each request. */
export type OutboundSettings = {
  readonly outboundTrafficPolicy: OutboundTrafficPolicy | undefined;
  readonly pathNormalization: PathNormalization | undefined;
};

/** Which service a host means: what the control plane has answered, asked for at first use. */
export class HostResolver {
  /** The mesh's policy, where a workload has none of its own. */
  outboundTrafficPolicy: OutboundTrafficPolicy = "ALLOW_ANY";
  generation = 0;
  readonly mesh: LiveMesh;
  readonly #subscribe: (subscription: Subscription) => void;
  readonly #isConnected: () => boolean;
  readonly #subscribed = new Map<string, Subscribed>();
  readonly #waiting = new Map<string, Set<() => void>>();

  /** `subscribe` asks the control plane; `isConnected` says whether it can be asked now. */
  constructor(
    mesh: LiveMesh,
    subscribe: (subscription: Subscription) => void,
    isConnected: () => boolean,
  ) {
    this.mesh = mesh;
    this.#subscribe = subscribe;
    this.#isConnected = isConnected;
  }

  get subscriptions(): Subscription[] {
    return [...this.#subscribed.values()].map(({ subscription }) => subscription);
  }

  get answers(): Answer[] {
    return [...this.#subscribed.values()].flatMap(({ subscription, answer }) =>
      answer === undefined ? [] : [{ ...subscription, service: answer }],
    );
  }

  /** The mesh as a hosted workload sees it. Ask once per listener. */
  viewOf(caller: Caller, settings: OutboundSettings): MeshView {
    return new WorkloadView(this, caller, settings);
  }

  /** What a host means, without waiting. */
  look(caller: Caller, host: NamedHost): Resolution {
    const subscribed = this.#ask(caller.namespace, host.name);
    // More hosts than can be watched.
    if (subscribed === undefined) return host.isMeshOnly ? "unknown" : "none";
    const { answer } = subscribed;
    if (answer === null) return "none";
    // Before the answer, or with the control plane away: another spelling may have brought it here.
    const id = answer ?? serviceOfHost(host.name, caller.namespace);
    const service = id && this.mesh.service(id, caller, host.port);
    if (service !== undefined) return service;
    if (answer !== undefined) return "none";
    return subscribed.hasKeptWaiting && !host.isMeshOnly ? "none" : "unknown";
  }

  whenAnswered(namespace: string, host: NamedHost): Promise<void> {
    const key = subscriptionKey(namespace, host.name);
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      const finish = () => {
        clearTimeout(timer);
        waiting.delete(finish);
        if (waiting.size === 0) this.#waiting.delete(key);
        resolve();
      };
      const timer = setTimeout(() => {
        const subscribed = this.#subscribed.get(key);
        if (subscribed) subscribed.hasKeptWaiting = true;
        finish();
      }, this.#patienceMs(host));
      waiting.add(finish);
    });
  }

  #patienceMs({ isMeshOnly }: NamedHost): number {
    if (!this.#isConnected()) return WAIT_ALONE_MS;
    return isMeshOnly ? WAIT_IN_MESH_MS : WAIT_MS;
  }

  /** Takes over what was asked for and answered before a restart. */
  restore(subscriptions: readonly Subscription[], answers: readonly Answer[]): void {
    for (const subscription of subscriptions.slice(0, MAX_SUBSCRIPTIONS)) {
      const key = subscriptionKey(subscription.namespace, subscription.host);
      this.#subscribed.set(key, { subscription, answer: undefined, hasKeptWaiting: false });
    }
    this.applied(answers);
  }

  /** The mesh has changed and these are new answers; whoever waits for one goes on. */
  applied(answers: readonly Answer[]): void {
    for (const { namespace, host, service } of answers) {
      const subscribed = this.#subscribed.get(subscriptionKey(namespace, host));
      if (subscribed) subscribed.answer = service;
    }
    this.generation += 1;
    for (const { namespace, host } of answers) {
      for (const finish of this.#waiting.get(subscriptionKey(namespace, host)) ?? []) finish();
    }
  }

  #ask(namespace: string, host: string): Subscribed | undefined {
    const key = subscriptionKey(namespace, host);
    const known = this.#subscribed.get(key);
    if (known) return known;
    if (this.#subscribed.size >= MAX_SUBSCRIPTIONS && !this.#forgetOldestMiss()) return undefined;
    const subscription = { namespace, host };
    const subscribed = { subscription, answer: undefined, hasKeptWaiting: false };
    this.#subscribed.set(key, subscribed);
    this.#subscribe(subscription);
    return subscribed;
  }

  #forgetOldestMiss(): boolean {
    for (const [key, { answer }] of this.#subscribed) {
      if (answer !== null) continue;
      this.#subscribed.delete(key);
      return true;
    }
    return false;
  }
}

/** One workload's spellings of hosts, remembered until the next push. */
class WorkloadView implements MeshView {
  readonly #resolver: HostResolver;
  readonly #caller: Caller;
  readonly #settings: OutboundSettings;
  readonly #spellings = new Map<string, Resolution>();
  #generation = -1;

  constructor(resolver: HostResolver, caller: Caller, settings: OutboundSettings) {
    this.#resolver = resolver;
    this.#caller = caller;
    this.#settings = settings;
  }

  get generation(): number {
    return this.#resolver.generation;
  }

  get outboundTrafficPolicy(): OutboundTrafficPolicy {
    return this.#settings.outboundTrafficPolicy ?? this.#resolver.outboundTrafficPolicy;
  }

  get pathNormalization(): PathNormalization {
    return this.#settings.pathNormalization ?? "MERGE_SLASHES";
  }

  resolve(host: string): Resolution {
    if (this.#generation !== this.#resolver.generation) {
      this.#generation = this.#resolver.generation;
      this.#spellings.clear();
    }
    return this.#spellings.get(host) ?? this.#work(host);
  }

  async whenResolved(host: string): Promise<Resolution> {
    const now = this.resolve(host);
    if (now !== "unknown") return now;
    const named = readHost(host);
    await this.#resolver.whenAnswered(this.#caller.namespace, named);
    const then = this.resolve(host);
    return then === "unknown" && !named.isMeshOnly ? "none" : then;
  }

  #work(host: string): Resolution {
    const resolution = this.#resolver.look(this.#caller, readHost(host));
    if (resolution === "unknown") return resolution;
    if (this.#spellings.size >= MAX_SPELLINGS) this.#spellings.clear();
    this.#spellings.set(host, resolution);
    return resolution;
  }
}

function subscriptionKey(namespace: string, host: string): string {
  return `${namespace}|${host}`;
}
