/** The hop that failed a request; `app` also where the proxy did not say. */
export type FailedBy = "app" | "outbound-proxy" | "inbound-proxy" | "network";

/** How requests failed: the hop, Envoy's flags (`-`: none), the answer's code (0: none). */
export type FailureKind = {
  readonly failedBy: FailedBy;
  readonly flags: string;
  readonly code: number;
  /** Number of the gRPC status; empty: no gRPC, or none came. */
  readonly grpcStatus: string;
};

/** A kind and how often it was met. */
export type CountedFailure = FailureKind & { readonly count: number };

/** Kinds told apart in one tally; what lies beyond counts in its sums only. */
const MAX_KINDS = 64;

/** Failures by kind. Most tallies have none, so nothing is kept before the first. */
export class FailureKinds {
  #counts: Map<string, { readonly kind: FailureKind; count: number }> | undefined;

  add(kind: FailureKind, count: number): void {
    if (count <= 0) return;
    this.#counts ??= new Map();
    const key = `${kind.failedBy} ${kind.flags} ${kind.code} ${kind.grpcStatus}`;
    const known = this.#counts.get(key);
    if (known !== undefined) known.count += count;
    else if (this.#counts.size < MAX_KINDS) this.#counts.set(key, { kind, count });
  }

  merge(other: FailureKinds): void {
    for (const { kind, count } of other.#counts?.values() ?? []) this.add(kind, count);
  }

  /** The most frequent first; equals in order of their words. */
  top(limit: number): CountedFailure[] {
    if (this.#counts === undefined) return [];
    return [...this.#counts]
      .sort(([a, { count: more }], [b, { count }]) => count - more || (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([, { kind, count }]) => ({ ...kind, count }));
  }

  /** One short text; empty: no failure. */
  encode(): string {
    const all = this.top(MAX_KINDS);
    if (all.length === 0) return "";
    return JSON.stringify(
      all.map(({ failedBy, flags, code, grpcStatus, count }) => [
        failedBy,
        flags,
        code,
        grpcStatus,
        count,
      ]),
    );
  }

  /** What `encode` has made; of anything else as much as can be read. */
  static decode(text: string): FailureKinds {
    const kinds = new FailureKinds();
    if (text === "") return kinds;
    const rows: unknown = JSON.parse(text);
    for (const row of Array.isArray(rows) ? rows : []) {
      if (!Array.isArray(row)) continue;
      const [failedBy, flags, code, grpcStatus, count] = row as unknown[];
      if (!isFailedBy(failedBy) || typeof flags !== "string" || !isCount(code)) continue;
      if (typeof grpcStatus !== "string" || !isCount(count)) continue;
      kinds.add({ failedBy, flags, code, grpcStatus }, count);
    }
    return kinds;
  }
}

function isFailedBy(value: unknown): value is FailedBy {
  return (
    value === "app" ||
    value === "outbound-proxy" ||
    value === "inbound-proxy" ||
    value === "network"
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
