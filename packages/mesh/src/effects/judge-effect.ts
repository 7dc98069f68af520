import { goldenSignals, mtlsRatio } from "../signals/golden-signals.ts";
import { TrafficTally } from "../signals/traffic-tally.ts";
import { differByMoreThanChance, type ShareBlock } from "./compare-shares.ts";

/** `not-enough-traffic`: too little on one side to tell. `no-change`: none that could be told or matters. */
export type EffectVerdict = "worse" | "better" | "no-change" | "not-enough-traffic";

/** The figures judged; of each, more is worse, but for `mtlsRatio`. */
export type EffectSignal = "errorRatio" | "p50Ms" | "p95Ms" | "p99Ms" | "mtlsRatio";

/** One figure of one service on both sides; `undefined`: no data. Ratios are 0–1. */
export type SignalEffect = {
  readonly signal: EffectSignal;
  readonly verdict: EffectVerdict;
  readonly before: number | undefined;
  readonly after: number | undefined;
};

/** What followed a change for one service. */
export type ServiceJudgement = {
  readonly verdict: EffectVerdict;
  readonly signals: readonly SignalEffect[];
};

/** Of all changes that change nothing, at most so many are called better or worse. */
export const FALSE_VERDICT_RATIO = 0.01;
/** While time still passes a change is judged again and again, at most 40 times: each look has this part of that. */
const INTERIM_PART = 0.005;
const FINAL_PART = 1 - 40 * INTERIM_PART;

const LEAST_REQUESTS = 30;
/** Slower than the quantile are so many of a side's requests at least. */
const LEAST_ABOVE_QUANTILE = 10;
const QUANTILES = { p50Ms: 0.5, p95Ms: 0.95, p99Ms: 0.99 } as const;
/** What breaks late hides in the mean of all minutes: errors are also looked for in these last parts of them. */
const LATE_PARTS = [1 / 2, 1 / 6];
const COMPARISONS = 2 + Object.keys(QUANTILES).length + LATE_PARTS.length;

// What is smaller does not matter, however certain it is.
const LEAST_RATIO_STEP = 0.001;
const SURE_RATIO_STEP = 0.01;
const LEAST_RATIO_FACTOR = 1.5;
const LEAST_LATENCY_MS = 1;
const LEAST_LATENCY_FACTOR = 1.1;

/**
 * Judges what followed a change for one of `services` services, from steps of equal length on both sides. An error
 * share moved if it differs by more than chance explains and by a percentage point, or by a tenth of one and half as
 * much again; a latency quantile if it did so by a tenth and 1 ms; the share of mTLS by a percentage point.
 * `isFinal`: no more steps will come.
 */
export function judgeEffect(
  before: readonly TrafficTally[],
  after: readonly TrafficTally[],
  { services, isFinal }: { readonly services: number; readonly isFinal: boolean },
): ServiceJudgement {
  const part = isFinal ? FINAL_PART : INTERIM_PART;
  const alpha = (FALSE_VERDICT_RATIO * part) / (Math.max(1, services) * COMPARISONS);
  const sides: Sides = { before, after, sums: [sumTallies(before), sumTallies(after)] };
  const signals = [
    judgeErrors(sides, alpha),
    ...(["p50Ms", "p95Ms", "p99Ms"] as const).map((signal) => judgeQuantile(sides, signal, alpha)),
    judgeMtls(sides, alpha),
  ];
  return { verdict: worstVerdict(signals.map(({ verdict }) => verdict)), signals };
}

/** Worse before better before no change; without any judged figure not enough traffic. */
export function worstVerdict(verdicts: readonly EffectVerdict[]): EffectVerdict {
  const order = ["worse", "better", "no-change"] as const;
  return order.find((verdict) => verdicts.includes(verdict)) ?? "not-enough-traffic";
}

/** How many times one value is of the other; what decides among several that moved. */
export function weightOf({ signal, before = 0, after = 0 }: SignalEffect): number {
  const least =
    signal === "errorRatio" || signal === "mtlsRatio" ? LEAST_RATIO_STEP : LEAST_LATENCY_MS;
  return (Math.max(before, after) + least) / (Math.min(before, after) + least);
}

export function sumTallies(tallies: readonly TrafficTally[]): TrafficTally {
  const sum = new TrafficTally();
  for (const tally of tallies) sum.merge(tally);
  return sum;
}

type Sides = {
  readonly before: readonly TrafficTally[];
  readonly after: readonly TrafficTally[];
  readonly sums: readonly [before: TrafficTally, after: TrafficTally];
};

function judgeErrors(sides: Sides, alpha: number): SignalEffect {
  const blockOf = ({ requests, errors }: TrafficTally) => ({ trials: requests, hits: errors });
  const of = (sum: TrafficTally) => goldenSignals(sum, 1).errorRatio;
  const whole = judgeShare(sides, "errorRatio", of, blockOf, alpha);
  if (whole.verdict !== "no-change") return whole;
  const isLate = LATE_PARTS.some((part) => {
    const last = sides.after.slice(Math.floor(sides.after.length * (1 - part)));
    const late: Sides = { ...sides, after: last, sums: [sides.sums[0], sumTallies(last)] };
    return judgeShare(late, "errorRatio", of, blockOf, alpha).verdict === "worse";
  });
  return isLate ? { ...whole, verdict: "worse" } : whole;
}

function judgeMtls(sides: Sides, alpha: number): SignalEffect {
  const blockOf = ({ mtlsRequests, plaintextRequests }: TrafficTally) => ({
    trials: mtlsRequests + plaintextRequests,
    hits: plaintextRequests,
  });
  return judgeShare(sides, "mtlsRatio", (sum) => mtlsRatio(sum), blockOf, alpha);
}

function judgeShare(
  { before, after, sums }: Sides,
  signal: "errorRatio" | "mtlsRatio",
  figureOf: (sum: TrafficTally) => number | undefined,
  blockOf: (tally: TrafficTally) => ShareBlock,
  alpha: number,
): SignalEffect {
  const [a, b] = [figureOf(sums[0]), figureOf(sums[1])];
  const known = Math.min(blockOf(sums[0]).trials, blockOf(sums[1]).trials);
  const told = { signal, before: a, after: b };
  if (a === undefined || b === undefined || known < LEAST_REQUESTS) {
    return { ...told, verdict: "not-enough-traffic" };
  }
  const isMoved =
    mattersAsRatio(signal, a, b) &&
    differByMoreThanChance(before.map(blockOf), after.map(blockOf), alpha);
  if (!isMoved) return { ...told, verdict: "no-change" };
  const isWorse = signal === "errorRatio" ? b > a : b < a;
  return { ...told, verdict: isWorse ? "worse" : "better" };
}

function mattersAsRatio(signal: "errorRatio" | "mtlsRatio", a: number, b: number): boolean {
  const step = Math.abs(b - a);
  if (step >= SURE_RATIO_STEP) return true;
  const isGrown = Math.max(a, b) >= Math.min(a, b) * LEAST_RATIO_FACTOR;
  return signal === "errorRatio" && step >= LEAST_RATIO_STEP && isGrown;
}

/**
 * A quantile test in the manner of Mood and Mathisen: if the latencies are alike, as many requests of either side are
 * slower than the lower of the two quantiles.
 */
function judgeQuantile(
  { before, after, sums }: Sides,
  signal: keyof typeof QUANTILES,
  alpha: number,
): SignalEffect {
  const quantile = QUANTILES[signal];
  const [a, b] = [sums[0].latency.quantile(quantile), sums[1].latency.quantile(quantile)];
  const least = Math.min(sums[0].latency.count, sums[1].latency.count);
  const told = { signal, before: a, after: b };
  const isTooLittle =
    least < LEAST_REQUESTS || least * (1 - quantile) < LEAST_ABOVE_QUANTILE - 1e-9;
  if (a === undefined || b === undefined || isTooLittle) {
    return { ...told, verdict: "not-enough-traffic" };
  }
  const lower = Math.min(a, b);
  const upper = Math.max(a, b);
  if (upper - lower < LEAST_LATENCY_MS || upper < lower * LEAST_LATENCY_FACTOR) {
    return { ...told, verdict: "no-change" };
  }
  const blockOf = ({ latency }: TrafficTally) => ({
    trials: latency.count,
    hits: latency.countAbove(lower),
  });
  if (!differByMoreThanChance(before.map(blockOf), after.map(blockOf), alpha)) {
    return { ...told, verdict: "no-change" };
  }
  return { ...told, verdict: b > a ? "worse" : "better" };
}
