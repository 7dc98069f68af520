import type { PreviewResponse } from "@heddle/contracts";
import { formatCount, formatCounted, formatRate } from "../../lib/numbers.ts";

/** What applying does and how to take it back. */
export function applyWords(preview: PreviewResponse | undefined, isDraft: boolean): string {
  if (!isDraft) return "Change something on either side; nothing takes effect before you apply it.";
  if (preview === undefined)
    return "Applying makes a new revision; one click in History takes it back.";
  const faults = preview.notes.filter(({ level }) => level === "fault").length;
  if (faults > 0) {
    const errors = formatCounted(faults, "error");
    return `It cannot be applied as it is: ${errors} ${faults === 1 ? "stands" : "stand"} against it.`;
  }
  const { proxyCount } = preview.blastRadius;
  const proxies =
    proxyCount === 0
      ? "No proxy is concerned now"
      : `${formatCounted(proxyCount, "proxy", "proxies")} ${proxyCount === 1 ? "takes" : "take"} it`;
  return `Applying makes revision ${formatCount(preview.revision + 1)} or later. ${proxies}; one click in History takes it back.`;
}

export function rateWords(preview: PreviewResponse | undefined): string {
  const rate = preview?.blastRadius.perSecond;
  return rate === undefined || rate === 0 ? "" : `, which ${formatRate(rate)} pass`;
}

/** What falls on each route now, by its name. */
export function ratesOf(preview: PreviewResponse | undefined): ReadonlyMap<string, number> {
  const rates = new Map<string, number>();
  for (const { route, fate, beforePerSecond } of preview?.services.flatMap(({ lines }) => lines) ??
    []) {
    if (beforePerSecond === undefined || fate !== "forwarded") continue;
    rates.set(route, (rates.get(route) ?? 0) + beforePerSecond);
  }
  return rates;
}
