import type { Subscription } from "@heddle/contracts/control-stream";
import { type ServiceId, serviceOfHost } from "@heddle/mesh";
import type { LiveMesh } from "./live-mesh.ts";
import { MeshNames } from "./mesh-names.ts";
import type {
  Caller,
  MeshView,
  OutboundTrafficPolicy,
  PathNormalization,
  Resolution,
} from "./mesh-view.ts";
import { type NamedHost, readHost } from "./named-host.ts";

/** A request to a destination never used before waits so long for its answer. */
const WAIT_MS = 50;
/** The same where the control plane does not tell the mesh's names, as older ones do not: one might escape. */
const WAIT_UNTOLD_MS = 500;
/**
 * What is known to be the mesh's can go nowhere else, so to wait is better than to fail; but not behind
 * a control plane that has just kept somebody waiting in vain, or is not there to be asked.
 */
const WAIT_IN_MESH_MS = 2_000;
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
  /** In which round of `expire` a request last asked for it. */
  usedInRound: number;
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
  /** Grows when what is remembered of spellings has to be looked up again, with or without a push. */
  epoch = 0;
  readonly mesh: LiveMesh;
  readonly names: MeshNames;
  readonly #subscribe: (subscription: Subscription) => void;
  readonly #isConnected: () => boolean;
  readonly #subscribed = new Map<string, Subscribed>();
  readonly #waiting = new Map<string, Set<() => void>>();
  #round = 0;
  /** The stream is open, and the control plane has let a request wait in vain since its last word. */
  #isSilent = false;

  /** `subscribe` asks the control plane; `isConnected` says whether it can be asked now. */
  constructor(
    mesh: LiveMesh,
    subscribe: (subscription: Subscription) => void,
    isConnected: () => boolean,
    names = new MeshNames(),
  ) {
    this.mesh = mesh;
    this.names = names;
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
    if (subscribed === undefined) return this.#mayLieOutside(caller, host) ? "none" : "unknown";
    const { answer } = subscribed;
    subscribed.usedInRound = this.#round;
    if (answer === null) return "none";
    // Before the answer, or with the control plane away: another spelling may have brought it here.
    const id = answer ?? serviceOfHost(host.name, caller.namespace);
    const service = id && this.mesh.service(id, caller, host.port);
    if (service !== undefined) return service;
    if (answer !== undefined) return "none";
    const isOutside =
      this.#isSurelyOutside(caller, host) ||
      (subscribed.hasKeptWaiting && this.#mayLieOutside(caller, host));
    return isOutside ? "none" : "unknown";
  }

  /**
   * No name of the mesh, nor of a form that a service could have got a moment ago: there is nothing to wait
   * for. It is asked for all the same, so that it is known when some document comes to name it.
   */
  #isSurelyOutside({ namespace }: Caller, { name }: NamedHost): boolean {
    return (
      this.names.has(name, namespace) === false && serviceOfHost(name, namespace) === undefined
    );
  }

  /** Whether a host of which no answer has come may be passed on. */
  #mayLieOutside({ namespace }: Caller, { name, isMeshOnly }: NamedHost): boolean {
    return !isMeshOnly && this.names.has(name, namespace) !== true;
  }

  /** Waits for the answer, or until waiting has no point any more; returns what there is then. */
  async whenResolved(caller: Caller, host: NamedHost): Promise<Resolution> {
    await this.#whenAnswered(caller, host);
    const then = this.look(caller, host);
    return then === "unknown" && this.#mayLieOutside(caller, host) ? "none" : then;
  }

  #whenAnswered(caller: Caller, host: NamedHost): Promise<void> {
    const key = subscriptionKey(caller.namespace, host.name);
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      const finish = () => {
        clearTimeout(timer);
        waiting.delete(finish);
        if (waiting.size === 0) this.#waiting.delete(key);
        resolve();
      };
      const timer = setTimeout(
        () => {
          // An answer may have come in while this process was busy: it is read before it counts as missing.
          setImmediate(() => {
            if (!waiting.has(finish)) return;
            const subscribed = this.#subscribed.get(key);
            if (subscribed) subscribed.hasKeptWaiting = true;
            this.#isSilent = true;
            finish();
          });
        },
        this.#patienceMs(caller, host),
      );
      waiting.add(finish);
    });
  }

  #patienceMs(caller: Caller, host: NamedHost): number {
    if (!this.#isConnected() || this.#isSilent) return WAIT_MS;
    if (!this.#mayLieOutside(caller, host)) return WAIT_IN_MESH_MS;
    return this.names.isTold ? WAIT_MS : WAIT_UNTOLD_MS;
  }

  /**
   * Begins another round and gives up the destinations nobody has asked for since the one before the last
   * `rounds`, but for those `isKept`. Returns them: they are known no longer.
   */
  expire(
    rounds: number,
    isKept: (subscription: Subscription, answer: ServiceId | null | undefined) => boolean,
  ): Subscription[] {
    this.#round += 1;
    this.epoch += 1; // the next request of each spelling asks again, and so is seen
    const expired = [...this.#subscribed].filter(
      ([, { usedInRound, subscription, answer }]) =>
        this.#round - usedInRound > rounds && !isKept(subscription, answer),
    );
    for (const [key] of expired) this.#subscribed.delete(key);
    return expired.map(([, { subscription }]) => subscription);
  }

  /** Takes over what was asked for and answered before a restart. */
  restore(subscriptions: readonly Subscription[], answers: readonly Answer[]): void {
    for (const subscription of subscriptions.slice(0, MAX_SUBSCRIPTIONS)) {
      const key = subscriptionKey(subscription.namespace, subscription.host);
      this.#subscribed.set(key, {
        subscription,
        answer: undefined,
        hasKeptWaiting: false,
        usedInRound: this.#round,
      });
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
    this.epoch += 1;
    this.#isSilent = false;
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
    const subscribed = {
      subscription,
      answer: undefined,
      hasKeptWaiting: false,
      usedInRound: this.#round,
    };
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
  #epoch = -1;

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
    if (this.#epoch !== this.#resolver.epoch) {
      this.#epoch = this.#resolver.epoch;
      this.#spellings.clear();
    }
    return this.#spellings.get(host) ?? this.#work(host);
  }

  async whenResolved(host: string): Promise<Resolution> {
    const now = this.resolve(host);
    if (now !== "unknown") return now;
    return this.#resolver.whenResolved(this.#caller, readHost(host));
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
