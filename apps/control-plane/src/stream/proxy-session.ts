import { randomUUID } from "node:crypto";
import type {
  ControlMessage,
  ProxyMessage,
  ProxyResource,
  ProxyState,
  Subscription,
} from "@heddle/contracts";
import type { WorkloadId } from "@heddle/mesh";
import type { Registry } from "../registry/registry.ts";
import {
  type MeshView,
  type ProxyView,
  subscriptionInterest,
  subscriptionKey,
} from "../snapshot/mesh-view.ts";
import { type PushEvent, type PushState, stepPush } from "./push-state.ts";

type Ack = Extract<ProxyMessage, { type: "ack" }>;
type Hello = Extract<ProxyMessage, { type: "hello" }>;
type Push = Extract<ControlMessage, { type: "push" }>;

/** How one proxy answered the change that was published to it. */
export type PushAnswer =
  | { readonly kind: "acked"; readonly lastSends: Ack["lastSends"] }
  | { readonly kind: "nacked"; readonly proxyId: string; readonly reason: string }
  | { readonly kind: "gone" };

type Waiter = (answer: PushAnswer) => void;

const MAX_SUBSCRIPTIONS = 10_000;

/** One proxy's stream from `hello` to its end: what it has, what it wants, what is on its way. */
export class ProxySession {
  readonly proxyId: string;
  readonly #mesh: MeshView;
  readonly #registry: Registry;
  readonly #send: (message: ControlMessage) => void;
  readonly #subscriptions = new Map<string, Subscription>();
  /** Keys the subscriptions depend on, resolved or not. */
  readonly #wanted = new Set<string>();
  /** What the proxy runs, as far as it has said so: resource key → version. */
  readonly #have: Map<string, string>;
  readonly #told = new Map<string, string>();
  /** The proxy's part of the mesh as last cut. */
  #cut:
    | { readonly generation: number; readonly size: number; readonly view: ProxyView }
    | undefined;
  #state: PushState = { kind: "new" };
  #flight: { push: Push; view: ProxyView; waiters: Waiter[] } | undefined;
  #waiters: Waiter[] = [];
  #owesAnswer = true;
  #sentRevision = 0;
  #ackedRevision = 0;
  #sinceMs = Date.now();
  #lastNack: string | undefined;
  #running: Iterable<ProxyResource> = [];

  constructor(
    parts: { mesh: MeshView; registry: Registry; send: (message: ControlMessage) => void },
    hello: Hello,
  ) {
    this.proxyId = hello.proxyId;
    this.#mesh = parts.mesh;
    this.#registry = parts.registry;
    this.#send = parts.send;
    this.#have = new Map(hello.have.map(({ key, version }) => [key, version]));
    this.subscribe(hello.subscriptions);
  }

  /** Takes note of destinations; `false`: more than a proxy may have. */
  subscribe(subscriptions: readonly Subscription[]): boolean {
    for (const subscription of subscriptions) {
      const key = subscriptionKey(subscription);
      if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS && !this.#subscriptions.has(key)) {
        return false;
      }
      this.#subscriptions.set(key, subscription);
      for (const one of subscriptionInterest(subscription)) this.#wanted.add(one);
      this.#told.delete(key); // asked again: answered again
    }
    return true;
  }

  /** The version of a resource that the proxy runs, as far as it has said so. */
  runs(key: string): string | undefined {
    return this.#have.get(key);
  }

  /** So many workloads it serves. */
  get hostedCount(): number {
    return this.#registry.instancesOfProxy(this.proxyId).length;
  }

  /** Asks the proxy for certificate requests: another authority signs now. */
  renew(workload: WorkloadId | null, withinMs: number): void {
    this.#send({ type: "renew", workload, withinMs });
  }

  /** Resource keys whose change concerns this proxy. */
  interests(): Set<string> {
    return new Set([...this.#wanted, ...this.#view().resources.keys()]);
  }

  /**
   * Something may have changed: pushes the difference, now or after the answer that is awaited.
   * Returns the proxy's answer to it, or `undefined` when nothing changes for this proxy.
   */
  publish(): Promise<PushAnswer> | undefined {
    const view = this.#view();
    const base = this.#flight ? this.#expected(this.#flight.push) : this.#have;
    const isConcerned = this.#difference(view, base) !== undefined;
    if (!isConcerned && !this.#owesAnswer) {
      if (this.#flight)
        this.#step({ kind: "changed" }); // it may yet be refused
      else this.#settle();
      return undefined;
    }
    const answer = new Promise<PushAnswer>((resolve) => this.#waiters.push(resolve));
    this.#step({ kind: "changed" });
    return isConcerned ? answer : undefined;
  }

  /** A revision that does not concern this proxy: it runs it already, unless it lags for other reasons. */
  keepUp(): void {
    if (this.#state.kind !== "synced") return;
    this.#sentRevision = this.#mesh.snapshot.revision;
    this.#ackedRevision = this.#sentRevision;
  }

  /** The proxy's answer to a push. An unknown nonce is ignored. Returns whether it was awaited. */
  answer(message: Ack | Extract<ProxyMessage, { type: "nack" }>): boolean {
    const flight = this.#flight;
    if (flight?.push.nonce !== message.nonce) return false;
    this.#flight = undefined;
    this.#sinceMs = Date.now();
    if (message.type === "ack") {
      for (const { key, version } of flight.push.upserts) this.#have.set(key, version);
      for (const key of flight.push.removes) this.#have.delete(key);
      this.#ackedRevision = flight.push.revision;
      this.#running = flight.view.resources.values();
      this.#lastNack = undefined;
      for (const waiter of flight.waiters) waiter({ kind: "acked", lastSends: message.lastSends });
      this.#step({ kind: "ack", nonce: message.nonce });
    } else {
      for (const { namespace, host } of flight.push.resolutions) {
        this.#told.delete(subscriptionKey({ namespace, host }));
      }
      this.#lastNack = message.reason;
      const { proxyId } = this;
      for (const waiter of flight.waiters) {
        waiter({ kind: "nacked", proxyId, reason: message.reason });
      }
      this.#step({ kind: "nack", nonce: message.nonce, reason: message.reason });
    }
    return true;
  }

  /** What the proxy runs since its last answer; once. */
  takeRunning(): Iterable<ProxyResource> {
    const running = this.#running;
    this.#running = [];
    return running;
  }

  /** The stream is over; nobody waits for its answers any longer. */
  end(): void {
    for (const waiter of [...(this.#flight?.waiters ?? []), ...this.#waiters]) {
      waiter({ kind: "gone" });
    }
    this.#flight = undefined;
    this.#waiters = [];
  }

  status(): Pick<ProxyState, "sync" | "sinceMs" | "sentRevision" | "ackedRevision" | "lastNack"> {
    return {
      sync: SYNC_OF[this.#state.kind],
      sinceMs: this.#sinceMs,
      sentRevision: this.#sentRevision,
      ackedRevision: this.#ackedRevision,
      ...(this.#lastNack === undefined ? {} : { lastNack: this.#lastNack }),
    };
  }

  #step(event: PushEvent): void {
    const { state, shallSend } = stepPush(this.#state, event);
    this.#state = state;
    if (shallSend) this.#sendDifference();
  }

  #sendDifference(): void {
    const view = this.#view();
    const difference = this.#difference(view, this.#have);
    if (!difference && !this.#owesAnswer) return this.#settle();
    this.#owesAnswer = false;
    const nonce = randomUUID();
    const { revision } = this.#mesh.snapshot;
    const push: Push = {
      type: "push",
      nonce,
      revision,
      upserts: difference?.upserts ?? [],
      removes: difference?.removes ?? [],
      resolutions: difference?.resolutions ?? [],
    };
    for (const resolution of push.resolutions) {
      this.#told.set(subscriptionKey(resolution), JSON.stringify(resolution.service));
    }
    this.#flight = { push, view, waiters: this.#waiters };
    this.#waiters = [];
    this.#sentRevision = revision;
    this.#sinceMs = Date.now();
    this.#step({ kind: "sent", nonce });
    this.#send(push);
  }

  /** Nothing to send: what the proxy runs is the current revision. */
  #settle(): void {
    this.#sentRevision = this.#mesh.snapshot.revision;
    this.#ackedRevision = this.#mesh.snapshot.revision;
    this.#lastNack = undefined;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter({ kind: "acked", lastSends: [] });
    this.#step({ kind: "settled" });
  }

  #view(): ProxyView {
    const { generation } = this.#mesh;
    const { size } = this.#subscriptions; // they only grow
    if (this.#cut?.generation === generation && this.#cut.size === size) return this.#cut.view;
    const hosted = this.#registry.instancesOfProxy(this.proxyId);
    const view = this.#mesh.cut(hosted, this.#subscriptions.values());
    this.#cut = { generation, size, view };
    return view;
  }

  /** What the proxy will run once it has acked the push. */
  #expected(push: Push): Map<string, string> {
    const versions = new Map(this.#have);
    for (const { key, version } of push.upserts) versions.set(key, version);
    for (const key of push.removes) versions.delete(key);
    return versions;
  }

  #difference(
    view: ProxyView,
    have: ReadonlyMap<string, string>,
  ): Pick<Push, "upserts" | "removes" | "resolutions"> | undefined {
    const upserts = [...view.resources.values()].filter(
      (resource) => have.get(resource.key) !== resource.version,
    );
    const removes = [...have.keys()].filter((key) => !view.resources.has(key));
    const resolutions = [...view.resolutions.values()].filter(
      (resolution) =>
        this.#told.get(subscriptionKey(resolution)) !== JSON.stringify(resolution.service),
    );
    if (upserts.length + removes.length + resolutions.length === 0) return undefined;
    return { upserts, removes, resolutions };
  }
}

const SYNC_OF = {
  new: "NOT SENT",
  synced: "SYNCED",
  "in-flight": "STALE",
  refused: "ERROR",
} as const satisfies Record<PushState["kind"], ProxyState["sync"]>;
