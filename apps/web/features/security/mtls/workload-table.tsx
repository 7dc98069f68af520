"use client";

import type { LadderRung, MtlsGuard, PreflightCaller } from "@heddle/contracts";
import { formatShare, NO_DATA } from "../../../lib/numbers.ts";
import { formatRoughDuration, formatStamp, formatTimeLeft } from "../../../lib/times.ts";
import { Card } from "../../../ui/card.tsx";
import { useNowMs } from "../../../ui/clock.ts";
import { useHeldOrder } from "../../../ui/held-order.ts";
import { Lock } from "../../../ui/lock.tsx";
import { OpeningHead, OpeningRow } from "../../../ui/opening-row.tsx";
import { OrderChanges } from "../../../ui/order-changes.tsx";
import { Shield } from "../../../ui/shield.tsx";
import { Table, Td, Th } from "../../../ui/table.tsx";
import type { CallerWindow } from "./caller-windows.ts";
import { guardOf } from "./guard-words.ts";
import { callerInWords, type MtlsRow } from "./mtls-rows.ts";
import { Preflight } from "./preflight.tsx";
import styles from "./workload-table.module.css";

interface Shared {
  readonly open: string | undefined;
  readonly onOpen: (id: string | undefined) => void;
  readonly guards: readonly MtlsGuard[];
  readonly isCallersKnown: boolean;
  readonly callerWindow: CallerWindow;
  readonly onCallerWindow: (value: string) => void;
  /** Of the chosen cell of the matrix: the service it leads to (`namespace/service`), and the caller's address if it is outside. */
  readonly marked: { readonly service: string; readonly address: string | undefined } | undefined;
  readonly onMark: (row: MtlsRow, caller: PreflightCaller) => void;
  readonly readOnlyReason: (namespace: string) => string | undefined;
}

/** Every workload, riskiest first; a row opens to who would break under STRICT. */
export function WorkloadTable({
  rows,
  rung,
  ...shared
}: Shared & {
  readonly rows: readonly MtlsRow[];
  /** Only those on this rung; the opened one stays in sight. */
  readonly rung: LadderRung | undefined;
}) {
  const { shown, moved, holder } = useHeldOrder(rows, ({ id }) => id, shared.open !== undefined);
  const listed = shown.filter(
    ({ id, ladder }) => rung === undefined || ladder.rung === rung || id === shared.open,
  );
  return (
    <Card isFlush className={styles.card}>
      <div {...holder}>
        <Table label="mTLS by workload">
          <thead>
            <tr>
              <OpeningHead />
              <Th>Workload</Th>
              <Th>Mode</Th>
              <Th>mTLS share</Th>
              <Th className={styles.wideOnly}>
                Plaintext callers
                <OrderChanges moved={moved} />
              </Th>
              <Th isNumber className={styles.wideOnly}>
                Certificate
              </Th>
            </tr>
          </thead>
          <tbody>
            {listed.map((row) => (
              <WorkloadRow key={row.id} row={row} {...shared} />
            ))}
            {listed.length === 0 && (
              <tr>
                <Td colSpan={6} className={styles.none}>
                  No workload stands on this rung.
                </Td>
              </tr>
            )}
          </tbody>
        </Table>
      </div>
    </Card>
  );
}

function WorkloadRow({ row, ...shared }: Shared & { readonly row: MtlsRow }) {
  const nowMs = useNowMs() ?? 0;
  const { ladder, state } = row;
  const isOpen = shared.open === row.id;
  const guard = recentGuard(guardOf(shared.guards, row.id), nowMs);
  const name = state ? `${state.service} ${state.version ?? ""}`.trim() : ladder.workload;
  const isMarked =
    state !== undefined && shared.marked?.service === `${state.namespace}/${state.service}`;
  return (
    <OpeningRow
      name={ladder.workload}
      isOpen={isOpen}
      isSelected={isMarked && !isOpen}
      columns={6}
      onToggle={() => shared.onOpen(isOpen ? undefined : row.id)}
      details={() => (
        <Preflight
          row={row}
          guard={guard}
          nowMs={nowMs}
          callerWindow={shared.callerWindow}
          onCallerWindow={shared.onCallerWindow}
          markedAddress={isMarked ? shared.marked?.address : undefined}
          onMark={(caller) => shared.onMark(row, caller)}
          readOnlyReason={shared.readOnlyReason(ladder.namespace)}
        />
      )}
    >
      <Td>
        <span className={styles.name} title={row.id}>
          {name}
        </span>
        {ladder.callersInTheWay.length > 0 && (
          <span className={styles.callersBelow}>
            <CallersCell row={row} isKnown={shared.isCallersKnown} nowMs={nowMs} />
          </span>
        )}
      </Td>
      <Td>
        <span className={ladder.mode === "STRICT" ? undefined : styles.openMode}>
          <Lock mode={ladder.mode} isDryRun={ladder.rung === "dry-run"} />
        </span>
        {guard?.status === "running" && (
          <span className={styles.guarded}>
            guarded {formatRoughDuration(guard.endsAtMs - nowMs)}
          </span>
        )}
      </Td>
      <Td>
        <span className={styles.share}>
          <Shield ratio={row.mtlsRatio} isBesideWord />
          <b>{formatShare(row.mtlsRatio)}</b>
        </span>
      </Td>
      <Td className={styles.wideOnly}>
        <CallersCell row={row} isKnown={shared.isCallersKnown} nowMs={nowMs} />
      </Td>
      <Td isNumber className={styles.wideOnly}>
        {state?.certificateNotAfterMs === undefined ? (
          NO_DATA
        ) : (
          <span title={`Ends ${formatStamp(state.certificateNotAfterMs)}`}>
            {formatTimeLeft(state.certificateNotAfterMs, nowMs)}
          </span>
        )}
      </Td>
    </OpeningRow>
  );
}

const GUARD_SHOWN_MS = 3_600_000;

/** A guard that ended long ago says nothing about today. */
function recentGuard(guard: MtlsGuard | undefined, nowMs: number): MtlsGuard | undefined {
  const endedAtMs = guard?.endedAtMs ?? nowMs;
  return nowMs - endedAtMs < GUARD_SHOWN_MS ? guard : undefined;
}

function CallersCell({
  row,
  isKnown,
  nowMs,
}: {
  readonly row: MtlsRow;
  readonly isKnown: boolean;
  readonly nowMs: number;
}) {
  const { callersInTheWay } = row.ladder;
  if (!isKnown) return <span className={styles.quiet}>{NO_DATA}</span>;
  if (callersInTheWay.length === 0) {
    return <span className={styles.quiet}>0</span>;
  }
  const names = callersInTheWay.slice(0, 2).map(callerInWords).join(", ");
  const [first] = callersInTheWay;
  return (
    <span title={first && `last ${formatRoughDuration(nowMs - first.lastSeenMs)} ago`}>
      <b className={styles.warn}>{callersInTheWay.length}</b>{" "}
      <span className={styles.quiet}>{names}</span>
    </span>
  );
}
