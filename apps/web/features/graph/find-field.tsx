"use client";
import { X } from "lucide-react";
import { type ReactNode, type RefObject, useEffect, useId, useRef, useState } from "react";
import { classNames } from "../../ui/class-names.ts";
import type { Verdict } from "./apply-filters.ts";
import styles from "./find-field.module.css";

/** A field in the find language. While it has the focus, a small part under it says how the language goes. */
export function FindField({
  label,
  keyName,
  icon,
  input,
  value,
  verdict,
  placeholder,
  onChange,
}: {
  readonly label: "Find" | "Hide";
  readonly keyName: string;
  readonly icon: ReactNode;
  readonly input: RefObject<HTMLInputElement | null>;
  readonly value: string;
  readonly verdict: Verdict;
  readonly placeholder: string;
  readonly onChange: (value: string) => void;
}) {
  const helpId = useId();
  const [hasFocus, setHasFocus] = useState(false);
  // The address follows what is typed a moment late; the field itself must not.
  const [typed, setTyped] = useState(value);
  const sent = useRef(value);
  useEffect(() => {
    // While one types, what comes back are earlier states of the same text.
    if (value === sent.current || document.activeElement === input.current) return;
    sent.current = value; // changed by a link, or by going back
    setTyped(value);
  }, [value, input]);
  const type = (text: string) => {
    sent.current = text;
    setTyped(text);
    onChange(text);
  };
  return (
    <div className={classNames(styles.field, styles[label], typed !== "" && styles.filled)}>
      <label className={classNames(styles.box, verdict?.isFault && styles.fault)}>
        {icon}
        <span className={styles.label}>{label}</span>
        <input
          ref={input}
          type="text"
          spellCheck={false}
          autoComplete="off"
          className={styles.input}
          placeholder={placeholder}
          value={typed}
          aria-describedby={helpId}
          aria-invalid={verdict?.isFault === true}
          onFocus={() => setHasFocus(true)}
          onBlur={() => setHasFocus(false)}
          onChange={(event) => type(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            event.stopPropagation();
            if (typed === "") event.currentTarget.blur();
            else type("");
          }}
        />
        {verdict !== undefined && !verdict.isFault && (
          <span className={styles.count}>{verdict.text}</span>
        )}
        {typed !== "" && (
          <button
            type="button"
            className={styles.clear}
            aria-label={`Clear ${label}`}
            onClick={() => type("")}
          >
            <X size={13} />
          </button>
        )}
      </label>
      <div id={helpId} className={styles.help} hidden={!hasFocus}>
        {verdict?.isFault && <p className={styles.why}>{verdict.text}</p>}
        <dl>
          <dt>
            <code>errors &gt; 5</code>
          </dt>
          <dd>share in %; also rate, p50, p95, p99 (ms), mtls (%)</dd>
          <dt>
            <code>failing</code> <code>idle</code>
          </dt>
          <dd>also degraded, healthy, unknown, outside, external, canary</dd>
          <dt>
            <code>pay</code>
          </dt>
          <dd>part of a name</dd>
          <dt>
            <code>and</code> <code>or</code> <code>not</code>
          </dt>
          <dd>
            key <b>{keyName}</b> brings you here
          </dd>
        </dl>
      </div>
    </div>
  );
}
