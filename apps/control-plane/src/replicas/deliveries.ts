import type { DeliveryPart, PendingDelivery } from "../stream/hub.ts";
import type { Notice } from "./notice.ts";
import type { Replicas } from "./replicas.ts";

type Told = Extract<Notice, { type: "delivery" }>;

/** Another control plane that has not begun by then may have died: nobody waits for it. */
const BEGIN_WAIT_MS = 500;
const ANSWER_WAIT_MS = 2_000;
const MAX_NACKS = 20;
const MAX_REASON_LENGTH = 200;
const MAX_SENDS = 60;

type Waiting = {
  readonly revision: number;
  readonly hear: (told: Told) => void;
};

/**
 * How far a revision gets, over all control planes: each tells of its own proxies, and the one where the change
 * was made adds up.
 */
export class Deliveries {
  readonly #replicas: Pick<Replicas, "others" | "hears" | "tell">;
  readonly #waiting = new Map<string, Set<Waiting>>();

  constructor(replicas: Pick<Replicas, "others" | "hears" | "tell">) {
    this.#replicas = replicas;
  }

  /** A revision made here is on its way: what the others' proxies make of it becomes part of `delivery`. */
  gather(revision: number, delivery: PendingDelivery): void {
    for (const { id } of this.#replicas.others) {
      // One that cannot hear of it now finds it within a second; or it has died.
      const isHearing = this.#replicas.hears(id);
      delivery.include(isHearing ? this.#expect(id, revision) : Promise.resolve(undefined));
    }
  }

  /** A revision made elsewhere is on its way here: tells how far it gets. */
  async report(revision: number, delivery: PendingDelivery): Promise<void> {
    this.#tell(revision, { total: 0, acked: 0, nacks: [], lastSendsMs: new Map() }, false);
    this.#tell(revision, await delivery.settle(ANSWER_WAIT_MS), true);
  }

  hear(told: Told): void {
    for (const one of this.#waiting.get(told.from) ?? []) {
      // What was taken over together is told once, for the newest.
      if (told.revision >= one.revision) one.hear(told);
    }
  }

  #tell(revision: number, part: DeliveryPart, isFinal: boolean): void {
    const { total, acked } = part;
    const nacks = part.nacks.slice(0, MAX_NACKS).map(({ proxyId, reason }) => {
      return { proxyId, reason: reason.slice(0, MAX_REASON_LENGTH) };
    });
    const sends = [...part.lastSendsMs].toSorted(([, a], [, b]) => b - a).slice(0, MAX_SENDS);
    const lastSendsMs = Object.fromEntries(sends);
    this.#replicas.tell({ type: "delivery", revision, isFinal, total, acked, nacks, lastSendsMs });
  }

  #expect(replicaId: string, revision: number): Promise<DeliveryPart | undefined> {
    const all = this.#waiting.get(replicaId) ?? new Set();
    this.#waiting.set(replicaId, all);
    return new Promise((resolve) => {
      let timer = setTimeout(() => end(undefined), BEGIN_WAIT_MS);
      const end = (part: DeliveryPart | undefined) => {
        clearTimeout(timer);
        all.delete(waiting);
        if (all.size === 0) this.#waiting.delete(replicaId);
        resolve(part);
      };
      const waiting: Waiting = {
        revision,
        hear: (told) => {
          if (told.isFinal) {
            return end({ ...told, lastSendsMs: new Map(Object.entries(told.lastSendsMs)) });
          }
          clearTimeout(timer);
          timer = setTimeout(() => end(undefined), ANSWER_WAIT_MS);
        },
      };
      all.add(waiting);
    });
  }
}
