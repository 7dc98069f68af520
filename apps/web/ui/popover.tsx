"use client";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { classNames } from "./class-names.ts";
import styles from "./popover.module.css";

/** A button that opens a small floating part under it. Esc and a click elsewhere close it. */
export function Popover({
  label,
  button,
  align = "start",
  isQuiet = false,
  children,
}: {
  /** Accessible name of the part that opens. */
  readonly label: string;
  readonly button: ReactNode;
  readonly align?: "start" | "end";
  readonly isQuiet?: boolean;
  readonly children: ReactNode | ((close: () => void) => ReactNode);
}) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  const close = () => {
    setIsOpen(false);
    opener.current?.focus();
  };
  useEffect(() => {
    if (!isOpen) return undefined;
    const onPointerDown = (event: PointerEvent) => {
      if (event.target instanceof Node && box.current?.contains(event.target) !== true) {
        setIsOpen(false);
      }
    };
    document.addEventListener("pointerdown", onPointerDown);
    return () => document.removeEventListener("pointerdown", onPointerDown);
  }, [isOpen]);
  return (
    <div
      ref={box}
      className={styles.box}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !isOpen) return;
        event.stopPropagation();
        close();
      }}
    >
      <button
        ref={opener}
        type="button"
        className={classNames(styles.opener, isQuiet && styles.quiet)}
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setIsOpen(!isOpen)}
      >
        {button}
      </button>
      {isOpen && (
        <div
          id={id}
          role="dialog"
          aria-label={label}
          className={classNames(styles.popover, align === "end" && styles.end)}
        >
          {typeof children === "function" ? children(close) : children}
        </div>
      )}
    </div>
  );
}
