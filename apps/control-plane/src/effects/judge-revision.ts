import type {
  EffectPoint,
  EffectSide,
  EffectSummary,
  EffectVerdict,
  RevisionEffect,
  ServiceEffect,
} from "@heddle/contracts";
import {
  goldenSignals,
  judgeEffect,
  mtlsRatio,
  type ServiceJudgement,
  type SignalEffect,
  sumTallies,
  TrafficTally,
  weightOf,
  worstVerdict,
} from "@heddle/mesh";
import type { ServiceStep } from "@heddle/store";
import { type EffectWindow, STEP_MS } from "./effect-window.ts";

const MAX_SERVICES = 20;

type Span = { readonly fromMs: number; readonly toMs: number };
type Judged = {
  readonly service: string;
  readonly steps: ReadonlyMap<number, TrafficTally>;
  readonly sums: readonly [TrafficTally, TrafficTally];
  readonly judgement: ServiceJudgement;
};

/** Judges a revision by what is known of its window. `isFinal`: nothing more will be. */
export function judgeRevision(
  revision: number,
  window: EffectWindow,
  steps: readonly ServiceStep[],
  when: { readonly knownUntilMs: number; readonly isFinal: boolean; readonly nowMs: number },
): RevisionEffect {
  const after = { ...window.after, toMs: Math.max(window.after.fromMs, lesser(window, when)) };
  const byService = groupSteps(steps);
  const judged = [...byService].map(([service, ofService]): Judged => {
    const sides = [tallies(ofService, window.before), tallies(ofService, after)] as const;
    const judgement = judgeEffect(...sides, { services: byService.size, isFinal: when.isFinal });
    const sums = [sumTallies(sides[0]), sumTallies(sides[1])] as const;
    return { service, steps: ofService, sums, judgement };
  });
  const verdict = worstVerdict(judged.map(({ judgement }) => judgement.verdict));
  const busiest = judged.sort((a, b) => trafficOf(b) - trafficOf(a)).slice(0, MAX_SERVICES);
  return {
    ...summarize(judged, verdict, when.isFinal),
    revision,
    judgedAtMs: when.nowMs,
    before: window.before,
    after,
    ...(window.previousRevision === undefined ? {} : { previousRevision: window.previousRevision }),
    ...(window.nextRevision === undefined ? {} : { nextRevision: window.nextRevision }),
    services: busiest.map((one) => toServiceEffect(one, window.before, after)),
    servicesTotal: judged.length,
  };
}

function lesser({ after }: EffectWindow, { knownUntilMs }: { readonly knownUntilMs: number }) {
  return Math.min(after.toMs, knownUntilMs);
}

/** While time passes, only what is certain already is told. */
function summarize(
  judged: readonly Judged[],
  verdict: ReturnType<typeof worstVerdict>,
  isFinal: boolean,
): EffectSummary {
  const isDecided = verdict === "worse" || verdict === "better";
  const because = isDecided ? decisive(judged, verdict) : undefined;
  const told: EffectVerdict = isDecided || isFinal ? verdict : "pending";
  return {
    verdict: told,
    isFinal,
    ...(because === undefined ? {} : { because }),
    requestsBefore: judged.reduce((sum, { sums }) => sum + sums[0].requests, 0),
    requestsAfter: judged.reduce((sum, { sums }) => sum + sums[1].requests, 0),
  };
}

/** The figure that moved most; errors before latency, as people would say it. */
function decisive(
  judged: readonly Judged[],
  verdict: "worse" | "better",
): EffectSummary["because"] {
  const moved = judged.flatMap(({ service, judgement }) =>
    judgement.signals
      .filter((one) => one.verdict === verdict)
      .map((one) => ({ service, one, rank: rankOf(one) })),
  );
  const [first] = moved.sort((a, b) => a.rank - b.rank || weightOf(b.one) - weightOf(a.one));
  if (first?.one.before === undefined || first.one.after === undefined) return undefined;
  const { service, one } = first;
  return { service, signal: one.signal, before: first.one.before, after: first.one.after };
}

function rankOf({ signal }: SignalEffect): number {
  if (signal === "errorRatio") return 0;
  return signal === "mtlsRatio" ? 2 : 1;
}

function toServiceEffect(one: Judged, before: Span, after: Span): ServiceEffect {
  const points = [...one.steps]
    .filter(([startMs]) => startMs >= before.fromMs && startMs < after.toMs)
    .sort(([a], [b]) => a - b);
  return {
    service: one.service,
    verdict: one.judgement.verdict,
    before: toSide(one.sums[0], before.toMs - before.fromMs),
    after: toSide(one.sums[1], after.toMs - after.fromMs),
    signals: one.judgement.signals.map(({ signal, verdict }) => ({ signal, verdict })),
    points: points.map(([startMs, tally]): EffectPoint => {
      const { errors: _, ...point } = toSide(tally, STEP_MS);
      return { startMs, ...point };
    }),
  };
}

function toSide(tally: TrafficTally, lengthMs: number): EffectSide {
  const { requests, errors, errorRatio, p50Ms, p95Ms, p99Ms } = goldenSignals(tally, lengthMs);
  const mtls = mtlsRatio(tally);
  return {
    requests,
    requestsPerSecond: lengthMs > 0 ? (requests * 1000) / lengthMs : 0,
    errors,
    ...(errorRatio === undefined ? {} : { errorRatio }),
    ...(p50Ms === undefined ? {} : { p50Ms }),
    ...(p95Ms === undefined ? {} : { p95Ms }),
    ...(p99Ms === undefined ? {} : { p99Ms }),
    ...(mtls === undefined ? {} : { mtlsRatio: mtls }),
  };
}

function trafficOf({ sums }: Judged): number {
  return sums[0].requests + sums[1].requests;
}

function groupSteps(steps: readonly ServiceStep[]): Map<string, Map<number, TrafficTally>> {
  const grouped = new Map<string, Map<number, TrafficTally>>();
  for (const { service, startMs, tally } of steps) {
    const ofService = grouped.get(service) ?? new Map<number, TrafficTally>();
    ofService.set(startMs, tally);
    grouped.set(service, ofService);
  }
  return grouped;
}

/** One tally a step, quiet ones too. */
function tallies(steps: ReadonlyMap<number, TrafficTally>, { fromMs, toMs }: Span): TrafficTally[] {
  const count = Math.max(0, Math.round((toMs - fromMs) / STEP_MS));
  return Array.from({ length: count }, (_, i) => steps.get(fromMs + i * STEP_MS) ?? NONE);
}

const NONE = Object.freeze(new TrafficTally());
