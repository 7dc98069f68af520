import type { Propagation } from "@heddle/contracts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import { ChangeFolder } from "./change-folder.ts";
import type { ProxySession, PushAnswer } from "./proxy-session.ts";

export const ACK_WAIT_MS = 2000;
const NAMES_PAUSE_MS = 250;

/** What became of a change at the proxies it concerned. */
export type Delivery = {
  readonly total: number;
  readonly acked: number;
  readonly nacks: { proxyId: string; reason: string }[];
  /** `performance.now()` when the last had acked; `undefined`: some have not (yet). */
  readonly allAckedAt: number | undefined;
  /** Per workload `namespace/name`: the latest request any acked proxy had sent to it, epoch ms. */
  readonly lastSendsMs: ReadonlyMap<string, number>;
  /** Control planes that live and have not said (yet) what became of it at their proxies. */
  readonly unheard: number;
};

/** What became of a change at the proxies of another control plane. */
export type DeliveryPart = Pick<Delivery, "total" | "acked" | "nacks" | "lastSendsMs">;

/** The open streams, and which of them a change concerns. */
export class StreamHub {
  readonly #mesh: MeshView;
  readonly #sessions = new Map<string, ProxySession>();
  readonly #byInterest = new Map<string, Set<ProxySession>>();
  readonly #interests = new Map<ProxySession, Set<string>>();
  readonly #endpoints = new ChangeFolder((keys) => this.publish(keys));
  #namesTimer: NodeJS.Timeout | undefined;

  constructor(mesh: MeshView) {
    this.#mesh = mesh;
  }

  get size(): number {
    return this.#sessions.size;
  }

  sessions(): Iterable<ProxySession> {
    return this.#sessions.values();
  }

  find(proxyId: string): ProxySession | undefined {
    return this.#sessions.get(proxyId);
  }

  /** Whether a connected proxy sends requests to this service, `namespace/name`. */
  isUsed(serviceKey: string): boolean {
    return this.#byInterest.has(`endpoints/${serviceKey}`);
  }

  /** All that `isUsed`. */
  usedServices(): string[] {
    return [...this.#byInterest.keys()].flatMap((key) =>
      key.startsWith("endpoints/") ? key.slice("endpoints/".length) : [],
    );
  }

  add(session: ProxySession): void {
    this.#sessions.set(session.proxyId, session);
    this.reindex(session);
  }

  remove(session: ProxySession): void {
    if (this.#sessions.get(session.proxyId) === session) this.#sessions.delete(session.proxyId);
    this.#unindex(session);
    session.end();
  }

  /** A session's hosted workloads or subscriptions, or the routes behind them, have changed. */
  reindex(session: ProxySession): void {
    const before = this.#interests.get(session) ?? new Set();
    const interests = session.interests();
    this.#interests.set(session, interests);
    for (const key of before) if (!interests.has(key)) this.#drop(session, key);
    for (const key of interests) {
      if (before.has(key)) continue;
      const sessions = this.#byInterest.get(key);
      if (sessions) sessions.add(session);
      else this.#byInterest.set(key, new Set([session]));
    }
  }

  /**
   * Endpoints of these services may have changed: pushes to who uses them, a burst in few pushes. Nobody waits
   * for it; who asks is told how things stand already.
   */
  publishEndpoints(serviceKeys: ReadonlySet<string>): void {
    if (serviceKeys.size === 0) return;
    this.#endpoints.add(this.#mesh.forgetEndpoints(serviceKeys));
    const { names } = this.#mesh;
    if ([...serviceKeys].some((key) => !names.has(key))) this.#publishNamesSoon();
  }

  /** New names of services go to everybody, so not one by one: until then, who asks is answered. */
  #publishNamesSoon(): void {
    if (this.#namesTimer !== undefined) return;
    this.#namesTimer = setTimeout(() => {
      this.#namesTimer = undefined;
      this.publish(this.#mesh.refreshNames());
    }, NAMES_PAUSE_MS);
    this.#namesTimer.unref();
  }

  /** The streams that a change of these resources would be pushed to. */
  concernedBy(keys: Iterable<string>): Set<ProxySession> {
    const concerned = new Set<ProxySession>();
    for (const key of keys) {
      for (const session of this.#byInterest.get(key) ?? []) concerned.add(session);
    }
    return concerned;
  }

  /** Pushes to every proxy that these resources concern, all in this very turn of the event loop. */
  publish(keys: ReadonlySet<string>): PendingDelivery {
    return this.publishTo(this.concernedBy(keys));
  }

  /** Pushes to these what they lack, all in this very turn of the event loop. */
  publishTo(concerned: ReadonlySet<ProxySession>): PendingDelivery {
    const answers = [...concerned].flatMap((session) => session.publish() ?? []);
    const delivery = new PendingDelivery(answers);
    for (const session of concerned) this.reindex(session); // routes may name other services now
    for (const session of this.#sessions.values()) {
      if (!concerned.has(session)) session.keepUp();
    }
    return delivery;
  }

  #unindex(session: ProxySession): void {
    for (const key of this.#interests.get(session) ?? []) this.#drop(session, key);
    this.#interests.delete(session);
  }

  #drop(session: ProxySession, key: string): void {
    const sessions = this.#byInterest.get(key);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#byInterest.delete(key);
  }
}

/** Collects the answers to one change. */
export class PendingDelivery {
  #total: number;
  #acked = 0;
  #lastAckedAt = 0;
  readonly #nacks: { proxyId: string; reason: string }[] = [];
  readonly #lastSendsMs = new Map<string, number>();
  #unheard = 0;
  #answered: Promise<unknown>;

  constructor(answers: readonly Promise<PushAnswer>[]) {
    this.#total = answers.length;
    this.#lastAckedAt = performance.now();
    this.#answered = Promise.all(answers.map((answer) => answer.then((one) => this.#take(one))));
  }

  /** Another control plane tells of its proxies, too; `undefined`: it does not. */
  include(part: Promise<DeliveryPart | undefined>): void {
    this.#unheard += 1;
    const taken = part.then((one) => one && this.#takePart(one));
    this.#answered = Promise.all([this.#answered, taken]);
  }

  /** Resolves when every proxy has answered, at the latest after `waitMs`. */
  async settle(waitMs = ACK_WAIT_MS): Promise<Delivery> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise((resolve) => {
      timer = setTimeout(resolve, waitMs);
    });
    await Promise.race([this.#answered, timeout]);
    clearTimeout(timer);
    return {
      total: this.#total,
      acked: this.#acked,
      nacks: [...this.#nacks],
      allAckedAt:
        this.#acked === this.#total && this.#unheard === 0 ? this.#lastAckedAt : undefined,
      lastSendsMs: this.#lastSendsMs,
      unheard: this.#unheard,
    };
  }

  #takePart({ total, acked, nacks, lastSendsMs }: DeliveryPart): void {
    this.#unheard -= 1;
    this.#total += total;
    this.#acked += acked;
    this.#nacks.push(...nacks);
    if (acked > 0) this.#lastAckedAt = performance.now();
    for (const [workload, atMs] of lastSendsMs) this.#noteSend(workload, atMs);
  }

  #noteSend(workload: string, atMs: number): void {
    this.#lastSendsMs.set(workload, Math.max(atMs, this.#lastSendsMs.get(workload) ?? 0));
  }

  #take(answer: PushAnswer): void {
    if (answer.kind === "gone") {
      this.#total -= 1; // no longer connected: it will catch up when it comes back
    } else if (answer.kind === "nacked") {
      this.#nacks.push({ proxyId: answer.proxyId, reason: answer.reason });
    } else {
      this.#acked += 1;
      this.#lastAckedAt = performance.now();
      for (const { namespace, workload, atMs } of answer.lastSends) {
        this.#noteSend(`${namespace}/${workload}`, atMs);
      }
    }
  }
}

/** A delivery as the API tells it, relative to when the request arrived (`performance.now()`). */
export function toPropagation(delivery: Delivery, startedAt: number, savedAt: number): Propagation {
  return {
    savedAfterMs: round(savedAt - startedAt),
    ...(delivery.allAckedAt === undefined
      ? {}
      : { ackedAfterMs: round(delivery.allAckedAt - startedAt) }),
    proxiesAcked: delivery.acked,
    proxiesTotal: delivery.total,
    nacks: delivery.nacks,
    ...(delivery.unheard === 0 ? {} : { replicasUnheard: delivery.unheard }),
  };
}

/** Tenths of a millisecond: finer than that is noise. */
export function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
