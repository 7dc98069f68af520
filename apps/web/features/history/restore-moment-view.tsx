"use client";

import { Undo2 } from "lucide-react";
import Link from "next/link";
import { useEffect, useState } from "react";
import { momentText, parseMoment } from "../../lib/moments.ts";
import { useReadOnlyReason } from "../../lib/queries/use-me.ts";
import { formatStamp } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useDebounced } from "../rules/use-debounced.ts";
import cardStyles from "./restore-card.module.css";
import styles from "./restore-moment-view.module.css";
import { outcomeWords, ReasonField, RestoreOutcome } from "./restore-outcome.tsx";
import { useRestore, useRestorePreview } from "./use-restore.ts";

const MINUTE_MS = 60_000;
const STEPS_BACK = [
  { label: "10 min ago", ms: 10 * MINUTE_MS },
  { label: "1 h ago", ms: 60 * MINUTE_MS },
  { label: "24 h ago", ms: 24 * 60 * MINUTE_MS },
] as const;
/** While the field is being typed in, each half date is not asked about. */
const SETTLE_MS = 400;

/** The whole mesh back to a moment: which state that was, what would change and whose changes go, then the question. */
export function RestoreMomentView({
  atMs,
  newest,
  nowMs,
  onMoment,
}: {
  readonly atMs: number;
  readonly newest: number;
  readonly nowMs: number;
  /** `undefined`: no more of this. */
  readonly onMoment: (atMs: number | undefined) => void;
}) {
  const readOnlyReason = useReadOnlyReason();
  const [isAsking, setIsAsking] = useState(false);
  const [reason, setReason] = useState("");
  const isSettled = useDebounced(atMs, SETTLE_MS) === atMs;
  const way = { atMs };
  const isWanted = isSettled && readOnlyReason === undefined;
  const preview = useRestorePreview(isWanted ? way : undefined, newest);
  const restore = useRestore();
  const data = isWanted ? preview.data : undefined;
  const whyNot =
    readOnlyReason ??
    (data === undefined ? "What it would change is not known yet" : undefined) ??
    (data?.changes.length === 0 ? "Everything stands so already" : undefined);
  return (
    <PageFrame
      title="Restore the mesh to a moment"
      actions={
        <Button size="toolbar" onClick={() => onMoment(undefined)}>
          Leave it as it is
        </Button>
      }
    >
      <div className={styles.moment}>
        <MomentField atMs={atMs} nowMs={nowMs} onMoment={onMoment} />
        {STEPS_BACK.map(({ label, ms }) => (
          <Button key={label} size="toolbar" onClick={() => onMoment(nowMs - ms)}>
            {label}
          </Button>
        ))}
      </div>
      {readOnlyReason !== undefined && <p className={styles.words}>{readOnlyReason}</p>}
      {preview.isError && (
        <ErrorPart title="The mesh cannot go back there" detail={preview.error.message} />
      )}
      {preview.isLoading && <Skeleton heightPx={160} waitsFor="the control plane" />}
      {data !== undefined && (
        <>
          <p className={styles.words}>
            At {formatStamp(atMs)} the mesh stood{" "}
            {data.restoredRevision === 0 ? (
              "as before the first revision"
            ) : (
              <>
                as right after{" "}
                <Link href={`/history/${data.restoredRevision}`}>
                  revision {data.restoredRevision}
                </Link>
              </>
            )}
            ; the newest is {newest}.
          </p>
          <RestoreOutcome preview={data} />
        </>
      )}
      <section className={styles.foot} aria-label="Restore">
        {isAsking && data !== undefined ? (
          <ConfirmInPlace
            question={`Restore the whole mesh to ${formatStamp(atMs)}?`}
            act="Restore the mesh"
            actIcon={<Undo2 size={16} />}
            keep={`Keep ${newest}`}
            tone="accent"
            isPending={restore.isPending}
            onAct={() =>
              restore.mutate(
                { way, reason },
                { onSuccess: () => onMoment(undefined), onError: () => setIsAsking(false) },
              )
            }
            onKeep={() => setIsAsking(false)}
          >
            {outcomeWords(data, newest)}
            <ReasonField value={reason} onChange={setReason} />
          </ConfirmInPlace>
        ) : (
          <div className={cardStyles.card}>
            <div className={cardStyles.words}>
              <h2>Restore the mesh to this moment</h2>
              <p>Every document becomes as it stood then, as a new revision {newest + 1}.</p>
            </div>
            <div className={styles.command}>
              <CodeLine command={`heddle rollback --at ${momentText(atMs)}Z`} />
            </div>
            <Button
              kind="primary"
              icon={<Undo2 size={15} />}
              disabledReason={whyNot}
              onClick={() => setIsAsking(true)}
            >
              Restore the mesh
            </Button>
          </div>
        )}
      </section>
    </PageFrame>
  );
}

function MomentField({
  atMs,
  nowMs,
  onMoment,
}: {
  readonly atMs: number;
  readonly nowMs: number;
  readonly onMoment: (atMs: number) => void;
}) {
  const [text, setText] = useState(momentText(atMs));
  useEffect(() => setText(momentText(atMs)), [atMs]);
  const isGood = parseMoment(text, nowMs) !== undefined;
  return (
    <label className={styles.field}>
      As of (UTC)
      <input
        type="datetime-local"
        step={1}
        max={momentText(nowMs)}
        value={text}
        aria-invalid={!isGood}
        title={isGood ? undefined : "Name a moment that has been, with its date"}
        onChange={(event) => {
          setText(event.target.value);
          const wanted = parseMoment(event.target.value, nowMs);
          if (wanted !== undefined) onMoment(wanted);
        }}
      />
    </label>
  );
}
