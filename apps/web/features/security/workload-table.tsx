"use client";

import { ChevronDown, ChevronRight } from "lucide-react";
import { Fragment, useId, useRef } from "react";
import { formatShare, NO_DATA } from "../../lib/numbers.ts";
import { formatStamp, formatTimeLeft } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { Lock } from "../../ui/lock.tsx";
import { Shield } from "../../ui/shield.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import type { CallerWindow } from "./caller-windows.ts";
import { acceptedCallers, callerName, inOrder, type MtlsRow } from "./mtls-rows.ts";
import { Preflight } from "./preflight.tsx";
import styles from "./workload-table.module.css";

interface Shared {
  readonly open: string | undefined;
  readonly onOpen: (id: string | undefined) => void;
  readonly isCallersKnown: boolean;
  readonly callerWindow: CallerWindow;
  readonly onCallerWindow: (value: string) => void;
  readonly readOnlyReason: string | undefined;
}

/** Every workload, riskiest first; a row opens to who would break under STRICT. */
export function WorkloadTable({ rows, ...shared }: Shared & { readonly rows: readonly MtlsRow[] }) {
  const held = useHeldOrder(rows, shared.open !== undefined, shared.isCallersKnown);
  return (
    <Card isFlush className={styles.card}>
      <Table label="mTLS by workload">
        <thead>
          <tr>
            <Th className={styles.chevron}>
              <span className="visually-hidden">Details</span>
            </Th>
            <Th>Workload</Th>
            <Th>Mode</Th>
            <Th>mTLS share</Th>
            <Th className={styles.wideOnly}>Plaintext callers</Th>
            <Th isNumber className={styles.wideOnly}>
              Certificate
            </Th>
          </tr>
        </thead>
        <tbody>
          {held.map((row) => (
            <WorkloadRow key={row.id} row={row} {...shared} />
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

/** Rows keep their places while one of them is open: a flip must not carry it off. */
function useHeldOrder(
  rows: readonly MtlsRow[],
  isHeld: boolean,
  isRiskKnown: boolean,
): readonly MtlsRow[] {
  const order = useRef<readonly string[]>(undefined);
  const shown = isHeld && order.current !== undefined ? inOrder(rows, order.current) : rows;
  if (isRiskKnown) order.current = shown.map((row) => row.id); // an order without callers is not worth holding
  return shown;
}

function WorkloadRow({ row, ...shared }: Shared & { readonly row: MtlsRow }) {
  const id = useId();
  const nowMs = useNowMs() ?? 0;
  const { workload } = row;
  const isOpen = shared.open === row.id;
  const toggle = (): void => shared.onOpen(isOpen ? undefined : row.id);
  return (
    <Fragment>
      <Tr onClick={toggle} className={isOpen ? styles.openRow : undefined}>
        <Td className={styles.chevron}>
          <button
            type="button"
            className={styles.toggle}
            aria-expanded={isOpen}
            aria-controls={isOpen ? id : undefined}
            aria-label={`${isOpen ? "Close" : "Open"} ${workload.name}`}
            onClick={(event) => {
              event.stopPropagation();
              toggle();
            }}
          >
            {isOpen ? <ChevronDown size={15} /> : <ChevronRight size={15} />}
          </button>
        </Td>
        <Td>
          <span className={styles.name}>
            {workload.service} {workload.version}
          </span>
          {row.callers.length > 0 && (
            <span className={styles.callersBelow}>
              <CallersCell row={row} isKnown={shared.isCallersKnown} />
            </span>
          )}
        </Td>
        <Td>
          <span className={workload.mtlsMode === "STRICT" ? undefined : styles.openMode}>
            <Lock mode={workload.mtlsMode} />
          </span>
        </Td>
        <Td>
          <span className={styles.share}>
            <Shield ratio={row.mtlsRatio} isBesideWord />
            <b>{formatShare(row.mtlsRatio)}</b>
          </span>
        </Td>
        <Td className={styles.wideOnly}>
          <CallersCell row={row} isKnown={shared.isCallersKnown} />
        </Td>
        <Td isNumber className={styles.wideOnly}>
          {workload.certificateNotAfterMs === undefined ? (
            NO_DATA
          ) : (
            <span title={`Ends ${formatStamp(workload.certificateNotAfterMs)}`}>
              {formatTimeLeft(workload.certificateNotAfterMs, nowMs)}
            </span>
          )}
        </Td>
      </Tr>
      {isOpen && (
        <tr id={id}>
          <td colSpan={6} className={styles.preflight}>
            <Preflight row={row} nowMs={nowMs} {...shared} />
          </td>
        </tr>
      )}
    </Fragment>
  );
}

function CallersCell({ row, isKnown }: { readonly row: MtlsRow; readonly isKnown: boolean }) {
  if (!isKnown) return <span className={styles.quiet}>{NO_DATA}</span>;
  const accepted = acceptedCallers(row);
  const refused = row.callers.filter((caller) => caller.refused > 0);
  if (accepted.length === 0 && refused.length === 0) return <span className={styles.quiet}>0</span>;
  if (row.workload.mtlsMode === "STRICT" && refused.length > 0) {
    return <span className={styles.quiet}>{refused.length} refused</span>;
  }
  return (
    <>
      <b className={styles.warn}>{accepted.length}</b>{" "}
      <span className={styles.quiet}>{accepted.slice(0, 2).map(nameOrAddress).join(", ")}</span>
    </>
  );
}

function nameOrAddress(caller: MtlsRow["callers"][number]): string {
  return caller.sourceName === undefined ? caller.sourceAddress : callerName(caller);
}
