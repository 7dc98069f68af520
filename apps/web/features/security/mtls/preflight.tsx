"use client";

import type { MtlsGuard, PreflightCaller } from "@heddle/contracts";
import { usePreflight } from "../../../lib/queries/use-mtls.ts";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Select } from "../../../ui/select.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { CallerTable } from "./caller-table.tsx";
import { CALLER_WINDOWS, type CallerWindow } from "./caller-windows.ts";
import { CountedUntil } from "./counted-until.tsx";
import { Flip } from "./flip.tsx";
import { GuardCard } from "./guard-card.tsx";
import type { MtlsRow } from "./mtls-rows.ts";
import styles from "./preflight.module.css";

/** Who sends this workload what STRICT refuses, what a flip would do to them, and the flip itself. */
export function Preflight({
  row,
  guard,
  nowMs,
  callerWindow,
  markedAddress,
  readOnlyReason,
  onCallerWindow,
  onMark,
}: {
  readonly row: MtlsRow;
  /** The guard that runs on it, or the last one that ended. */
  readonly guard: MtlsGuard | undefined;
  readonly nowMs: number;
  readonly callerWindow: CallerWindow;
  readonly markedAddress: string | undefined;
  readonly readOnlyReason: string | undefined;
  readonly onCallerWindow: (value: string) => void;
  readonly onMark: (caller: PreflightCaller) => void;
}) {
  const { namespace, workload, mode } = row.ladder;
  const windowMs = Number(callerWindow.value);
  const preflight = usePreflight({ namespace, workload }, windowMs);
  const own = preflight.data?.workloads.find((one) => one.workload === workload);
  const isKnown = preflight.data?.countedUntilMs !== undefined;
  const callers = preflight.data?.callers ?? [];
  const isStrict = mode === "STRICT";
  return (
    <div className={styles.preflight}>
      <header className={styles.head}>
        <h2>{isStrict ? "Who is refused under STRICT" : "Who would break under STRICT"}</h2>
        <span className={styles.caption}>
          plaintext to {row.state?.service ?? workload}, last {callerWindow.label}, counted by its
          inbound proxies
        </span>
        <CountedUntil countedUntilMs={preflight.data?.countedUntilMs} nowMs={nowMs} />
        <span className={styles.window}>
          <Select
            label="Time looked back"
            choices={CALLER_WINDOWS}
            value={callerWindow.value}
            onChange={onCallerWindow}
          />
        </span>
      </header>
      {preflight.isError && (
        <ErrorPart
          title="The callers are missing"
          detail={preflight.error.message}
          onRetry={() => void preflight.refetch()}
        />
      )}
      {preflight.isPending && <Skeleton heightPx={64} />}
      {callers.length > 0 && (
        <CallerTable
          callers={callers}
          workload={workload}
          dryRunSinceMs={own?.dryRunSinceMs}
          isStrict={isStrict}
          nowMs={nowMs}
          markedAddress={markedAddress}
          onMark={onMark}
        />
      )}
      {guard !== undefined && <GuardCard guard={guard} readOnlyReason={readOnlyReason} />}
      {!preflight.isPending && (
        <Flip
          key={`${row.id} ${mode}`}
          row={row}
          callers={isKnown ? callers : undefined}
          windowMs={windowMs}
          readOnlyReason={readOnlyReason}
        />
      )}
    </div>
  );
}
