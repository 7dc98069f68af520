"use client";
import type { Rect } from "@heddle/graph-layout";
import { type PointerEvent as ReactPointerEvent } from "react";
import { compareStatus, STATUS_TONES } from "../../ui/status.ts";
import type { Card } from "./graph-model.ts";
import type { Camera } from "./graph-state.ts";
import styles from "./minimap.module.css";

const WIDTH_PX = 132;
const HEIGHT_PX = 92;
const PADDING_PX = 6;
/** A failing card is a mark one can see, however large the mesh. */
const LEAST_FAILING_PX = 4;

/** The whole drawing in small, in status colours, with what the canvas shows; press to look there. */
export function Minimap({
  cards,
  rects,
  bounds,
  camera,
  viewport,
  onLookAt,
}: {
  readonly cards: readonly Card[];
  readonly rects: ReadonlyMap<string, Rect>;
  readonly bounds: Rect;
  readonly camera: Camera;
  readonly viewport: { readonly widthPx: number; readonly heightPx: number };
  readonly onLookAt: (xPx: number, yPx: number) => void;
}) {
  const scale = Math.min(
    (WIDTH_PX - 2 * PADDING_PX) / bounds.widthPx,
    (HEIGHT_PX - 2 * PADDING_PX) / bounds.heightPx,
  );
  const leftPx = (WIDTH_PX - bounds.widthPx * scale) / 2 - bounds.xPx * scale;
  const topPx = (HEIGHT_PX - bounds.heightPx * scale) / 2 - bounds.yPx * scale;
  const look = (event: ReactPointerEvent<SVGSVGElement>) => {
    if (event.buttons !== 1) return;
    const { offsetX, offsetY } = event.nativeEvent;
    onLookAt((offsetX - leftPx) / scale, (offsetY - topPx) / scale);
  };
  const worstLast = cards.toSorted((a, b) => compareStatus(b.status, a.status));
  return (
    <svg
      className={styles.map}
      width={WIDTH_PX}
      height={HEIGHT_PX}
      aria-hidden="true"
      data-not-canvas
      onPointerDown={look}
      onPointerMove={look}
    >
      {worstLast.map((card) => {
        const rect = rects.get(card.id);
        if (rect === undefined) return null;
        const leastPx = card.status === "failing" ? LEAST_FAILING_PX : 2;
        return (
          <rect
            key={card.id}
            x={leftPx + rect.xPx * scale}
            y={topPx + rect.yPx * scale}
            width={Math.max(rect.widthPx * scale, leastPx)}
            height={Math.max(rect.heightPx * scale, leastPx)}
            rx={1}
            fill={`var(--${STATUS_TONES[card.status]}-thread)`}
            opacity={card.status === "healthy" ? 0.55 : 1}
          />
        );
      })}
      <rect
        className={styles.view}
        x={leftPx + (-camera.xPx / camera.scale) * scale}
        y={topPx + (-camera.yPx / camera.scale) * scale}
        width={(viewport.widthPx / camera.scale) * scale}
        height={(viewport.heightPx / camera.scale) * scale}
        rx={3}
      />
    </svg>
  );
}
