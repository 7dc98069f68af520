import type { EffectSignal, EffectSummary } from "@heddle/contracts";
import { formatShare } from "../../lib/numbers.ts";
import { formatDuration } from "../../lib/times.ts";
import type { Status } from "../../ui/status.ts";

/** What followed a change, in a few words; `status` absent: neither good nor bad. */
export interface EffectWords {
  readonly text: string;
  readonly status: Status | undefined;
}

const NAMES: Readonly<Record<EffectSignal, string>> = {
  errorRatio: "errors",
  p50Ms: "p50",
  p95Ms: "p95",
  p99Ms: "p99",
  mtlsRatio: "mTLS",
};

/** `errors 0.3 % → 1.2 %`, `no change seen`, `too little traffic`, `too early to say`; absent: nobody judged it. */
export function effectWords(effect: EffectSummary | undefined): EffectWords | undefined {
  if (effect === undefined) return undefined;
  const { verdict, because } = effect;
  if (verdict === "pending") return { text: "too early to say", status: undefined };
  if (verdict === "no-change") return { text: "no change seen", status: undefined };
  if (verdict === "not-enough-traffic") return { text: "too little traffic", status: undefined };
  const status = verdict === "worse" ? "failing" : "healthy";
  if (because === undefined) return { text: verdict, status };
  const isRatio = because.signal === "errorRatio" || because.signal === "mtlsRatio";
  const format = isRatio ? formatShare : (ms: number) => formatDuration(Math.round(ms));
  return {
    text: `${NAMES[because.signal]} ${format(because.before)} → ${format(because.after)}`,
    status,
  };
}
