import type { Canary } from "@heddle/contracts";
import { formatRate, UNIT_SPACE } from "../../lib/numbers.ts";

/** What another split would do, in one sentence. */
export function weightEffect({
  canary,
  percent,
  totalPerSecond,
}: {
  readonly canary: Canary;
  readonly percent: number;
  readonly totalPerSecond: number | undefined;
}): string {
  const { stable, canary: judged } = canary;
  const configured = Math.round(judged.share * 100);
  const shares = `${judged.subset} gets ${percent}${UNIT_SPACE}%, ${stable.subset} ${100 - percent}${UNIT_SPACE}%`;
  if (totalPerSecond === undefined) return `${shares}. How many requests that is, is not known.`;
  const rate = formatRate((totalPerSecond * percent) / 100);
  const total = formatRate(totalPerSecond);
  if (percent === configured) return `${shares}: about ${rate} of ${total}.`;
  const differencePerSecond = (totalPerSecond * Math.abs(percent - configured)) / 100;
  const more = percent > configured ? "more" : "fewer";
  return `${shares}: about ${rate} of ${total}, ${formatRate(differencePerSecond)} ${more} than now.`;
}
