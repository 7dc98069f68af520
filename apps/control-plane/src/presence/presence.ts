/** One open page of one person. */
export type PageVisit = {
  readonly subject: string;
  readonly name: string;
  readonly page: string;
};

type Visit = PageVisit & { readonly sinceMs: number; lastMs: number };

/** Pages say each 20 s that they are open; one that has missed two of them is gone. */
const GONE_AFTER_MS = 45_000;
/** Beyond these the one heard of longest ago makes room. */
const MAX_VISITS = 2000;
const MAX_TOLD = 20;

/** Who has what open in the console. In memory only: it is over as soon as nobody says so. */
export class Presence {
  /** In the order in which they were last heard of. */
  readonly #visits = new Map<string, Visit>();

  /** What a page says of itself. `true`: it is news to others at its subject. */
  hear({ isLeft, ...visit }: PageVisit & { readonly isLeft: boolean }, nowMs: number): boolean {
    return isLeft ? this.leave(visit) : this.note(visit, nowMs);
  }

  /** `true`: this person was not there before. */
  note(visit: PageVisit, nowMs: number): boolean {
    this.#forget(nowMs);
    const isNew = !this.#has(visit);
    const key = keyOf(visit);
    const known = this.#visits.get(key);
    this.#visits.delete(key);
    this.#visits.set(key, { ...visit, sinceMs: known?.sinceMs ?? nowMs, lastMs: nowMs });
    if (this.#visits.size > MAX_VISITS) {
      const [oldest] = this.#visits.keys();
      if (oldest !== undefined) this.#visits.delete(oldest);
    }
    return isNew;
  }

  /** `true`: this person is there no longer, by no page of his. */
  leave(visit: PageVisit): boolean {
    return this.#visits.delete(keyOf(visit)) && !this.#has(visit);
  }

  /** Other people at the same subject, the longest first. */
  othersAt(
    { subject, name }: Pick<PageVisit, "subject" | "name">,
    nowMs: number,
  ): { name: string; sinceMs: number }[] {
    this.#forget(nowMs);
    const since = new Map<string, number>();
    for (const visit of this.#visits.values()) {
      if (visit.subject !== subject || visit.name === name) continue;
      since.set(visit.name, Math.min(visit.sinceMs, since.get(visit.name) ?? Infinity));
    }
    return [...since]
      .map(([other, sinceMs]) => ({ name: other, sinceMs }))
      .sort((a, b) => a.sinceMs - b.sinceMs)
      .slice(0, MAX_TOLD);
  }

  #has({ subject, name }: PageVisit): boolean {
    return this.#visits.values().some((one) => one.subject === subject && one.name === name);
  }

  #forget(nowMs: number): void {
    for (const [key, { lastMs }] of this.#visits) {
      if (lastMs > nowMs - GONE_AFTER_MS) return;
      this.#visits.delete(key);
    }
  }
}

function keyOf({ subject, name, page }: PageVisit): string {
  return JSON.stringify([subject, name, page]);
}
