import type { PreviewNote, SimulatedOutcome } from "@heddle/contracts";
import { compileRoutes } from "@heddle/mesh";
import { findLine } from "@heddle/resources";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import { isOf, type MeshDocument } from "../snapshot/mesh-document.ts";
import { inTime } from "../traffic/wording.ts";
import { describeKey } from "./outcome-words.ts";
import type { RulePair } from "./rule-pairs.ts";
import { type RouteTally, routeKey, type SimulatedTraffic } from "./simulate-traffic.ts";

const P99 = 0.99;
/** What a suggested timeout leaves above the slowest p99. */
const HEADROOM = 1.25;
/** Figures a person would write. */
const STEPS = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** Timeouts that requests of the last minutes would have run into, each with one that is long enough. */
export function timeoutNotes(
  pairs: readonly RulePair[],
  simulated: SimulatedTraffic,
  after: ConfigSnapshot,
): PreviewNote[] {
  return pairs.flatMap((pair) =>
    compileRoutes(pair.after.routes).flatMap(({ route, match }): PreviewNote[] => {
      const { timeoutMs, name } = route;
      const tally = simulated.tallies.get(pair)?.get(routeKey(name, match));
      if (timeoutMs === undefined || tally === undefined || tally.timedOut <= 0) return [];
      const place = placeOf(pair, name, after);
      const advised = adviseMs([...tally.slow.keys()], simulated, timeoutMs);
      const message = describe(pair, timeoutMs, tally, simulated);
      if (!place) return [{ level: "traffic", code: "timeout-below-p99", message }];
      const { kind, namespace, name: document } = place.document.resource;
      const line = findLine(place.document.yaml, place.path);
      return [
        {
          level: "traffic",
          code: "timeout-below-p99",
          message,
          document: { kind, namespace, name: document },
          path: place.text,
          ...(line === undefined ? {} : { line }),
          fix: { label: `Use ${inTime(advised)}`, path: place.text, value: toDuration(advised) },
        },
      ];
    }),
  );
}

function describe(
  { service }: RulePair,
  timeoutMs: number,
  { timedOut, requests, slow }: RouteTally,
  { latencies }: SimulatedTraffic,
): string {
  const keys = [...slow].sort(([, a], [, b]) => b - a).map(([key]) => key);
  const isBelow = (key: string) => (latencies.quantile(key, P99) ?? 0) > timeoutMs;
  const below = keys.filter(isBelow).map((key) => describeKey(key, service));
  const every = Math.max(1, Math.round(requests / timedOut));
  const many = `1 of ${every} would time out.`;
  if (below.length === 0) return `${inTime(timeoutMs)} is short: ${many}`;
  const last = below.at(-1) ?? "";
  const names = below.length === 1 ? last : `${below.slice(0, -1).join(", ")} and ${last}`;
  return `${inTime(timeoutMs)} is below the p99 of ${names}: ${many}`;
}

function adviseMs(keys: readonly string[], { latencies }: SimulatedTraffic, least: number): number {
  const slowest = Math.max(least, ...keys.map((key) => latencies.quantile(key, P99) ?? 0));
  const wanted = slowest * HEADROOM;
  const unit = 10 ** Math.floor(Math.log10(wanted));
  return Math.ceil((STEPS.find((step) => step * unit >= wanted) ?? 10) * unit);
}

function toDuration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

type Place = {
  readonly document: MeshDocument;
  readonly path: readonly (string | number)[];
  readonly text: string;
};

/** Where a route's timeout is written: in its own document, or in a TrafficPolicy over it. */
function placeOf({ service }: RulePair, name: string, after: ConfigSnapshot): Place | undefined {
  const { ruleSets } = after.service(service);
  for (const { rules } of ruleSets) {
    const found = rules.routes.find(({ route }) => route.name === name);
    if (!found) continue;
    const policy = found.changedBy.findLast(
      (one) => isOf(one, "TrafficPolicy") && one.resource.timeoutMs !== undefined,
    );
    if (policy) return { document: policy, path: ["spec", "timeout"], text: "spec.timeout" };
    const { origin } = found;
    if (!origin || !isOf(origin, "VirtualService")) continue;
    const index = origin.resource.routes.find((one) => one.name === name)?.index;
    if (index === undefined) continue;
    return {
      document: origin,
      path: ["spec", "http", index, "timeout"],
      text: `spec.http[${index}].timeout`,
    };
  }
  return undefined;
}

/** Requests of the last minutes that would fail. */
export function failureNotes(outcomes: readonly SimulatedOutcome[]): PreviewNote[] {
  const failing = new Set(["denied", "not-found", "no-endpoints"]);
  return outcomes
    .filter(({ kind }) => failing.has(kind))
    .map(({ kind, text, sampled, perSecond }) => ({
      level: "traffic" as const,
      code:
        kind === "denied" ? "requests-denied" : kind === "not-found" ? "requests-unrouted" : kind,
      message: `${sampled} sampled requests${perSecond === undefined ? "" : ` (${perSecond} a second)`} ${text}.`,
    }));
}
