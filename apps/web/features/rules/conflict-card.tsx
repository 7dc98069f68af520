"use client";

import type { DocumentMerge } from "@heddle/contracts";
import { useMutation } from "@tanstack/react-query";
import { GitMerge } from "lucide-react";
import Link from "next/link";
import { useState } from "react";
import { formatSince } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import styles from "./conflict-card.module.css";
import { type Pick, withPicks, withTheirs } from "./merge-picks.ts";
import { askMerge } from "./rule-queries.ts";

const PICKS = [
  { value: "yours", label: "Yours" },
  { value: "theirs", label: "Theirs" },
] as const;

/**
 * The document has moved on since the draft was begun: who changed it, what both come to together, and where one must
 * choose. Nothing is applied here; what comes of it is a draft again.
 */
export function ConflictCard({
  merge,
  onMerged,
  onKeep,
  onTakeTheirs,
}: {
  readonly merge: DocumentMerge;
  /** The draft both come to, now begun from their state. */
  readonly onMerged: (text: string) => void;
  readonly onKeep: () => void;
  readonly onTakeTheirs: () => void;
}) {
  const nowMs = useNowMs() ?? 0;
  const [picks, setPicks] = useState<ReadonlyMap<string, Pick>>(new Map());
  const { conflicts, merged, theirs } = merge;
  const isWhole = conflicts.some(({ path }) => path === "");
  const together = useMutation({
    mutationFn: async (): Promise<string> => {
      if (merged !== undefined) return merged;
      const draft = withTheirs(merge);
      if (draft === undefined) return merge.yours;
      const { kind, namespace, name, baseRevision } = merge;
      const answer = await askMerge(draft, [{ kind, namespace, name, revision: baseRevision }]);
      const [one] = answer.merges;
      return withPicks(one?.merged ?? theirs ?? draft, conflicts, picks);
    },
    onSuccess: onMerged,
  });
  const open = isWhole ? 0 : conflicts.filter(({ path }) => !picks.has(path)).length;
  return (
    <Card title="Changed elsewhere meanwhile" tone="warn">
      <ul className={styles.changes}>
        {merge.changes.map((one) => (
          <li key={one.revision}>
            <b>{one.author}</b> {formatSince(one.createdAtMs, nowMs)}:{" "}
            <Link href={`/history/${one.revision}`}>{one.summary}</Link>
          </li>
        ))}
      </ul>
      <p>
        {theirs === undefined
          ? "The rule was deleted. Your draft would make it anew."
          : conflicts.length === 0
            ? "Both changes touch different places, so they go together."
            : "Both changed the same places; choose whose value stands at each. All else of both stays."}
      </p>
      {!isWhole && conflicts.length > 0 && (
        <div className={styles.table} tabIndex={0} role="region" aria-label="Places both changed">
          <table>
            <thead>
              <tr>
                <th scope="col">Place</th>
                <th scope="col">Was</th>
                <th scope="col">Theirs</th>
                <th scope="col">Yours</th>
                <th scope="col">Stands</th>
              </tr>
            </thead>
            <tbody>
              {conflicts.map((conflict) => (
                <tr key={conflict.path}>
                  <td>
                    <code>{conflict.path}</code>
                  </td>
                  <Side value={conflict.base} />
                  <Side value={conflict.theirs} />
                  <Side value={conflict.yours} />
                  <td>
                    <Segmented<Pick | "">
                      label={`Whose ${conflict.path}`}
                      choices={PICKS}
                      value={picks.get(conflict.path) ?? ""}
                      onChange={(pick) =>
                        pick !== "" && setPicks(new Map([...picks, [conflict.path, pick]]))
                      }
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {together.isError && (
        <ErrorPart title="They were not put together" detail={together.error.message} />
      )}
      <div className={styles.acts}>
        <Button
          kind="primary"
          icon={<GitMerge size={15} />}
          isPending={together.isPending}
          disabledReason={
            open === 0
              ? undefined
              : `Choose at ${open === 1 ? "the place" : `the ${open} places`} both changed first.`
          }
          onClick={() => together.mutate()}
        >
          {isWhole ? "Go on with your draft" : "Put both together"}
        </Button>
        <Button onClick={onTakeTheirs}>Drop your draft</Button>
        <Button kind="ghost" onClick={onKeep}>
          Look on for now
        </Button>
      </div>
    </Card>
  );
}

function Side({ value }: { readonly value: string | undefined }) {
  return (
    <td>
      {value === undefined ? (
        <span className={styles.none}>not there</span>
      ) : (
        <pre className={styles.value}>{value.trimEnd()}</pre>
      )}
    </td>
  );
}
