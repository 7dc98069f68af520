"use client";
import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import styles from "./code-line.module.css";

const COPIED_FOR_MS = 2000;

/** The command that does the same as the button beside it, with a button that copies it. */
export function CodeLine({ command }: { readonly command: string }) {
  return (
    <div className={styles.line}>
      <code className={styles.code}>
        <span className={styles.prompt} aria-hidden="true">
          ${" "}
        </span>
        {command}
      </code>
      <CopyButton text={command} label={`Copy ${command}`} />
    </div>
  );
}

/** Copies `text`; says so in its name for two seconds. */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [outcome, copy] = useCopy();
  return (
    <button
      type="button"
      className={styles.copy}
      aria-label={outcome === undefined ? label : COPY_WORDS[outcome]}
      title={outcome === undefined ? label : COPY_WORDS[outcome]}
      onClick={() => copy(text)}
    >
      {outcome === "copied" ? <Check size={14} /> : <Copy size={14} />}
    </button>
  );
}

export type CopyOutcome = "copied" | "refused";

/** What to say after a copy; a page served without https may not reach the clipboard. */
export const COPY_WORDS: Readonly<Record<CopyOutcome, string>> = {
  copied: "Copied",
  refused: "The browser refused to copy",
};

/** Copies text and tells for two seconds how it went. */
export function useCopy(): readonly [CopyOutcome | undefined, (text: string) => void] {
  const [outcome, setOutcome] = useState<CopyOutcome>();
  useEffect(() => {
    if (outcome === undefined) return undefined;
    const timer = setTimeout(() => setOutcome(undefined), COPIED_FOR_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = (text: string) => {
    // Without https (other than on loopback) browsers offer no clipboard at all.
    if (!window.isSecureContext) return setOutcome("refused");
    navigator.clipboard.writeText(text).then(
      () => setOutcome("copied"),
      () => setOutcome("refused"),
    );
  };
  return [outcome, copy];
}
