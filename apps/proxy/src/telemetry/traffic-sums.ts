import type { SideCount } from "../control/tally-teller.ts";
import { isFailure } from "./is-failure.ts";
import type { Recorder } from "./recorder.ts";
import type { LabelSet } from "./series-labels.ts";

const DENIED: ReadonlySet<string> = new Set(["401", "403", "429"]);

/**
 * The requests of all series since the start, by workload and side. They only grow: a series that is given up, which
 * happens a minute after its last request at the earliest, takes nothing back if it was counted in between.
 */
export class TrafficSums {
  readonly #sums = new Map<string, SideCount>();
  /** By slot: its series, and what of it is in the sums. */
  readonly #counted: { version: number; requests: number }[] = [];

  /** Walks over all series: not for the request path. */
  count({ table, counters }: Recorder): Map<string, SideCount> {
    for (let slot = 0; slot < table.slotCount; slot++) {
      const labels = table.labels(slot);
      if (labels !== undefined) {
        this.#add(labels, this.#grown(slot, table.versionOf(slot), counters.requests[slot] ?? 0));
      }
    }
    return new Map(this.#sums);
  }

  #grown(slot: number, version: number, requests: number): number {
    const counted = this.#counted[slot];
    this.#counted[slot] = { version, requests };
    return counted?.version === version ? requests - counted.requests : requests;
  }

  #add(labels: LabelSet, requests: number): void {
    const side = sideOf(labels);
    if (side === undefined) return;
    const peer = side === "sent" ? "source" : "destination";
    const namespace = valueOf(labels, `${peer}_workload_namespace`) ?? "";
    const name = valueOf(labels, `${peer}_workload`) ?? "";
    const key = `${side} ${namespace}/${name}`;
    const sum = this.#sums.get(key) ?? { namespace, name, side, requests: 0, errors: 0, denied: 0 };
    const code = valueOf(labels, "response_code") ?? "0";
    const isError = isFailure(Number(code), valueOf(labels, "grpc_response_status"));
    this.#sums.set(key, {
      ...sum,
      requests: sum.requests + requests,
      errors: sum.errors + (isError ? requests : 0),
      denied: sum.denied + (!isError && DENIED.has(code) ? requests : 0),
    });
  }
}

function sideOf(labels: LabelSet): SideCount["side"] | undefined {
  const reporter = valueOf(labels, "reporter");
  if (reporter === "source") return "sent";
  return reporter === "destination" ? "received" : undefined; // neither: the overflow
}

function valueOf(labels: LabelSet, wanted: string): string | undefined {
  for (const [name, value] of labels) if (name === wanted) return value;
  return undefined;
}
