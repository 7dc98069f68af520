/** Exact counts of opaque connections since the start, by slot. */
export class TcpCounters {
  readonly opened: number[] = [];
  readonly closed: number[] = [];
  readonly sentBytes: number[] = [];
  readonly receivedBytes: number[] = [];

  /** Makes room for `count` slots. */
  reserve(count: number): void {
    for (const counts of this.#all) while (counts.length < count) counts.push(0);
  }

  /** Connections that are open now. */
  openOf(slot: number): number {
    return (this.opened[slot] ?? 0) - (this.closed[slot] ?? 0);
  }

  clear(slot: number): void {
    for (const counts of this.#all) counts[slot] = 0;
  }

  get #all(): readonly number[][] {
    return [this.opened, this.closed, this.sentBytes, this.receivedBytes];
  }
}

export function addTo(counts: number[], slot: number, count: number): void {
  counts[slot] = (counts[slot] as number) + count;
}
