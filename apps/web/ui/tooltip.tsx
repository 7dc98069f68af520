"use client";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { classNames } from "./class-names.ts";
import styles from "./tooltip.module.css";

/** Hover shows within 120 ms; shorter, and a pointer that passes by would flicker through tips. */
const SHOW_AFTER_MS = 100;
const MARGIN_PX = 8;

type Place = { readonly leftPx: number; readonly topPx: number; readonly isBelow: boolean };

/** One plain sentence over (or under) what it explains, on hover and on focus; Esc hides it. */
export function Tooltip({
  text,
  isWide,
  children,
}: {
  readonly text: ReactNode;
  readonly isWide?: boolean | undefined;
  readonly children: ReactNode;
}) {
  const id = useId();
  const anchor = useRef<HTMLSpanElement>(null);
  const [place, setPlace] = useState<Place>();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const hide = () => {
    clearTimeout(timer.current);
    setPlace(undefined);
  };
  const show = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setPlace(placeOver(anchor.current)), SHOW_AFTER_MS);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <span
      ref={anchor}
      className={classNames(styles.anchor, isWide && styles.wide)}
      aria-describedby={place === undefined ? undefined : id}
      onPointerEnter={show}
      onPointerLeave={hide}
      onPointerDown={hide}
      onFocus={show}
      onBlur={hide}
      onKeyDown={(event) => event.key === "Escape" && hide()}
    >
      {children}
      {place !== undefined &&
        createPortal(
          <span
            role="tooltip"
            id={id}
            className={classNames(styles.tip, place.isBelow && styles.below)}
            style={{ left: place.leftPx, top: place.topPx }}
          >
            {text}
          </span>,
          document.body,
        )}
    </span>
  );
}

function placeOver(element: HTMLElement | null): Place | undefined {
  const box = (element?.firstElementChild ?? element)?.getBoundingClientRect();
  if (box === undefined) return undefined;
  const isBelow = box.top < 56;
  const middlePx = box.left + box.width / 2;
  return {
    leftPx: Math.min(Math.max(middlePx, 90), window.innerWidth - 90),
    topPx: isBelow ? box.bottom + MARGIN_PX : box.top - MARGIN_PX,
    isBelow,
  };
}
