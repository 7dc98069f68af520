import type { RotationWaiter } from "@heddle/contracts";
import type { RotationStep } from "@heddle/mesh";
import type { RotationMember } from "@heddle/store";

/** How far a step of a rotation is. */
export type RotationProgress = {
  readonly done: number;
  readonly total: number;
  /** Those who are away first. */
  readonly waiting: readonly RotationWaiter[];
};

/** Proxies give a sign of life every five seconds. */
const HERE_MS = 8_000;

/** Whom a step waits for and why, in words. */
export function describeProgress(
  step: RotationStep,
  members: readonly RotationMember[],
  isConnected: (proxyId: string) => boolean,
  nowMs: number,
): RotationProgress {
  const waiting = members
    .filter(({ isDone }) => !isDone)
    .map((member): RotationWaiter => {
      const { proxyId, name, lastSeenAtMs, untilMs } = member;
      const connected = isConnected(proxyId) || nowMs - lastSeenAtMs < HERE_MS;
      if (connected) return { proxyId, name, connected, why: WHY_HERE[step] };
      const until =
        untilMs === undefined ? "" : `, its certificate runs until ${clock(untilMs, nowMs)}`;
      return {
        proxyId,
        name,
        connected,
        why: `away since ${clock(lastSeenAtMs, nowMs)}${until}`,
        awaySinceMs: lastSeenAtMs,
        ...(untilMs === undefined ? {} : { untilMs }),
      };
    });
  waiting.sort((a, b) => Number(a.connected) - Number(b.connected) || (a.name < b.name ? -1 : 1));
  return { done: members.length - waiting.length, total: members.length, waiting };
}

/** "signing: 17 of 21 proxies; waiting for ratings-2, away since 14:32". */
export function progressWords(
  { step, isPaused, isStepwise }: { step: RotationStep; isPaused: boolean; isStepwise: boolean },
  { done, total, waiting }: RotationProgress,
): string {
  if (step === "done") return "done: the new authority signs, the old one is gone";
  if (step === "aborted") return "aborted: the old authority signs, the new one is gone";
  const how = `${step}${isPaused ? " (paused)" : ""}: ${done} of ${total} proxies`;
  const [first, ...others] = waiting;
  if (!first) return isStepwise && step !== "reverting" ? `${how}; advance it to go on` : how;
  const more = others.length === 0 ? "" : `; and ${others.length} more`;
  return `${how}; waiting for ${first.name}, ${first.why}${more}`;
}

const WHY_HERE = {
  trusting: "does not believe the new root yet",
  signing: "still uses a certificate of the old authority",
  retiring: "still believes the old root",
  reverting: "still uses a certificate of the new authority",
  done: "",
  aborted: "",
} as const satisfies Record<RotationStep, string>;

/** `14:32` UTC, with the day where that is not near. */
function clock(ms: number, nowMs: number): string {
  const text = new Date(ms).toISOString();
  const isNear = Math.abs(ms - nowMs) < 12 * 3_600_000;
  return isNear ? `${text.slice(11, 16)} UTC` : `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`;
}
