import { probabilityOfChance } from "../effects/compare-shares.ts";

/** Requests that have ended; of these the failed ones, and those that were not let in (401, 403, 429). */
export type PushTally = {
  readonly requests: number;
  readonly errors: number;
  readonly denied: number;
};

/** A proxy that got the change first. */
export type FirstProxy = {
  readonly name: string;
  /** `gone`: its stream has ended without a goodbye; `left`: with one, which says nothing about the change. */
  readonly state: "waiting" | "acked" | "nacked" | "gone" | "left";
  /** Epoch ms. */
  readonly sinceMs: number;
  readonly reason: string | undefined;
};

/** What one side of a workload ("shop/web has sent") has counted since the push began, and in the minute before. */
export type PushCount = {
  readonly what: string;
  /** At the first proxies, since they run the change. */
  readonly first: PushTally;
  /** At all others. */
  readonly others: PushTally;
  /** At all of them, before. */
  readonly before: PushTally;
};

export type PushStanding = {
  readonly startedAtMs: number;
  readonly windowMs: number;
  readonly first: readonly FirstProxy[];
  readonly counts: readonly PushCount[];
};

/** `watchedSinceMs` undefined: not all of the first proxies run it yet. */
export type PushVerdict =
  | { readonly kind: "go-on"; readonly watchedSinceMs: number | undefined }
  | { readonly kind: "finish"; readonly words: string }
  | { readonly kind: "stop"; readonly words: string };

/** A stream that breaks and comes back within this time is no sign. */
const GONE_MS = 5_000;
/** An answer takes milliseconds. */
const ANSWER_MS = 15_000;
/** Nobody is connected to try it on. */
const NOBODY_MS = 30_000;
const LEAST_REQUESTS = 20;
const LEAST_MORE = 5;
const LEAST_RISE = 0.02;
/** All looks at one push together are wrong about as seldom. */
const ALPHA = 0.0001;
/** So many requests at the first proxies tell enough before the window is over. */
const ENOUGH_REQUESTS = 500;
const SHORTEST_MS = 3_000;

/**
 * What becomes of a push: it stops if a first proxy refuses it, disappears, or fails or denies more than the others of
 * the same workload (than before, where the others have no traffic); it finishes when its window is over without that.
 */
export function judgePush(standing: PushStanding, nowMs: number): PushVerdict {
  const { first, counts, startedAtMs, windowMs } = standing;
  const trouble = first.map((one) => troubleOf(one, nowMs)).find((words) => words !== undefined);
  if (trouble !== undefined) return { kind: "stop", words: trouble };
  const alpha = ALPHA / Math.max(1, counts.length);
  const worse = counts.map((one) => worsening(one, alpha)).find((words) => words !== undefined);
  if (worse !== undefined) return { kind: "stop", words: worse };
  const running = first.filter(({ state }) => state === "acked");
  const isAwaited = first.some(({ state }) => state === "waiting" || state === "gone");
  if (running.length === 0 || isAwaited) {
    if (isAwaited || nowMs < startedAtMs + NOBODY_MS)
      return { kind: "go-on", watchedSinceMs: undefined };
    return { kind: "finish", words: "No proxy was there to try it on." };
  }
  const watchedSinceMs = Math.max(...running.map(({ sinceMs }) => sinceMs));
  const watchedMs = nowMs - watchedSinceMs;
  const requests = counts.reduce((sum, one) => sum + one.first.requests, 0);
  const isEnough = watchedMs >= SHORTEST_MS && isTriedEnough(counts);
  if (watchedMs < windowMs && !isEnough) return { kind: "go-on", watchedSinceMs };
  const seen =
    requests === 0 ? "without traffic" : `for ${requests.toLocaleString("en-US")} requests`;
  const proxies = running.length === 1 ? "1 proxy" : `${running.length} proxies`;
  return { kind: "finish", words: `Nothing went wrong at ${proxies} ${seen}.` };
}

function troubleOf(
  { name, state, sinceMs, reason }: FirstProxy,
  nowMs: number,
): string | undefined {
  if (state === "nacked") return `${name} has refused it: ${reason ?? "no reason given"}`;
  if (state === "gone" && nowMs - sinceMs >= GONE_MS) {
    return `${name} has not been heard of for ${Math.round((nowMs - sinceMs) / 1000)} s.`;
  }
  if (state === "waiting" && nowMs - sinceMs >= ANSWER_MS) {
    return `${name} has not answered for ${Math.round((nowMs - sinceMs) / 1000)} s.`;
  }
  return undefined;
}

function isTriedEnough(counts: readonly PushCount[]): boolean {
  const busy = counts.filter(({ first, others }) => first.requests + others.requests > 0);
  return busy.length > 0 && busy.every(({ first }) => first.requests >= ENOUGH_REQUESTS);
}

function worsening({ what, first, others, before }: PushCount, alpha: number): string | undefined {
  const [control, words] =
    others.requests >= LEAST_REQUESTS ? [others, "at the others"] : [before, "before"];
  if (first.requests < LEAST_REQUESTS || control.requests < LEAST_REQUESTS) return undefined;
  for (const [field, verb] of [
    ["errors", "failed"],
    ["denied", "were not let in"],
  ] as const) {
    const rise = first[field] / first.requests - control[field] / control.requests;
    const more = rise * first.requests;
    if (rise < LEAST_RISE || more < LEAST_MORE) continue;
    const one = { trials: first.requests, hits: first[field] };
    const other = { trials: control.requests, hits: control[field] };
    if (probabilityOfChance(one, other) > alpha) continue;
    return `Of the requests that ${what}, ${percent(one)} ${verb} at the first proxies, ${percent(other)} ${words}.`;
  }
  return undefined;
}

function percent({ hits, trials }: { readonly hits: number; readonly trials: number }): string {
  const share = (hits / trials) * 100;
  return `${share === 0 || share >= 10 ? Math.round(share) : Number(share.toFixed(1))} %`;
}
