"use client";

import { useEffect, useRef } from "react";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/code-line.tsx";
import styles from "./settings.module.css";

/** A secret that is shown now and never again. */
export function OnceShown({
  title,
  words,
  secret,
  copyLabel,
  onDone,
}: {
  readonly title: string;
  readonly words: string;
  readonly secret: string;
  readonly copyLabel: string;
  readonly onDone: () => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <div ref={box} className={styles.once} tabIndex={-1} role="status">
      <h3>{title}</h3>
      <p>{words}</p>
      <div className={styles.secret}>
        <code data-secret="">{secret}</code>
        <CopyButton text={secret} label={copyLabel} />
      </div>
      <Button onClick={onDone}>I have it</Button>
    </div>
  );
}
