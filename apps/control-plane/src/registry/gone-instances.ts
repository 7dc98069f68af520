import type { GoneCause } from "@heddle/contracts";
import type { StoredInstance } from "@heddle/store";

/** An instance that has left, and why. */
export type GoneNote = {
  readonly instance: StoredInstance;
  readonly proxyName: string | undefined;
  readonly cause: GoneCause;
  readonly goneAtMs: number;
};

/** So long a gone instance is shown. */
export const SHOWN_MS = 15 * 60_000;
const MAX_SHOWN = 1000;

/** Who has left within the last minutes, as seen by this control plane. */
export class GoneInstances {
  readonly #notes = new Map<string, GoneNote>();

  note(note: GoneNote): void {
    const { instanceId } = note.instance;
    this.#notes.delete(instanceId); // the newest stands last
    this.#notes.set(instanceId, note);
    for (const [oldest, { goneAtMs }] of this.#notes) {
      if (this.#notes.size <= MAX_SHOWN && goneAtMs > note.goneAtMs - SHOWN_MS) break;
      this.#notes.delete(oldest);
    }
  }

  find(instanceId: string): GoneNote | undefined {
    return this.#notes.get(instanceId);
  }

  /** It is back. */
  forget(instanceId: string): void {
    this.#notes.delete(instanceId);
  }

  /** Newest first. */
  since(sinceMs: number): GoneNote[] {
    return [...this.#notes.values()].filter((note) => note.goneAtMs > sinceMs).reverse();
  }

  all(nowMs: number): GoneNote[] {
    return this.since(nowMs - SHOWN_MS);
  }
}
