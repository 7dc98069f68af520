"use client";

import type { MtlsGuard } from "@heddle/contracts";
import Link from "next/link";
import { formatCount, formatCounted } from "../../../lib/numbers.ts";
import { formatClock, formatRoughDuration, formatStamp } from "../../../lib/times.ts";
import { Button } from "../../../ui/button.tsx";
import { useNowMs } from "../../../ui/clock.ts";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import { guardWindowInWords } from "./flip-choice.ts";
import styles from "./guard-card.module.css";
import { GUARD_TITLES, guardProgress, guardStatus, refusalsInWords } from "./guard-words.ts";
import { useCancelGuard } from "./use-set-mtls.ts";

/** One guarded flip: time left and refusals while it runs, afterwards how it ended, in words. */
export function GuardCard({
  guard,
  readOnlyReason,
}: {
  readonly guard: MtlsGuard;
  readonly readOnlyReason: string | undefined;
}) {
  const isRunning = guard.status === "running";
  const status = guardStatus(guard);
  const isOver = (useNowMs() ?? 0) >= guard.endsAtMs; // it waits for the last counts
  return (
    <section className={styles.card} data-status={status} aria-label={GUARD_TITLES[guard.status]}>
      <header className={styles.head}>
        <StatusGlyph status={status} sizePx={13} isBesideWord />
        <b>{GUARD_TITLES[guard.status]}</b>
        <span className={styles.quiet}>
          since <time title={formatStamp(guard.startedAtMs)}>{formatClock(guard.startedAtMs)}</time>
          , by {guard.startedBy}
        </span>
        {isRunning && <Cancel guard={guard} readOnlyReason={readOnlyReason} />}
      </header>
      {isRunning && <Progress guard={guard} />}
      {(!isRunning || isOver) && <p role="status">{guard.words}</p>}
      {guard.callers.length > 0 && <Callers guard={guard} />}
      {guard.waitingFor.length > 0 && (
        <p className={styles.quiet}>
          No word from {guard.waitingFor.join(", ")}: no data is no proof, so the guard waits for{" "}
          {guard.waitingFor.length === 1 ? "it" : "them"}.
        </p>
      )}
      {guard.endRevision !== undefined && (
        <Link href={`/history/${guard.endRevision}`}>Revision {guard.endRevision}</Link>
      )}
    </section>
  );
}

function Progress({ guard }: { readonly guard: MtlsGuard }) {
  const nowMs = useNowMs() ?? guard.startedAtMs;
  const leftMs = Math.max(0, guard.endsAtMs - nowMs);
  const share = guardProgress(guard, nowMs);
  const most = guard.maxRefusals + 1;
  return (
    <div className={styles.progress}>
      <span className={styles.figure}>
        <b>{formatRoughDuration(Math.ceil(leftMs / 1000) * 1000)}</b> left of{" "}
        {guardWindowInWords(guard.windowMs)}
      </span>
      <span
        className={styles.track}
        role="progressbar"
        aria-label="Time watched"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
      >
        <span className={styles.fill} style={{ width: `${share * 100}%` }} />
      </span>
      <span className={styles.figure} data-hit={guard.refused > 0 || undefined}>
        <b>{refusalsInWords(guard)}</b>
      </span>
      <span
        className={styles.track}
        role="progressbar"
        aria-label="Refusals"
        aria-valuemin={0}
        aria-valuemax={most}
        aria-valuenow={Math.min(guard.refused, most)}
      >
        <span
          className={styles.refusals}
          style={{ width: `${Math.min(1, guard.refused / most) * 100}%` }}
        />
      </span>
    </div>
  );
}

function Callers({ guard }: { readonly guard: MtlsGuard }) {
  return (
    <ul className={styles.callers}>
      {guard.callers.map((caller) => (
        <li key={`${caller.workload} ${caller.sourceAddress} ${caller.reason}`}>
          <code>{caller.sourceAddress}</code> {caller.label}: {formatCount(caller.refused)} refused
          {guard.workloads.length > 1 && ` at ${caller.workload}`}
        </li>
      ))}
    </ul>
  );
}

function Cancel({
  guard,
  readOnlyReason,
}: {
  readonly guard: MtlsGuard;
  readonly readOnlyReason: string | undefined;
}) {
  const cancel = useCancelGuard(guard.id);
  return (
    <span className={styles.acts}>
      {cancel.isError && <span role="alert">{cancel.error.message}</span>}
      <Button
        size="toolbar"
        disabledReason={readOnlyReason}
        isPending={cancel.isPending}
        title={`STRICT stays on ${formatCounted(guard.workloads.length, "workload")}, and nobody watches`}
        onClick={() => cancel.mutate()}
      >
        Keep STRICT, end the guard
      </Button>
    </span>
  );
}
