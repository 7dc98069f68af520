"use client";

import type { PreflightCaller } from "@heddle/contracts";
import { Fragment, useState } from "react";
import { formatCount, formatRate } from "../../../lib/numbers.ts";
import { formatMinute, formatSince, formatStamp } from "../../../lib/times.ts";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import { Table, Td, Th, Tr } from "../../../ui/table.tsx";
import { AddSidecar } from "./add-sidecar.tsx";
import styles from "./caller-table.module.css";
import { callerTitle } from "./mtls-rows.ts";
import { reasonsInWords } from "./reason-words.ts";

/** Who sends one workload what STRICT refuses: from where, how much, and what the dry run makes of it. */
export function CallerTable({
  callers,
  workload,
  dryRunSinceMs,
  isStrict,
  nowMs,
  markedAddress,
  onMark,
}: {
  readonly callers: readonly PreflightCaller[];
  readonly workload: string;
  /** Absent: no dry run. */
  readonly dryRunSinceMs: number | undefined;
  readonly isStrict: boolean;
  readonly nowMs: number;
  /** The address whose cell is chosen in the matrix. */
  readonly markedAddress: string | undefined;
  readonly onMark: (caller: PreflightCaller) => void;
}) {
  const [helped, setHelped] = useState<string>();
  return (
    <div className={styles.callers}>
      <Table label={`Callers of ${workload} that STRICT ${isStrict ? "refuses" : "would refuse"}`}>
        <thead>
          <tr>
            <Th>Caller</Th>
            <Th className={styles.wideOnly}>Address</Th>
            <Th isNumber>Rate</Th>
            <Th isNumber className={styles.wideOnly}>
              Requests
            </Th>
            <Th isNumber>Last seen</Th>
            <Th className={styles.wideOnly}>
              {isStrict
                ? "Refused"
                : dryRunSinceMs === undefined
                  ? "Dry run"
                  : sinceTitle(dryRunSinceMs)}
            </Th>
            <Th className={styles.wideOnly}>
              <span className="visually-hidden">Help</span>
            </Th>
          </tr>
        </thead>
        <tbody>
          {callers.map((caller) => {
            const isHelped = helped === caller.sourceAddress;
            const verdict = <Verdict caller={caller} isStrict={isStrict} />;
            const help = (
              <button
                type="button"
                className={styles.help}
                aria-expanded={isHelped}
                onClick={() => setHelped(isHelped ? undefined : caller.sourceAddress)}
              >
                Add a sidecar
              </button>
            );
            return (
              <Fragment key={caller.sourceAddress}>
                <Tr
                  isSelected={markedAddress === caller.sourceAddress}
                  className={isHelped ? styles.open : undefined}
                >
                  <Td>
                    <button
                      type="button"
                      className={styles.caller}
                      title="Mark it in the matrix"
                      onClick={() => onMark(caller)}
                    >
                      <StatusGlyph status="unknown" sizePx={12} isBesideWord />
                      <span className={styles.name}>{callerTitle(caller)}</span>
                    </button>
                    <div className={styles.narrowOnly}>
                      <code>{caller.sourceAddress}</code>
                      {verdict}
                      {help}
                    </div>
                  </Td>
                  <Td className={styles.wideOnly}>
                    <code>{caller.sourceAddress}</code>
                  </Td>
                  <Td isNumber>{formatRate(caller.requestsPerSecond)}</Td>
                  <Td isNumber className={styles.wideOnly}>
                    {formatCount(caller.requests)}
                  </Td>
                  <Td isNumber>
                    <time title={formatStamp(caller.lastSeenMs)}>
                      {formatSince(caller.lastSeenMs, nowMs)}
                    </time>
                  </Td>
                  <Td className={styles.wideOnly}>{verdict}</Td>
                  <Td isNumber className={styles.wideOnly}>
                    {help}
                  </Td>
                </Tr>
                {isHelped && (
                  <tr>
                    <td colSpan={7} className={styles.advice}>
                      <AddSidecar caller={caller} />
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </Table>
    </div>
  );
}

function sinceTitle(sinceMs: number): string {
  return `Dry run since ${formatMinute(sinceMs)}`;
}

function Verdict({
  caller,
  isStrict,
}: {
  readonly caller: PreflightCaller;
  readonly isStrict: boolean;
}) {
  const { refused, wouldBeRefused, reasons } = caller;
  const count = isStrict ? refused : wouldBeRefused;
  if (count === undefined) return <span className={styles.quiet}>not counted</span>;
  if (count === 0) return <span className={styles.quiet}>none since</span>;
  return (
    <span className={styles.refused} title={reasonsInWords(reasons)}>
      <StatusGlyph status="failing" sizePx={12} isBesideWord />
      {formatCount(count)} {isStrict ? "refused" : "would be refused"}
    </span>
  );
}
