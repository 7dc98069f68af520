import type { EffectSignal, EffectSummary, EffectVerdict } from "@heddle/contracts";
import { formatPercentNumber, UNIT_SPACE } from "../../lib/numbers.ts";
import { formatDuration } from "../../lib/times.ts";
import type { Tone } from "../../ui/chip.tsx";
import type { Status } from "../../ui/status.ts";

/** How a verdict looks and reads; the words beside a single figure. */
export const VERDICTS: Readonly<
  Record<EffectVerdict, { readonly status: Status; readonly tone: Tone; readonly words: string }>
> = {
  worse: { status: "failing", tone: "bad", words: "worse" },
  better: { status: "healthy", tone: "ok", words: "better" },
  "no-change": { status: "healthy", tone: "idle", words: "as before" },
  "not-enough-traffic": { status: "unknown", tone: "idle", words: "too little traffic" },
  pending: { status: "unknown", tone: "idle", words: "too early to say" },
};

/** The verdicts as a filter offers them. */
export const VERDICT_CHOICES: Readonly<Record<EffectVerdict, string>> = {
  worse: "Worse",
  better: "Better",
  "no-change": "No change seen",
  "not-enough-traffic": "Too little traffic",
  pending: "Too early to say",
};

const NAMES: Readonly<Record<EffectSignal, string>> = {
  errorRatio: "errors",
  p50Ms: "p50",
  p95Ms: "p95",
  p99Ms: "p99",
  mtlsRatio: "mTLS",
};

/** In a line of the list: "errors 0.3 → 1.2 %", "no change seen", "nothing before it". */
export function effectWords(effect: EffectSummary): string {
  const { verdict, because, requestsBefore, requestsAfter } = effect;
  if (because !== undefined) {
    const { signal, before, after } = because;
    return `${NAMES[signal]} ${formatStep(signal, before, after)}`;
  }
  if (verdict === "no-change") return "no change seen";
  if (verdict === "not-enough-traffic") {
    if (requestsAfter === 0) return "no traffic";
    return requestsBefore === 0 ? "nothing before it" : "too little traffic";
  }
  return VERDICTS[verdict].words;
}

/** Beside the title: "errors rose", "p99 fell". */
export function effectSentence({ because, isFinal }: EffectSummary): string | undefined {
  if (because === undefined) return undefined;
  const moved = because.after > because.before ? "rose" : "fell";
  return `${NAMES[because.signal]} ${moved}${isFinal ? "" : ", so far"}`;
}

/** "0.3 → 1.2 %", "180 → 164 ms". */
function formatStep(signal: EffectSignal, before: number, after: number): string {
  if (signal === "errorRatio" || signal === "mtlsRatio") {
    return `${formatPercentNumber(before)} → ${formatPercentNumber(after)}${UNIT_SPACE}%`;
  }
  const [from, to] = [formatDuration(before), formatDuration(after)];
  const unit = `${UNIT_SPACE}ms`;
  return to.endsWith(unit) ? `${from.replace(unit, "")} → ${to}` : `${from} → ${to}`;
}
