"use client";

import type { RestoreResponse } from "@heddle/contracts";
import Link from "next/link";
import { formatCounted } from "../../lib/numbers.ts";
import { DiffCard } from "./diff-card.tsx";
import styles from "./restore-card.module.css";

/** What going back would do, as the server says: whose later changes go, and each document's lines. */
export function RestoreOutcome({ preview }: { readonly preview: RestoreResponse }) {
  return (
    <>
      <Undone preview={preview} />
      <DiffCard changes={preview.changes} title="What would change" />
    </>
  );
}

/** The same in one sentence, for the question. */
export function outcomeWords({ changes }: RestoreResponse, newest: number): string {
  if (changes.length === 0) return "Nothing would change: everything stands so already.";
  const count = formatCounted(changes.length, "document");
  const verb = changes.length === 1 ? "changes" : "change";
  return `${count} ${verb}, as a new revision ${newest + 1}. Nothing newer is lost: History keeps it.`;
}

/** Whose later changes go, so that nobody is surprised. */
function Undone({ preview: { undoes } }: { readonly preview: RestoreResponse }) {
  if (undoes.length === 0) return null;
  return (
    <div className={styles.undone}>
      <h3>This undoes</h3>
      <ul>
        {undoes.map((one) => (
          <li key={one.revision}>
            <Link href={`/history/${one.revision}`}>{one.revision}</Link> {one.summary}, by{" "}
            {one.author}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Why it is done; it stays with the revision. */
export function ReasonField({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (reason: string) => void;
}) {
  return (
    <label className={styles.why}>
      Why
      <input
        value={value}
        maxLength={2000}
        placeholder="optional; stays with the revision"
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}
