import type { SimulatedOutcome, Simulation } from "@heddle/contracts";
import { formatId, type ServiceId, type SimulatedEnd } from "@heddle/mesh";
import { inTime } from "../traffic/wording.ts";
import type { EndedSample } from "./ended-sample.ts";

const MAX_OUTCOMES = 50;
const MAX_EXAMPLES = 20;

/** A destination's key as people call it: `v3` of the service asked for, else `ratings v2`, or a workload's name. */
export function describeKey(key: string | undefined, own: ServiceId): string {
  if (key === undefined) return "nobody";
  const bar = key.indexOf("|");
  const host = key.slice(0, bar);
  const rest = key.slice(bar + 1);
  if (host === "") return rest;
  const [name = host, namespace] = host.endsWith(".svc.cluster.local") ? host.split(".") : [host];
  if (name === own.name && (namespace === undefined || namespace === own.namespace)) {
    return rest === "" ? name : rest;
  }
  const service =
    namespace === undefined || namespace === own.namespace ? name : `${namespace}/${name}`;
  return rest === "" ? service : `${service} ${rest}`;
}

/** The ends of all sampled requests, put together by kind. */
export function foldOutcomes(ends: readonly EndedSample[], seconds: number): SimulatedOutcome[] {
  const groups = new Map<string, EndedSample[]>();
  let total = 0;
  for (const one of ends) {
    total += one.end.ratio * one.sample.weight;
    const key = groupOf(one);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  const outcomes = [...groups.values()].map((group) => toOutcome(group, total, seconds));
  return outcomes
    .sort((a, b) => Number(b.kind === "same") - Number(a.kind === "same") || b.ratio - a.ratio)
    .slice(0, MAX_OUTCOMES);
}

/** Ends that read alike; paths and locations are left to the examples. */
function groupOf({ end, service }: EndedSample): string {
  const { kind, from, to, detail } = end;
  if (kind === "same") return kind;
  const isPath = kind === "rewritten" || kind === "redirected";
  return [kind, formatId(service), kind === "moved" ? from : "", to, isPath ? "" : detail].join(
    "|",
  );
}

function toOutcome(
  group: readonly EndedSample[],
  total: number,
  seconds: number,
): SimulatedOutcome {
  const sampled = group.reduce((sum, { end }) => sum + end.ratio, 0);
  const weight = group.reduce((sum, { end, sample }) => sum + end.ratio * sample.weight, 0);
  const [first] = group;
  const end: SimulatedEnd = first?.end ?? { kind: "same", ratio: 0 };
  const own = first?.service ?? { namespace: "", name: "" };
  const examples = group.toSorted((a, b) => b.sample.startMs - a.sample.startMs);
  return {
    kind: end.kind,
    text: describeEnd(end, own),
    ...(end.kind === "same" || end.from === undefined ? {} : { from: describeKey(end.from, own) }),
    ...(end.kind === "same" || end.to === undefined ? {} : { to: describeKey(end.to, own) }),
    sampled: round(sampled, 10),
    ratio: total === 0 ? 0 : round(weight / total, 100_000),
    perSecond: round(weight / seconds, 100),
    examples: examples.slice(0, MAX_EXAMPLES).map(toExample),
  };
}

function toExample({ sample, service, end }: EndedSample): SimulatedOutcome["examples"][number] {
  return {
    traceId: sample.traceId,
    atMs: sample.startMs,
    source: sample.address ?? sample.source,
    service: service.name === "" ? sample.destination : formatId(service),
    method: sample.method,
    path: sample.path,
    status: sample.status,
    durationMs: round(sample.durationMs, 10),
    wentTo: sample.destination,
    ratio: round(end.ratio, 1000),
  };
}

function describeEnd({ kind, from, to, detail = "" }: SimulatedEnd, own: ServiceId): string {
  const target = describeKey(to, own);
  switch (kind) {
    case "same":
      return "would go as they did";
    case "moved":
      return from === undefined
        ? `would go to ${target}`
        : `would go from ${describeKey(from, own)} to ${target}`;
    case "rewritten":
      return `would reach ${target} under another path or host`;
    case "redirected":
      return "would be redirected by the rule";
    case "answered":
      return `would be answered ${detail} by the rule`;
    case "denied":
      return `would be denied by ${target}`;
    case "not-found":
      return "would match no route (404)";
    case "fault":
      return `would get ${detail} injected`;
    case "delayed":
      return `would be delayed by ${inTime(Number(detail))}`;
    case "timed-out":
      return `would time out at ${inTime(Number(detail))}`;
    case "no-endpoints":
      return `would find nobody who serves ${target} (503)`;
    case "retried":
      return `failed at ${target}, and would be tried again`;
    case "not-retried":
      return `were saved by another try at ${target}, and would fail`;
    case "rate-limited":
      return `would find no room in limit ${detail} of ${target} (429)`;
    case "recovered":
      return describeRecovery(detail);
    default:
      return `cannot tell: depends on ${detail}`;
  }
}

function describeRecovery(detail: string): string {
  if (detail === "let in") return "would be let in";
  if (detail === "room") return "found no room in a limit, and would";
  if (detail === "not delayed") return "would not be delayed any more";
  if (detail.startsWith("timeout ")) {
    const ms = Number(detail.slice("timeout ".length));
    return `timed out, and would have ${Number.isNaN(ms) ? "no timeout" : inTime(ms)}`;
  }
  return "would get no fault injected any more";
}

/** What no span tells and the rules ask for. */
export function missingOf(outcomes: readonly SimulatedOutcome[]): Simulation["missing"] {
  const asked = outcomes.flatMap(({ kind, text }) =>
    kind === "unknown" ? text.replace("cannot tell: depends on ", "").split(", ") : [],
  );
  return [...new Set(asked)].sort();
}

export function round(value: number, steps: number): number {
  return Math.round(value * steps) / steps;
}
