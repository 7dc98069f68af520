import type { CanaryChangeResponse } from "@heddle/contracts";
import { formatDuration } from "../../lib/times.ts";

/** One moment of a rollback; `atMs` counts from the click. */
export interface RollbackStep {
  readonly atMs: number;
  readonly text: string;
  /** Place on the line, 0–1, far enough from its neighbours that the texts do not touch. */
  readonly place: number;
}

export interface RollbackFigure {
  /** The figure, or `undefined` where it is not known. */
  readonly text: string | undefined;
  readonly caption: string;
}

const LEAST_GAP = 0.25;

/** Click, saved, acked and the last request to the canary, in the order they happened. What is not known is left out. */
export function rollbackSteps(outcome: CanaryChangeResponse, version: string): RollbackStep[] {
  const steps = [{ atMs: 0, text: "Click" }];
  steps.push({ atMs: outcome.savedAfterMs, text: "Saved" });
  if (outcome.ackedAfterMs !== undefined) {
    steps.push({
      atMs: outcome.ackedAfterMs,
      text: `${outcome.proxiesAcked} of ${outcome.proxiesTotal} acked`,
    });
  }
  const lastMs = outcome.lastCanaryRequestAfterMs;
  if (lastMs !== undefined && lastMs >= 0) steps.push({ atMs: lastMs, text: `Last ${version}` });
  steps.sort((a, b) => a.atMs - b.atMs);
  const places = spread(steps.map((step) => step.atMs));
  return steps.map((step, index) => ({ ...step, place: places[index] ?? 0 }));
}

/** The one number of the rollback, and what to say where there is none. */
export function rollbackFigure(outcome: CanaryChangeResponse, version: string): RollbackFigure {
  const lastMs = outcome.lastCanaryRequestAfterMs;
  if (lastMs === undefined) return { text: undefined, caption: missingFigure(outcome, version) };
  if (lastMs >= 0) {
    return {
      text: formatDuration(Math.round(lastMs)),
      caption: "from click to last canary request",
    };
  }
  return {
    text: formatDuration(0),
    caption: `from click to last canary request; the last one left ${formatDuration(Math.round(-lastMs))} before the click`,
  };
}

function missingFigure(outcome: CanaryChangeResponse, version: string): string {
  const { proxiesAcked, proxiesTotal, ackedAfterMs } = outcome;
  if (ackedAfterMs === undefined && proxiesAcked < proxiesTotal) {
    return `${proxiesAcked} of ${proxiesTotal} proxies have acked, so when the last ${version} request left is not known yet.`;
  }
  return `No proxy has reported a request to ${version}.`;
}

/** Places in proportion to time, pushed apart to the least gap, within 0–1. */
function spread(timesMs: readonly number[]): number[] {
  const longest = Math.max(...timesMs, 1);
  const gap = Math.min(LEAST_GAP, 1 / Math.max(1, timesMs.length - 1));
  const places = timesMs.map((time) => time / longest);
  for (let index = 1; index < places.length; index += 1) {
    places[index] = Math.max(places[index] ?? 0, (places[index - 1] ?? 0) + gap);
  }
  let most = 1;
  for (let index = places.length - 1; index >= 0; index -= 1) {
    places[index] = Math.min(places[index] ?? 0, most);
    most = (places[index] ?? 0) - gap;
  }
  return places;
}
