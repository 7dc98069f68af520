import type { SideCount } from "../control/tally-teller.ts";
import { isFailure } from "./is-failure.ts";
import type { Recorder } from "./recorder.ts";
import type { LabelSet } from "./series-labels.ts";

const DENIED: ReadonlySet<string> = new Set(["401", "403", "429"]);

/** Sums the series of requests by workload and side. Walks over all of them: not for the request path. */
export function countTraffic({ table, counters }: Recorder): Map<string, SideCount> {
  const counts = new Map<string, SideCount>();
  for (let slot = 0; slot < table.slotCount; slot++) {
    const labels = table.labels(slot);
    if (labels === undefined) continue;
    const side = sideOf(labels);
    if (side === undefined) continue;
    const peer = side === "sent" ? "source" : "destination";
    const namespace = valueOf(labels, `${peer}_workload_namespace`) ?? "";
    const name = valueOf(labels, `${peer}_workload`) ?? "";
    const key = `${side} ${namespace}/${name}`;
    const count = counts.get(key) ?? { namespace, name, side, requests: 0, errors: 0, denied: 0 };
    counts.set(key, count);
    const requests = counters.requests[slot] ?? 0;
    const code = valueOf(labels, "response_code") ?? "0";
    count.requests += requests;
    if (isFailure(Number(code), valueOf(labels, "grpc_response_status"))) count.errors += requests;
    else if (DENIED.has(code)) count.denied += requests;
  }
  return counts;
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
