"use client";

import type { Denial } from "@heddle/contracts";
import { ArrowRight, ChevronDown, ChevronRight } from "lucide-react";
import { Fragment, useId } from "react";
import { formatCount } from "../../../lib/numbers.ts";
import { Card } from "../../../ui/card.tsx";
import { Chip } from "../../../ui/chip.tsx";
import { RelativeTime } from "../../../ui/relative-time.tsx";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import { Table, Td, Th, Tr } from "../../../ui/table.tsx";
import { useUrlValue } from "../../session/use-url-value.ts";
import { DenialDetail } from "./denial-detail.tsx";
import styles from "./denial-table.module.css";
import { callerInWords, fieldsInWords, requestInWords, ruleInWords } from "./denial-words.ts";

/** Denials by caller, rule and kind of request, newest first; a row opens to why, and to the rule that would allow it. */
export function DenialTable({ denials }: { readonly denials: readonly Denial[] }) {
  const [open, setOpen] = useUrlValue("open");
  return (
    <Card isFlush>
      <Table label="Denials">
        <thead>
          <tr>
            <Th className={styles.chevron}>
              <span className="visually-hidden">Details</span>
            </Th>
            <Th>Who to whom</Th>
            <Th className={styles.wideOnly}>Request</Th>
            <Th className={styles.wideOnly}>By</Th>
            <Th className={styles.wideOnly}>What did not fit</Th>
            <Th>Effect</Th>
            <Th isNumber>Count</Th>
            <Th isNumber className={styles.wideOnly}>
              Last seen
            </Th>
          </tr>
        </thead>
        <tbody>
          {denials.map((denial) => (
            <Row
              key={denial.id}
              denial={denial}
              isOpen={denial.id === open}
              onToggle={() => setOpen(denial.id === open ? undefined : denial.id)}
            />
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function Row({
  denial,
  isOpen,
  onToggle,
}: {
  readonly denial: Denial;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}) {
  const id = useId();
  const { source, destination, effect, fields, policy, count, lastSeenMs } = denial;
  const names = `${callerInWords(source)} to ${destination.workload}`;
  return (
    <Fragment>
      <Tr onClick={onToggle} className={isOpen ? styles.openRow : undefined}>
        <Td className={styles.chevron}>
          <button
            type="button"
            className={styles.toggle}
            aria-expanded={isOpen}
            aria-controls={isOpen ? id : undefined}
            aria-label={`${isOpen ? "Close" : "Open"} ${names}`}
            onClick={(event) => {
              event.stopPropagation();
              onToggle();
            }}
          >
            {isOpen ? <ChevronDown size={15} /> : <ChevronRight size={15} />}
          </button>
        </Td>
        <Td>
          <span className={styles.pair}>
            {callerInWords(source)}
            <ArrowRight size={13} aria-label="to" />
            {destination.workload}
          </span>
          <code className={styles.narrowOnly}>{requestInWords(denial)}</code>
        </Td>
        <Td className={styles.wideOnly}>
          <code className={styles.request} title={requestInWords(denial)}>
            {requestInWords(denial)}
          </code>
        </Td>
        <Td className={styles.wideOnly}>
          <span className={styles.rule} title={ruleInWords(denial)}>
            {ruleInWords(denial)}
          </span>
        </Td>
        <Td className={styles.wideOnly}>
          <span title={fields.join(", ")}>
            {policy === undefined ? fieldsInWords(fields) || "no rule at all" : "the rule matched"}
          </span>
        </Td>
        <Td>
          {effect === "denied" ? (
            <span className={styles.denied}>
              <StatusGlyph status="failing" isBesideWord /> denied
            </span>
          ) : (
            <Chip tone="accent">shadow</Chip>
          )}
        </Td>
        <Td isNumber>{formatCount(count)}</Td>
        <Td isNumber className={styles.wideOnly}>
          <RelativeTime atMs={lastSeenMs} />
        </Td>
      </Tr>
      {isOpen && (
        <tr id={id}>
          <td colSpan={8} className={styles.detail}>
            <DenialDetail denial={denial} />
          </td>
        </tr>
      )}
    </Fragment>
  );
}
