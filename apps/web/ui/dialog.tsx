"use client";
import { type ReactNode, useEffect, useRef } from "react";
import styles from "./dialog.module.css";

/** A sheet over the page for search and help, never for decisions. Esc and a click beside it close it. */
export function Dialog({
  label,
  onClose,
  children,
}: {
  readonly label: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-label={label}
      className={styles.dialog}
      onCancel={onClose}
      onKeyDown={(event) => event.stopPropagation()}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div className={styles.body}>{children}</div>
    </dialog>
  );
}
