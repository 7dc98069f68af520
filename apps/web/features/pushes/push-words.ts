import type {
  CanariedPush,
  FirstProxyState,
  PushRef,
  PushStatus,
  PushTally,
} from "@heddle/contracts";
import { formatCount, formatCounted, formatShare } from "../../lib/numbers.ts";
import { formatRoughDuration } from "../../lib/times.ts";
import type { Tone } from "../../ui/chip.tsx";
import type { Status } from "../../ui/status.ts";

type Look = { readonly status: Status; readonly tone: Tone; readonly word: string };

/** How a push as a whole looks; of one that ended well nothing is left to say in a list. */
export const PUSH_LOOKS: Readonly<Record<PushStatus, Look>> = {
  running: { status: "degraded", tone: "warn", word: "on some proxies first" },
  finished: { status: "healthy", tone: "ok", word: "went to all" },
  stopped: { status: "failing", tone: "bad", word: "stopped" },
  overtaken: { status: "idle", tone: "idle", word: "overtaken" },
};

export const FIRST_LOOKS: Readonly<Record<FirstProxyState, Look>> = {
  waiting: { status: "idle", tone: "idle", word: "has not answered yet" },
  acked: { status: "healthy", tone: "ok", word: "runs it" },
  nacked: { status: "failing", tone: "bad", word: "refused it" },
  gone: { status: "degraded", tone: "warn", word: "gone without goodbye" },
  left: { status: "idle", tone: "idle", word: "has left" },
};

/** "3 of 20 proxies run revision 41 first"; of one that has ended "3 of 20 proxies had revision 41 first". */
export function pushTitle({ first, proxiesConcerned, revisions, status }: CanariedPush): string {
  const some = `${formatCount(first.length)} of ${formatCounted(proxiesConcerned, "proxy", "proxies")}`;
  const verb = status !== "running" ? "had" : first.length === 1 ? "runs" : "run";
  return `${some} ${verb} ${revisionWords(revisions)} first`;
}

/** Of a change that was just made: who waits for it; to be said behind how many run it. */
export function heldBackWords({ first, heldBack }: PushRef): string {
  const others = formatCounted(heldBack, "other proxy", "other proxies");
  return `${others} ${heldBack === 1 ? "gets" : "get"} it when ${first === 1 ? "the first one stays" : `the first ${formatCount(first)} stay`} well.`;
}

export function revisionWords(revisions: readonly number[]): string {
  if (revisions.length === 1) return `revision ${revisions[0]}`;
  return `revisions ${revisions.slice(0, -1).join(", ")} and ${revisions.at(-1)}`;
}

/** Why another revision ended it; the link to that follows. */
export const END_WORDS: Readonly<Partial<Record<PushStatus, string>>> = {
  stopped: "Taken back by",
  overtaken: "Overtaken by",
};

/** What is left to watch; `undefined`: it has not begun, or it is over. */
export function watchWords(push: CanariedPush, nowMs: number): string | undefined {
  if (push.status !== "running") return undefined;
  if (push.watchedSinceMs === undefined) return "Watching begins once all of them run it.";
  const leftMs = push.watchedSinceMs + push.windowMs - nowMs;
  return leftMs > 0
    ? `Watching their errors, ${formatRoughDuration(leftMs)} left.`
    : "Watched long enough; all others follow.";
}

/** "0.4 %, 12 of 3,000"; nothing counted is no share. */
export function failedWords({ requests, errors }: PushTally): string {
  if (requests === 0) return "no requests";
  return `${formatShare(errors / requests)}, ${formatCount(errors)} of ${formatCount(requests)}`;
}
