"use client";
import { type MouseEvent, type ReactNode, useEffect, useId, useRef } from "react";
import { Button } from "./button.tsx";
import styles from "./confirm-in-place.module.css";
import { Kbd } from "./kbd.tsx";

/**
 * Asks, where the button was, before users' traffic or access changes. Esc keeps things as they are; the act has the
 * focus, so Enter does it. The page stays readable.
 */
export function ConfirmInPlace({
  question,
  children,
  act,
  actIcon,
  keep,
  tone,
  isPending = false,
  onAct,
  onKeep,
}: {
  readonly question: string;
  /** What happens, to how many rps, what stays possible. */
  readonly children: ReactNode;
  /** Verb and object of the act ("Roll back to v1"). */
  readonly act: string;
  readonly actIcon?: ReactNode;
  /** The safe way out ("Keep going"). */
  readonly keep: string;
  readonly tone: "bad" | "accent";
  readonly isPending?: boolean;
  readonly onAct: (event: MouseEvent<HTMLButtonElement>) => void;
  readonly onKeep: () => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const questionId = useId();
  useEffect(() => {
    box.current?.querySelector<HTMLButtonElement>("[data-act]")?.focus({ preventScroll: true });
    box.current?.scrollIntoView({ block: "nearest" });
  }, []);
  return (
    <div
      ref={box}
      role="alertdialog"
      aria-labelledby={questionId}
      className={styles[tone]}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !isPending) {
          event.stopPropagation();
          onKeep();
        }
        // The Enter that opened the question must not answer it while it is still held down.
        if (event.key === "Enter" && event.repeat) event.preventDefault();
      }}
    >
      <h2 id={questionId} className={styles.question}>
        {question}
      </h2>
      <div className={styles.words}>{children}</div>
      <div className={styles.buttons}>
        <Button
          data-act=""
          kind={tone === "bad" ? "danger" : "primary"}
          size="large"
          icon={actIcon}
          isPending={isPending}
          onClick={onAct}
        >
          {act}
          <span className={styles.key} aria-hidden="true">
            <Kbd>Enter</Kbd>
          </span>
        </Button>
        <Button size="large" onClick={() => !isPending && onKeep()}>
          {keep}
          <span className={styles.key} aria-hidden="true">
            <Kbd>Esc</Kbd>
          </span>
        </Button>
      </div>
    </div>
  );
}
