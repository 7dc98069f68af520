"use client";

import { initialsOf } from "../../lib/initials.ts";
import { formatSince } from "../../lib/times.ts";
import { useNowMs } from "../../ui/clock.ts";
import { Tooltip } from "../../ui/tooltip.tsx";
import styles from "./others-here.module.css";
import { useOthersHere } from "./use-others-here.ts";

const MOST_SHOWN = 4;

/** Who else has this rule open, by initials; one alone by name. */
export function OthersHere({ subject }: { readonly subject: string }) {
  const others = useOthersHere(subject);
  const nowMs = useNowMs() ?? 0;
  const [only] = others;
  if (only === undefined) return <span role="status" className="visually-hidden" />;
  const words = others.map(({ name, sinceMs }) => `${name}, ${formatSince(sinceMs, nowMs)}`);
  const names = others.map(({ name }) => name).join(", ");
  return (
    <Tooltip text={`Open here: ${words.join("; ")}`}>
      <span className={styles.others} role="status" tabIndex={0}>
        {others.slice(0, MOST_SHOWN).map(({ name }) => (
          <span key={name} className={styles.initials} aria-hidden="true">
            {initialsOf(name)}
          </span>
        ))}
        {others.length === 1 ? (
          `${only.name} is viewing this rule`
        ) : (
          <>
            <span className="visually-hidden">{names} are viewing this rule</span>
            <span aria-hidden="true">{others.length} others here</span>
          </>
        )}
      </span>
    </Tooltip>
  );
}
