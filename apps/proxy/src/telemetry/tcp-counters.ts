/** Exact counts of opaque connections since the start, by series. */
export class TcpCounters {
  readonly opened: number[] = [];
  readonly closed: number[] = [];
  readonly sentBytes: number[] = [];
  readonly receivedBytes: number[] = [];

  /** Makes room for `count` series. */
  reserve(count: number): void {
    for (const counts of [this.opened, this.closed, this.sentBytes, this.receivedBytes]) {
      while (counts.length < count) counts.push(0);
    }
  }
}

export function addTo(counts: number[], series: number, count: number): void {
  counts[series] = (counts[series] as number) + count;
}
