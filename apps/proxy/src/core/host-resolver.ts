import type { Subscription } from "@heddle/contracts";
import { hostWithoutPort, type ServiceId, serviceOfHost } from "@heddle/mesh";
import type { LiveMesh } from "./live-mesh.ts";
import type { MeshView, OutboundTrafficPolicy, Resolution } from "./mesh-view.ts";

/**
 * How long a request to a destination never used before waits for its answer. Long enough for a control
 * plane on a busy machine: giving up sends a request for a service of the mesh to the outside.
 */
const WAIT_MS = 500;
/** The same with no stream to ask on: one may open just now, but most likely nobody will answer. */
const WAIT_ALONE_MS = 50;
/** Hosts a proxy may ask for; beyond, the oldest that meant nothing is forgotten. */
const MAX_SUBSCRIPTIONS = 4096;
/** Spellings (ports, case) remembered per namespace; beyond, they are worked out again. */
const MAX_SPELLINGS = 8192;

export type Answer = {
  readonly namespace: string;
  readonly host: string;
  readonly service: ServiceId | null;
};

type Subscribed = { readonly subscription: Subscription; answer: ServiceId | null | undefined };

/** Which service a host means: what the control plane has answered, asked for at first use. */
export class HostResolver implements MeshView {
  outboundTrafficPolicy: OutboundTrafficPolicy = "ALLOW_ANY";
  generation = 0;
  readonly #mesh: LiveMesh;
  readonly #subscribe: (subscription: Subscription) => void;
  readonly #isConnected: () => boolean;
  readonly #subscribed = new Map<string, Subscribed>();
  readonly #spellings = new Map<string, Map<string, Resolution>>();
  readonly #waiting = new Map<string, Set<() => void>>();

  /** `subscribe` asks the control plane; `isConnected` says whether it can be asked now. */
  constructor(
    mesh: LiveMesh,
    subscribe: (subscription: Subscription) => void,
    isConnected: () => boolean,
  ) {
    this.#mesh = mesh;
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

  resolve(namespace: string, host: string): Resolution {
    return this.#spellings.get(namespace)?.get(host) ?? this.#work(namespace, host);
  }

  whenResolved(namespace: string, host: string): Promise<Resolution> {
    const now = this.resolve(namespace, host);
    if (now !== "unknown") return Promise.resolve(now);
    const key = subscriptionKey(namespace, hostWithoutPort(host));
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      const finish = () => {
        clearTimeout(timer);
        waiting.delete(finish);
        if (waiting.size === 0) this.#waiting.delete(key);
        resolve(this.resolve(namespace, host));
      };
      const timer = setTimeout(finish, this.#isConnected() ? WAIT_MS : WAIT_ALONE_MS);
      waiting.add(finish);
    });
  }

  /** Takes over what was asked for and answered before a restart. */
  restore(subscriptions: readonly Subscription[], answers: readonly Answer[]): void {
    for (const subscription of subscriptions.slice(0, MAX_SUBSCRIPTIONS)) {
      const key = subscriptionKey(subscription.namespace, subscription.host);
      this.#subscribed.set(key, { subscription, answer: undefined });
    }
    this.applied(answers);
  }

  /** The mesh has changed and these are new answers; whoever waits for one goes on. */
  applied(answers: readonly Answer[]): void {
    for (const { namespace, host, service } of answers) {
      const subscribed = this.#subscribed.get(subscriptionKey(namespace, host));
      if (subscribed) subscribed.answer = service;
    }
    this.#spellings.clear();
    this.generation += 1;
    for (const { namespace, host } of answers) {
      for (const finish of this.#waiting.get(subscriptionKey(namespace, host)) ?? []) finish();
    }
  }

  #work(namespace: string, host: string): Resolution {
    const resolution = this.#look(namespace, hostWithoutPort(host));
    if (resolution === "unknown") return resolution;
    let spellings = this.#spellings.get(namespace);
    if (!spellings || spellings.size >= MAX_SPELLINGS) {
      spellings = new Map();
      this.#spellings.set(namespace, spellings);
    }
    spellings.set(host, resolution);
    return resolution;
  }

  #look(namespace: string, host: string): Resolution {
    const named = serviceOfHost(host, namespace);
    if (named === undefined) return "none"; // no form a service can be called by
    const subscribed = this.#ask(namespace, host);
    if (subscribed?.answer === null) return "none";
    // Before the answer, or with the control plane away: another spelling may have brought it here.
    const service = this.#mesh.service(subscribed?.answer ?? named);
    return service ?? (subscribed?.answer === undefined ? "unknown" : "none");
  }

  #ask(namespace: string, host: string): Subscribed | undefined {
    const key = subscriptionKey(namespace, host);
    const known = this.#subscribed.get(key);
    if (known) return known;
    if (this.#subscribed.size >= MAX_SUBSCRIPTIONS && !this.#forgetOldestMiss()) return undefined;
    const subscribed: Subscribed = { subscription: { namespace, host }, answer: undefined };
    this.#subscribed.set(key, subscribed);
    this.#subscribe(subscribed.subscription);
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

function subscriptionKey(namespace: string, host: string): string {
  return `${namespace}|${host}`;
}
