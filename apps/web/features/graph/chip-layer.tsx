"use client";
import type { Point } from "@heddle/graph-layout";
import { Ban } from "lucide-react";
import { memo } from "react";
import { UNIT_SPACE } from "../../lib/numbers.ts";
import { classNames } from "../../ui/class-names.ts";
import { Shield } from "../../ui/shield.tsx";
import { StatusGlyphPaths } from "../../ui/status-glyph.tsx";
import styles from "./chip-layer.module.css";
import type { Thread } from "./graph-model.ts";
import type { ChipText } from "./thread-look.ts";

export type PlacedChip = {
  readonly thread: Thread;
  readonly chip: ChipText;
  readonly middle: Point;
  /** Stays when the graph is drawn smaller: it deviates, or is one of the ten busiest. */
  readonly isKept: boolean;
};

/** The labels on the threads. A screen reader hears the thread itself, which says the same and more. */
export const ChipLayer = memo(function ChipLayer({
  chips,
  selected,
  onSelect,
}: {
  readonly chips: readonly PlacedChip[];
  readonly selected: string | undefined;
  readonly onSelect: (id: string) => void;
}) {
  return (
    <div aria-hidden="true">
      {chips.map(({ thread, chip, middle, isKept }) => (
        // The thread under it is the button; the chip only widens what a pointer can hit.
        <div
          key={thread.id}
          data-not-canvas
          className={classNames(
            styles.chip,
            styles[chip.tone],
            isKept && styles.kept,
            thread.id === selected && styles.selected,
          )}
          style={{ left: middle.xPx, top: middle.yPx }}
          onClick={() => onSelect(thread.id)}
        >
          {chip.shield !== undefined && (
            <Shield ratio={chip.shield.ratio} sizePx={12} isBesideWord />
          )}
          {chip.isDenied && <Ban size={12} className={styles.denied} />}
          {chip.tone !== "plain" && (
            <svg width="10" height="10" viewBox="0 0 12 12">
              <StatusGlyphPaths
                status={thread.status}
                ink={chip.tone === "bad" ? "var(--surface)" : "var(--warn-thread)"}
                ground={chip.tone === "bad" ? "var(--bad)" : "var(--surface)"}
              />
            </svg>
          )}
          <ChipValue text={chip.text} />
        </div>
      ))}
    </div>
  );
});

/** Number and unit apart, so that a small drawing can leave the unit out. */
function ChipValue({ text }: { readonly text: string }) {
  if (text.includes("·")) return text;
  const [value, ...unit] = text.split(UNIT_SPACE);
  return (
    <span>
      {value}
      <span className={styles.unit}>
        {UNIT_SPACE}
        {unit.join(UNIT_SPACE)}
      </span>
    </span>
  );
}
