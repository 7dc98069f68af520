"use client";

import type { Denial } from "@heddle/contracts";
import { ArrowRight } from "lucide-react";
import { formatCount } from "../../../lib/numbers.ts";
import { Card } from "../../../ui/card.tsx";
import { Chip } from "../../../ui/chip.tsx";
import { useHeldOrder } from "../../../ui/held-order.ts";
import { OpeningHead, OpeningRow } from "../../../ui/opening-row.tsx";
import { OrderChanges } from "../../../ui/order-changes.tsx";
import { RelativeTime } from "../../../ui/relative-time.tsx";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import { Table, Td, Th } from "../../../ui/table.tsx";
import { useUrlValue } from "../../session/use-url-value.ts";
import { DenialDetail } from "./denial-detail.tsx";
import styles from "./denial-table.module.css";
import { callerInWords, fieldsInWords, requestInWords, ruleInWords } from "./denial-words.ts";

/** Denials by caller, rule and kind of request, newest first; a row opens to why, and to the rule that would allow it. */
export function DenialTable({ denials }: { readonly denials: readonly Denial[] }) {
  const [open, setOpen] = useUrlValue("open");
  const { shown, moved, holder } = useHeldOrder(denials, ({ id }) => id, open !== undefined);
  return (
    <Card isFlush>
      <div {...holder}>
        <Table label="Denials">
          <thead>
            <tr>
              <OpeningHead />
              <Th>
                Who to whom
                <OrderChanges moved={moved} />
              </Th>
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
            {shown.map((denial) => (
              <Row
                key={denial.id}
                denial={denial}
                isOpen={denial.id === open}
                onToggle={() => setOpen(denial.id === open ? undefined : denial.id)}
              />
            ))}
          </tbody>
        </Table>
      </div>
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
  const { source, destination, effect, fields, policy, count, lastSeenMs } = denial;
  return (
    <OpeningRow
      name={`${callerInWords(source)} to ${destination.workload}`}
      isOpen={isOpen}
      columns={8}
      onToggle={onToggle}
      details={() => <DenialDetail denial={denial} />}
    >
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
    </OpeningRow>
  );
}
