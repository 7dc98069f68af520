"use client";

import { Lock as LockIcon, LockOpen } from "lucide-react";
import { useState } from "react";
import { formatCount, formatRate } from "../../lib/numbers.ts";
import { formatSince, formatStamp } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Select } from "../../ui/select.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import { CALLER_WINDOWS, type CallerWindow } from "./caller-windows.ts";
import { callerName, type MtlsRow } from "./mtls-rows.ts";
import styles from "./preflight.module.css";
import { preflightWords } from "./preflight-words.ts";
import { useSetMtls } from "./use-set-mtls.ts";

/** Who sends this workload plaintext, what STRICT would do to them, and the flip itself. */
export function Preflight({
  row,
  nowMs,
  isCallersKnown,
  callerWindow,
  onCallerWindow,
  readOnlyReason,
}: {
  readonly row: MtlsRow;
  readonly nowMs: number;
  readonly isCallersKnown: boolean;
  readonly callerWindow: CallerWindow;
  readonly onCallerWindow: (value: string) => void;
  readonly readOnlyReason: string | undefined;
}) {
  const { workload } = row;
  const isStrict = workload.mtlsMode === "STRICT";
  const target = isStrict ? "PERMISSIVE" : "STRICT";
  return (
    <div className={styles.preflight}>
      <header className={styles.head}>
        <h2>{isStrict ? "Who is refused under STRICT" : "Who would break under STRICT"}</h2>
        <span className={styles.caption}>
          plaintext to {workload.name}, counted by its inbound proxies
        </span>
        <span className={styles.window}>
          <Select
            label="Time looked back"
            choices={CALLER_WINDOWS}
            value={callerWindow.value}
            onChange={onCallerWindow}
          />
        </span>
      </header>
      {row.callers.length > 0 && <Callers row={row} nowMs={nowMs} />}
      <Flip
        row={row}
        target={target}
        words={preflightWords(row, isCallersKnown, callerWindow)}
        readOnlyReason={readOnlyReason}
      />
      <CodeLine command={`heddle mtls set ${row.id} ${target}`} />
      <p className={styles.policy}>
        {workload.mtlsPolicy === undefined
          ? "No PeerAuthentication covers it: PERMISSIVE is the default."
          : `The mode comes from PeerAuthentication ${workload.mtlsPolicy}.`}
      </p>
    </div>
  );
}

function Callers({ row, nowMs }: { readonly row: MtlsRow; readonly nowMs: number }) {
  return (
    <div className={styles.callers}>
      <Table label={`Plaintext callers of ${row.workload.name}`}>
        <thead>
          <tr>
            <Th>Caller</Th>
            <Th className={styles.wideOnly}>Address</Th>
            <Th isNumber>Rate</Th>
            <Th isNumber className={styles.wideOnly}>
              Requests
            </Th>
            <Th isNumber className={styles.wideOnly}>
              Refused
            </Th>
            <Th isNumber>Last seen</Th>
          </tr>
        </thead>
        <tbody>
          {row.callers.map((caller) => (
            <Tr key={caller.sourceAddress}>
              <Td>
                <span className={styles.caller}>
                  <StatusGlyph status="unknown" sizePx={12} isBesideWord />
                  {callerName(caller)}
                </span>
                <code className={styles.narrowOnly}>{caller.sourceAddress}</code>
              </Td>
              <Td className={styles.wideOnly}>
                <code>{caller.sourceAddress}</code>
              </Td>
              <Td isNumber>{formatRate(caller.requestsPerSecond)}</Td>
              <Td isNumber className={styles.wideOnly}>
                {formatCount(caller.requests)}
              </Td>
              <Td isNumber className={styles.wideOnly}>
                {formatCount(caller.refused)}
              </Td>
              <Td isNumber>
                <time title={formatStamp(caller.lastSeenMs)}>
                  {formatSince(caller.lastSeenMs, nowMs)}
                </time>
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </div>
  );
}

function Flip({
  row,
  target,
  words,
  readOnlyReason,
}: {
  readonly row: MtlsRow;
  readonly target: "STRICT" | "PERMISSIVE";
  readonly words: {
    readonly tone: "ok" | "warn" | "idle";
    readonly lead: string;
    readonly rest: string;
  };
  readonly readOnlyReason: string | undefined;
}) {
  const [isAsking, setIsAsking] = useState(false);
  const { workload } = row;
  const setMtls = useSetMtls(workload);
  const flip = (): void =>
    setMtls.mutate(
      { mode: target, before: workload.mtlsMode },
      { onSettled: () => setIsAsking(false) },
    );
  if (target === "STRICT" && (isAsking || setMtls.isPending)) {
    return (
      <ConfirmInPlace
        question={`Refuse all plaintext to ${workload.name}?`}
        act={`Refuse plaintext to ${workload.name}`}
        actIcon={<LockIcon size={15} />}
        keep={`Keep ${workload.mtlsMode}`}
        tone={words.tone === "warn" ? "bad" : "accent"}
        isPending={setMtls.isPending}
        onAct={flip}
        onKeep={() => setIsAsking(false)}
      >
        {words.lead} {words.rest} Callers inside the mesh notice nothing; one click takes it back.
      </ConfirmInPlace>
    );
  }
  return (
    <>
      {setMtls.isError && (
        <ErrorPart
          title={`${workload.name} was not set ${target}`}
          detail={setMtls.error.message}
        />
      )}
      <div className={styles.flip}>
        <p className={styles.note} data-tone={words.tone}>
          <StatusGlyph
            status={
              words.tone === "warn" ? "degraded" : words.tone === "ok" ? "healthy" : "unknown"
            }
            isBesideWord
          />
          <span>
            <b>{words.lead}</b> {words.rest}
          </span>
        </p>
        <Button
          kind={target === "STRICT" ? "primary" : "secondary"}
          size="large"
          icon={target === "STRICT" ? <LockIcon size={15} /> : <LockOpen size={15} />}
          disabledReason={readOnlyReason}
          isPending={setMtls.isPending}
          onClick={() => (target === "STRICT" ? setIsAsking(true) : flip())}
        >
          Set {workload.name} {target}
        </Button>
      </div>
    </>
  );
}
