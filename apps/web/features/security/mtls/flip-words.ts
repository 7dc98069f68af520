import type { PreflightCaller } from "@heddle/contracts";
import { formatCount, formatCounted, formatRate } from "../../../lib/numbers.ts";
import { formatRoughDuration, formatWindow } from "../../../lib/times.ts";
import { type Guard, guardWindowInWords } from "./flip-choice.ts";
import { callerInWords } from "./mtls-rows.ts";

export interface FlipWords {
  readonly tone: "ok" | "warn" | "idle";
  readonly lead: string;
  readonly rest: string;
}

/** Callers that were let in although they cannot prove who they are: the ones STRICT would refuse. */
export function refusable(callers: readonly PreflightCaller[]): readonly PreflightCaller[] {
  return callers.filter(({ requests, wouldBeRefused = 0 }) => requests > 0 || wouldBeRefused > 0);
}

/** What STRICT would do to whom: one lead, then what the guard would make of it. */
export function strictWords(
  callers: readonly PreflightCaller[],
  guard: Guard | undefined,
  windowMs: number,
): FlipWords {
  const hit = refusable(callers);
  const window = formatWindow(windowMs);
  if (hit.length === 0) {
    const none = `Nothing but mTLS came in the last ${window}.`;
    return { tone: "ok", lead: "Nobody would be refused.", rest: none };
  }
  const live = hit.filter(({ requestsPerSecond }) => requestsPerSecond > 0);
  const rate = rateOf(live);
  const rest = [
    ...(live.length > 0 && live.length < hit.length
      ? [
          `${formatCounted(hit.length - live.length, "other")} seen in the last ${window}, silent now.`,
        ]
      : []),
    guard === undefined
      ? "Without a guard STRICT stays until somebody takes it back."
      : guardForecast(guard, rate),
  ].join(" ");
  const how =
    rate > 0
      ? `${formatRate(rate)}.`
      : `${formatCounted(requestsOf(hit), "request")} in the last ${window}, none now.`;
  return {
    tone: "warn",
    lead: `${whoInWords(live.length > 0 ? live : hit)} would be refused, ${how}`,
    rest,
  };
}

function whoInWords(callers: readonly PreflightCaller[]): string {
  const [first] = callers;
  return callers.length === 1 && first
    ? callerInWords(first)
    : formatCounted(callers.length, "caller");
}

/** What the guard takes back when, and whether it would at this rate. */
export function guardForecast({ windowMs, maxRefusals }: Guard, requestsPerSecond: number): string {
  const limit =
    maxRefusals === 0
      ? "any request is refused"
      : `more than ${formatCounted(maxRefusals, "request")} ${maxRefusals === 1 ? "is" : "are"} refused`;
  const rule = `The guard takes STRICT back if ${limit} within ${guardWindowInWords(windowMs)}`;
  if (requestsPerSecond === 0) return `${rule}; nobody of them sends at the moment.`;
  const afterMs = ((maxRefusals + 1) / requestsPerSecond) * 1000;
  if (afterMs <= windowMs) {
    return `${rule}; at this rate it would, after about ${formatRoughDuration(Math.max(1000, afterMs))}.`;
  }
  const expected = Math.round((requestsPerSecond * windowMs) / 1000);
  return `${rule}; at this rate it would not: about ${formatCount(expected)} in that time.`;
}

/** What has been refused since STRICT holds. */
export function refusedWords(callers: readonly PreflightCaller[], windowMs: number): FlipWords {
  const turnedAway = callers.filter(({ refused }) => refused > 0);
  const refused = turnedAway.reduce((sum, caller) => sum + caller.refused, 0);
  const window = formatWindow(windowMs);
  if (refused === 0) {
    return {
      tone: "ok",
      lead: "Only mTLS comes in.",
      rest: `Nobody was refused in the last ${window}.`,
    };
  }
  const [first] = turnedAway;
  const from =
    turnedAway.length === 1 && first
      ? callerInWords(first)
      : formatCounted(turnedAway.length, "address", "addresses");
  return {
    tone: "warn",
    lead: `${formatCounted(refused, "try was", "tries were")} refused`,
    rest: `in the last ${window}, from ${from}.`,
  };
}

export function rateOf(callers: readonly PreflightCaller[]): number {
  return callers.reduce((sum, caller) => sum + caller.requestsPerSecond, 0);
}

function requestsOf(callers: readonly PreflightCaller[]): number {
  return callers.reduce((sum, caller) => sum + caller.requests, 0);
}
