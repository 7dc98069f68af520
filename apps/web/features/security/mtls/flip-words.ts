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
  if (hit.length === 0) {
    const none = `Nothing but mTLS came in the last ${formatWindow(windowMs)}.`;
    return { tone: "ok", lead: "Nobody would be refused.", rest: none };
  }
  const rate = rateOf(hit);
  const [first] = hit;
  const who =
    hit.length === 1 && first ? callerInWords(first) : formatCounted(hit.length, "caller");
  const how =
    rate > 0
      ? `${formatRate(rate)}.`
      : `${formatCounted(requestsOf(hit), "request")} in the last ${formatWindow(windowMs)}, none now.`;
  return {
    tone: "warn",
    lead: `${who} would be refused, ${how}`,
    rest:
      guard === undefined
        ? "Without a guard STRICT stays until somebody takes it back."
        : guardForecast(guard, rate),
  };
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
