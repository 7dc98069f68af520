import { randomUUID } from "node:crypto";
import type {
  ControlMessage,
  ProxyMessage,
  ProxyResource,
  ProxyState,
  RefusedResource,
  ResourceKindSync,
  ResourceRefusal,
  Subscription,
  TapOrder,
} from "@heddle/contracts";
import type { WorkloadId } from "@heddle/mesh";
import type { Registry } from "../registry/registry.ts";
import { NAMES_INTEREST } from "../snapshot/mesh-names.ts";
import type { MeshView, ProxyView } from "../snapshot/mesh-view.ts";
import { subscriptionInterest, subscriptionKey } from "../snapshot/subscription-keys.ts";
import { DumpRequests } from "./dump-requests.ts";
import { describeKinds, SyncTimes } from "./kind-sync.ts";
import { findDifference, type PushContent } from "./push-content.ts";
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

/** A push on its way. */
type Flight = {
  readonly push: Push;
  readonly view: ProxyView;
  readonly waiters: readonly Waiter[];
};

const MAX_SUBSCRIPTIONS = 10_000;

/** One proxy's stream from `hello` to its end: what it has, what it wants, what is on its way. */
export class ProxySession {
  readonly proxyId: string;
  /** What it understands beside the first shape of the protocol. */
  readonly features: ReadonlySet<string>;
  readonly dumps: DumpRequests;
  readonly #mesh: MeshView;
  readonly #picture: () => MeshView;
  readonly #registry: Registry;
  readonly #send: (message: ControlMessage) => void;
  readonly #subscriptions = new Map<string, Subscription>();
  /** Keys the subscriptions depend on, resolved or not. */
  #wanted = new Set<string>();
  /** What the proxy runs, as far as it has said so: resource key → version. */
  readonly #have: Map<string, string>;
  readonly #told = new Map<string, string>();
  /** What it cannot run, by key: not sent again in the same version. */
  readonly #refused = new Map<string, RefusedResource>();
  readonly #times = new SyncTimes(Date.now());
  /** Grows with every change of the subscriptions. */
  #subscribedTimes = 0;
  /** The proxy's part of the mesh as last cut. */
  #cut:
    | {
        readonly mesh: MeshView;
        readonly generation: number;
        readonly subscribedTimes: number;
        readonly view: ProxyView;
      }
    | undefined;
  #state: PushState = { kind: "new" };
  #flight: Flight | undefined;
  #waiters: Waiter[] = [];
  #owesAnswer = true;
  #sentRevision = 0;
  #ackedRevision = 0;
  #sinceMs = Date.now();
  #lastNack: string | undefined;
  #running: Iterable<ProxyResource> = [];

  constructor(
    parts: {
      mesh: MeshView;
      registry: Registry;
      send: (message: ControlMessage) => void;
      /** Which picture of the mesh it is to follow now; absent: `mesh`. */
      picture?: () => MeshView;
    },
    hello: Hello,
  ) {
    this.proxyId = hello.proxyId;
    this.#mesh = parts.mesh;
    this.#picture = parts.picture ?? (() => parts.mesh);
    this.#registry = parts.registry;
    this.#send = parts.send;
    this.features = new Set(hello.features);
    this.dumps = new DumpRequests(parts.send);
    this.#have = new Map(hello.have.map(({ key, version }) => [key, version]));
    if (this.features.has("names")) this.#wanted.add(NAMES_INTEREST);
    this.subscribe(hello.subscriptions);
  }

  /** In the place of all taps it was told of before. Only to one that knows `taps`. */
  sendTaps(taps: readonly TapOrder[]): void {
    this.#send({ type: "taps", taps: [...taps] });
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
    this.#subscribedTimes += 1;
    return true;
  }

  /** Destinations the proxy gives up: what only they needed goes with the next push. */
  unsubscribe(subscriptions: readonly Subscription[]): void {
    for (const subscription of subscriptions) {
      const key = subscriptionKey(subscription);
      this.#subscriptions.delete(key);
      this.#told.delete(key);
    }
    this.#wanted = new Set([...this.#subscriptions.values()].flatMap(subscriptionInterest));
    if (this.features.has("names")) this.#wanted.add(NAMES_INTEREST);
    this.#subscribedTimes += 1;
  }

  /** What it is to run now. */
  get view(): ProxyView {
    return this.#view();
  }

  get refused(): readonly RefusedResource[] {
    return [...this.#refused.values()];
  }

  /** How it stands with the resources of each kind. */
  kinds(): ResourceKindSync[] {
    const inFlight = new Map(this.#flight?.push.upserts.map(({ key, version }) => [key, version]));
    const parts = { have: this.#have, refused: this.#refused, inFlight, times: this.#times };
    return describeKinds(this.#view().resources.values(), parts);
  }

  /** What the proxy runs, as far as it has said so. */
  get has(): { readonly key: string; readonly version: string }[] {
    return [...this.#have].map(([key, version]) => ({ key, version }));
  }

  /** The version of a resource that the proxy runs, as far as it has said so. */
  runs(key: string): string | undefined {
    return this.#have.get(key);
  }

  /** Asks the proxy to tell how its workloads' requests end, for so long; nothing is asked of one that cannot. */
  askTally(forMs: number): void {
    if (this.features.has("tally")) this.#send({ type: "tally", forMs });
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
    this.#sentRevision = this.#picture().snapshot.revision;
    this.#ackedRevision = this.#sentRevision;
  }

  /** The proxy's answer to a push. An unknown nonce is ignored. Returns whether it was awaited. */
  answer(message: Ack | Extract<ProxyMessage, { type: "nack" }>): boolean {
    const flight = this.#flight;
    if (flight?.push.nonce !== message.nonce) return false;
    this.#flight = undefined;
    this.#sinceMs = Date.now();
    if (message.type === "ack") this.#acked(flight, message);
    else this.#nacked(flight, message.reason);
    return true;
  }

  #acked({ push, view, waiters }: Flight, { nonce, lastSends, refused = [] }: Ack): void {
    const nowMs = this.#sinceMs;
    const refusals = this.#noteRefused(push, refused, nowMs);
    for (const { key, kind, version } of push.upserts) {
      if (refusals.has(key)) continue;
      this.#have.set(key, version);
      this.#refused.delete(key);
      this.#times.acked(kind, nowMs);
    }
    for (const key of push.removes) {
      this.#have.delete(key);
      this.#refused.delete(key);
    }
    this.#ackedRevision = push.revision;
    this.#running = [...view.resources.values()].filter(
      ({ key, version }) => this.#have.get(key) === version,
    );
    const reason = describeRefusals([...refusals.values()]);
    const { proxyId } = this;
    const answer: PushAnswer =
      refusals.size === 0 ? { kind: "acked", lastSends } : { kind: "nacked", proxyId, reason };
    for (const waiter of waiters) waiter(answer);
    this.#lastNack = this.#standingRefusal(view);
    const standing = this.#lastNack;
    if (standing === undefined) this.#step({ kind: "ack", nonce });
    else this.#step({ kind: "nack", nonce, reason: standing });
  }

  #nacked({ push, waiters }: Flight, reason: string): void {
    for (const { namespace, host } of push.resolutions) {
      this.#told.delete(subscriptionKey({ namespace, host }));
    }
    this.#lastNack = reason;
    const { proxyId } = this;
    for (const waiter of waiters) waiter({ kind: "nacked", proxyId, reason });
    this.#step({ kind: "nack", nonce: push.nonce, reason });
  }

  /** Of what was sent, what it cannot run; what it says is missing of the rest is sent again. */
  #noteRefused(
    push: Push,
    refused: readonly ResourceRefusal[],
    atMs: number,
  ): Map<string, RefusedResource> {
    const sent = new Map(push.upserts.map(({ key, version }) => [key, version]));
    const refusals = new Map<string, RefusedResource>();
    for (const { key, reason } of refused) {
      const version = sent.get(key);
      if (version === undefined) this.#have.delete(key);
      else refusals.set(key, { key, version, reason, atMs });
    }
    for (const [key, refusal] of refusals) this.#refused.set(key, refusal);
    return refusals;
  }

  /** Why it does not run all it is to run; what it is not to run any more is forgotten. */
  #standingRefusal(view: ProxyView): string | undefined {
    for (const [key, { version }] of this.#refused) {
      if (view.resources.get(key)?.version !== version) this.#refused.delete(key);
    }
    return this.#refused.size === 0 ? undefined : describeRefusals(this.refused);
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
    this.dumps.end();
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
    const { revision } = this.#picture().snapshot;
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
    for (const { kind } of push.upserts) this.#times.sent(kind, this.#sinceMs);
    this.#step({ kind: "sent", nonce });
    this.#send(push);
  }

  /** Nothing to send: what the proxy runs is the current revision. */
  #settle(): void {
    this.#sentRevision = this.#picture().snapshot.revision;
    this.#ackedRevision = this.#picture().snapshot.revision;
    this.#lastNack = this.#standingRefusal(this.#view());
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter({ kind: "acked", lastSends: [] });
    if (this.#lastNack === undefined) this.#step({ kind: "settled" });
  }

  #view(): ProxyView {
    const mesh = this.#picture();
    const { generation } = mesh;
    const subscribedTimes = this.#subscribedTimes;
    const cut = this.#cut;
    const isSame = cut?.mesh === mesh && cut.generation === generation;
    if (isSame && cut.subscribedTimes === subscribedTimes) return cut.view;
    const hosted = this.#registry.instancesOfProxy(this.proxyId);
    const isToldNames = this.features.has("names");
    const view = mesh.cut(hosted, this.#subscriptions.values(), isToldNames);
    this.#cut = { mesh, generation, subscribedTimes, view };
    return view;
  }

  /** What the proxy will run once it has acked the push. */
  #expected(push: Push): Map<string, string> {
    const versions = new Map(this.#have);
    for (const { key, version } of push.upserts) versions.set(key, version);
    for (const key of push.removes) versions.delete(key);
    return versions;
  }

  #difference(view: ProxyView, have: ReadonlyMap<string, string>): PushContent | undefined {
    return findDifference(view, have, {
      told: this.#told,
      refused: this.#refused,
      keeps: (key) => this.#mesh.lostRegistry?.keeps(key) === true,
    });
  }
}

function describeRefusals(refused: readonly RefusedResource[]): string {
  const shown = refused.slice(0, 5).map(({ key, reason }) => `${key}: ${reason}`);
  const more = refused.length > 5 ? [`and ${refused.length - 5} more`] : [];
  return [...shown, ...more].join("; ");
}

const SYNC_OF = {
  new: "NOT SENT",
  synced: "SYNCED",
  "in-flight": "STALE",
  refused: "ERROR",
} as const satisfies Record<PushState["kind"], ProxyState["sync"]>;
