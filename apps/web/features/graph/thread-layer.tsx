"use client";
import type { GraphNode } from "@heddle/contracts";
import { pointOnThread, type ThreadCurve, threadPath } from "@heddle/graph-layout";
import { memo } from "react";
import { STATUS_TONES } from "../../ui/status.ts";
import type { Thread } from "./graph-model.ts";
import styles from "./thread-layer.module.css";
import { type FlowMarks, flowMarks, threadName, threadWidthPx } from "./thread-look.ts";

/** The threads of the graph, their flow marks, and a wide unseen line for each to point at. */
export const ThreadLayer = memo(function ThreadLayer({
  threads,
  curves,
  nodes,
  selected,
  found,
  isStill,
  onSelect,
}: {
  readonly threads: readonly Thread[];
  readonly curves: ReadonlyMap<string, ThreadCurve>;
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly selected: string | undefined;
  readonly found: ReadonlySet<string>;
  /** Reduced motion: marks stand, so that the direction stays readable. */
  readonly isStill: boolean;
  readonly onSelect: (id: string) => void;
}) {
  return (
    <svg className={styles.layer} width="1" height="1" role="group" aria-label="Calls">
      {threads.map((thread) => {
        const curve = curves.get(thread.id);
        if (curve === undefined) return null;
        const path = threadPath(curve);
        const widthPx = threadWidthPx(thread.edge.signals.requestsPerSecond);
        const isSelected = thread.id === selected;
        const isMarked = isSelected || found.has(thread.id);
        return (
          <g key={thread.id} className={styles.thread} data-status={thread.status}>
            {isMarked && <path className={styles.halo} d={path} strokeWidth={widthPx + 9} />}
            <path
              className={styles.line}
              d={path}
              stroke={`var(--${STATUS_TONES[thread.status]}-thread)`}
              strokeWidth={lineWidthPx(thread, widthPx)}
            />
            {thread.status === "tcp" && <path className={styles.gap} d={path} />}
            <Marks
              thread={thread}
              curve={curve}
              path={path}
              marks={flowMarks(thread, threads.length)}
              isStill={isStill}
            />
            <path
              data-walk={thread.id}
              data-not-canvas
              className={styles.hit}
              d={path}
              role="button"
              tabIndex={-1}
              aria-pressed={isSelected}
              aria-label={threadName(thread, nodes)}
              onClick={() => onSelect(thread.id)}
              onKeyDown={(event) => event.key === "Enter" && onSelect(thread.id)}
            />
          </g>
        );
      })}
    </svg>
  );
});

function lineWidthPx(thread: Thread, widthPx: number): number {
  if (thread.status === "tcp") return 4; // drawn double: the gap lies on it
  if (thread.status === "failing") return Math.max(widthPx, 2.8);
  return thread.status === "idle" ? 1.25 : widthPx;
}

const ARROW = "M-4 -3.6L4.200 0L-4 3.6z";
const DIAMOND = "M0 -4.500L4.500 0L0 4.500L-4.500 0z";

function Marks({
  thread,
  curve,
  path,
  marks,
  isStill,
}: {
  readonly thread: Thread;
  readonly curve: ThreadCurve;
  readonly path: string;
  readonly marks: FlowMarks;
  readonly isStill: boolean;
}) {
  const ink = `var(--${STATUS_TONES[thread.status]})`;
  return Array.from({ length: marks.count }, (_, index) => {
    const share = (index + 0.5) / marks.count;
    const shape = index < marks.diamonds ? DIAMOND : ARROW;
    const key = `${index} of ${marks.count}`;
    if (isStill)
      return <path key={key} d={shape} fill={ink} transform={transformAt(curve, share)} />;
    return (
      <path key={key} d={shape} fill={ink} className={styles.mark}>
        <animateMotion
          dur={`${marks.durationS}s`}
          begin={`${-share * marks.durationS}s`}
          repeatCount="indefinite"
          rotate="auto"
          path={path}
        />
      </path>
    );
  });
}

function transformAt(curve: ThreadCurve, share: number): string {
  const before = pointOnThread(curve, share - 0.01);
  const at = pointOnThread(curve, share);
  const degrees = (Math.atan2(at.yPx - before.yPx, at.xPx - before.xPx) * 180) / Math.PI;
  return `translate(${at.xPx} ${at.yPx}) rotate(${degrees})`;
}
