"use client";
import type { RevisionSummary } from "@heddle/contracts";
import { useRouter } from "next/navigation";
import { formatClock, formatDuration, formatSince } from "../../lib/times.ts";
import { classNames } from "../../ui/class-names.ts";
import { Tooltip } from "../../ui/tooltip.tsx";
import { RevisionIcon } from "../history/revision-icon.tsx";
import styles from "./change-markers.module.css";
import { groupMarkers } from "./group-markers.ts";
import { suspectChange } from "./suspect-change.ts";

const MARKER_PX = 24;

/**
 * Changes as marks over a drawing of time, each with a line down to it; near ones are one with a number. The one just
 * before the latest red is ringed and says how long before.
 */
export function ChangeMarkers({
  changes,
  points,
  stepMs = 30_000,
  toX,
  nowMs,
  topPx,
  heightPx,
}: {
  /** Newest first. */
  readonly changes: readonly RevisionSummary[];
  /** What is drawn below: for finding the change before the red. */
  readonly points: readonly {
    readonly startMs: number;
    readonly requests: number;
    readonly errorRatio?: number | undefined;
  }[];
  readonly stepMs?: number;
  readonly toX: (atMs: number) => number;
  readonly nowMs: number;
  readonly topPx: number;
  readonly heightPx: number;
}) {
  const router = useRouter();
  const suspect = suspectChange(changes, points, stepMs);
  return groupMarkers(changes, (one) => toX(one.createdAtMs), MARKER_PX).map(({ xPx, items }) => {
    const [newest] = items;
    if (newest === undefined) return null;
    const isSuspect = suspect !== undefined && items.includes(suspect.change);
    const shown = isSuspect ? suspect.change : newest;
    const more = items.length > 1 ? ` and ${items.length - 1} more` : "";
    const before = !isSuspect
      ? ""
      : suspect.beforeMs === 0
        ? "as the failures began"
        : `${formatDuration(suspect.beforeMs)} before the failures`;
    return (
      <div
        key={newest.revision}
        className={styles.marker}
        style={{ left: xPx, top: topPx, height: heightPx }}
      >
        <Tooltip
          text={
            <>
              <b>{formatClock(shown.createdAtMs)}</b> {formatSince(shown.createdAtMs, nowMs)},{" "}
              {shown.author}
              <br />
              {shown.summary}
              {more}
              {isSuspect && (
                <>
                  <br />
                  <b>{before}</b>
                </>
              )}
            </>
          }
        >
          <button
            type="button"
            className={classNames(styles.change, isSuspect && styles.suspect)}
            aria-label={`Revision ${shown.revision}, ${formatClock(shown.createdAtMs)}, ${shown.author}: ${shown.summary}${more}${before === "" ? "" : `, ${before}`}`}
            onClick={() => router.push(`/history/${shown.revision}`)}
          >
            {items.length === 1 ? <RevisionIcon revision={shown} /> : items.length}
          </button>
        </Tooltip>
      </div>
    );
  });
}
