"use client";
import {
  type ReactNode,
  type PointerEvent as ReactPointerEvent,
  useEffect,
  useRef,
  useState,
} from "react";
import styles from "./side-panel.module.css";

const LEAST_WIDTH_PX = 320;
const MOST_WIDTH_PX = 560;
const USUAL_WIDTH_PX = 352;
const WIDTH_KEY = "heddle-panel-width";

/**
 * The panel at the right; its width can be dragged or stepped with the arrow keys and is kept. Below
 * 900 px it is a sheet from the bottom that can be pulled up.
 */
export function SidePanel({
  label,
  children,
  foot,
}: {
  readonly label: string;
  readonly children: ReactNode;
  /** Acts that stay in sight. */
  readonly foot?: ReactNode;
}) {
  const [widthPx, setWidthPx] = useState(USUAL_WIDTH_PX);
  const [isTall, setIsTall] = useState(false);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const kept = Number(localStorage.getItem(WIDTH_KEY));
    if (kept >= LEAST_WIDTH_PX && kept <= MOST_WIDTH_PX) setWidthPx(kept);
  }, []);
  const resize = (wantedPx: number) => {
    const px = Math.min(Math.max(wantedPx, LEAST_WIDTH_PX), MOST_WIDTH_PX);
    setWidthPx(px);
    localStorage.setItem(WIDTH_KEY, String(px));
  };
  const drag = (event: ReactPointerEvent<HTMLDivElement>) => {
    const rightPx = panel.current?.getBoundingClientRect().right;
    if (rightPx === undefined || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    resize(Math.round(rightPx - event.clientX));
  };
  return (
    <aside
      ref={panel}
      aria-label={label}
      className={styles.panel}
      data-tall={isTall || undefined}
      style={{ ["--panel-width" as string]: `${widthPx}px` }}
    >
      <div
        role="separator"
        aria-label="Panel width"
        aria-orientation="vertical"
        aria-valuemin={LEAST_WIDTH_PX}
        aria-valuemax={MOST_WIDTH_PX}
        aria-valuenow={widthPx}
        tabIndex={0}
        className={styles.edge}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
        onKeyDown={(event) => {
          const by = { ArrowLeft: 16, ArrowRight: -16 }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          event.stopPropagation();
          resize(widthPx + by);
        }}
      />
      <button
        type="button"
        className={styles.handle}
        aria-label={isTall ? "Lower the sheet" : "Raise the sheet"}
        aria-expanded={isTall}
        onClick={() => setIsTall(!isTall)}
      />
      <div className={styles.body}>{children}</div>
      {foot !== undefined && <div className={styles.foot}>{foot}</div>}
    </aside>
  );
}

/** A part of the panel, set off by a line. */
export function PanelSection({
  title,
  caption,
  children,
}: {
  readonly title?: string;
  readonly caption?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className={styles.section}>
      {title !== undefined && (
        <header className={styles.sectionHead}>
          <h3>{title}</h3>
          {caption !== undefined && <span className={styles.caption}>{caption}</span>}
        </header>
      )}
      {children}
    </section>
  );
}
