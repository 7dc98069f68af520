import type { EffectSummary } from "@heddle/contracts";
import { formatMs, formatPercent } from "./table.ts";

const SIGNALS = {
  errorRatio: "errors",
  p50Ms: "p50",
  p95Ms: "p95",
  p99Ms: "p99",
  mtlsRatio: "mTLS",
} as const;

/** `worse: errors 0.30 % → 1.20 %`; `-`: nothing is known. */
export function effectWords(effect: EffectSummary | undefined): string {
  if (effect === undefined) return "-";
  const { verdict, because, isFinal } = effect;
  const more = isFinal || verdict === "pending" ? "" : " so far";
  if (because === undefined) return verdict.replaceAll("-", " ") + more;
  const { signal, before, after } = because;
  const format = signal.endsWith("Ratio") ? formatPercent : formatMs;
  return `${verdict}${more}: ${SIGNALS[signal]} ${format(before)} → ${format(after)}`;
}
