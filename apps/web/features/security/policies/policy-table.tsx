"use client";

import Link from "next/link";
import { formatCount, NO_DATA } from "../../../lib/numbers.ts";
import { Card } from "../../../ui/card.tsx";
import { Chip } from "../../../ui/chip.tsx";
import { OpeningHead, OpeningRow } from "../../../ui/opening-row.tsx";
import { RelativeTime } from "../../../ui/relative-time.tsx";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import { Table, Td, Th } from "../../../ui/table.tsx";
import { useUrlValue } from "../../session/use-url-value.ts";
import { PolicyDetail } from "./policy-detail.tsx";
import { holdsFor, type PolicyRow } from "./policy-rows.ts";
import styles from "./policy-table.module.css";

const KIND_WORDS = {
  AuthorizationPolicy: "who may",
  RequestAuthentication: "tokens",
  PeerAuthentication: "mTLS",
} as const;

/** Policies, those that refuse most first; a row opens to its rules, its workloads and its shadow switch. */
export function PolicyTable({
  rows,
  windowLabel,
  areCountsKnown,
}: {
  readonly rows: readonly PolicyRow[];
  readonly windowLabel: string;
  readonly areCountsKnown: boolean;
}) {
  const [open, setOpen] = useUrlValue("open");
  return (
    <Card isFlush>
      <Table label="Policies">
        <thead>
          <tr>
            <OpeningHead />
            <Th>Policy</Th>
            <Th className={styles.wideOnly}>Holds for</Th>
            <Th className={styles.wideOnly}>Says</Th>
            <Th className={styles.wideOnly}>Mode</Th>
            <Th isNumber>Denied, {windowLabel}</Th>
            <Th isNumber className={styles.wideOnly}>
              Changed
            </Th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row
              key={row.id}
              row={row}
              isOpen={row.id === open}
              windowLabel={windowLabel}
              areCountsKnown={areCountsKnown}
              onToggle={() => setOpen(row.id === open ? undefined : row.id)}
            />
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function Row({
  row,
  isOpen,
  windowLabel,
  areCountsKnown,
  onToggle,
}: {
  readonly row: PolicyRow;
  readonly isOpen: boolean;
  readonly windowLabel: string;
  readonly areCountsKnown: boolean;
  readonly onToggle: () => void;
}) {
  const { policy, words } = row;
  return (
    <OpeningRow
      name={policy.name}
      isOpen={isOpen}
      columns={7}
      onToggle={onToggle}
      details={() => <PolicyDetail row={row} windowLabel={windowLabel} />}
    >
      <Td>
        <span className={styles.name} title={row.id}>
          {policy.name}
        </span>{" "}
        <span className={styles.quiet}>
          {KIND_WORDS[policy.kind]}
          <span className={styles.narrowOnly}>
            , <Mode row={row} />
          </span>
        </span>
      </Td>
      <Td className={styles.wideOnly}>
        <span className={styles.holds} title={policy.workloads.join(", ")}>
          {holdsFor(policy)}
        </span>
      </Td>
      <Td className={styles.wideOnly}>
        <span className={styles.says} title={words.join("; ")}>
          {words[0]}
          {words.length > 1 && <span className={styles.quiet}>, and {words.length - 1} more</span>}
        </span>
      </Td>
      <Td className={styles.wideOnly}>
        <Mode row={row} />
      </Td>
      <Td isNumber>
        <Denied row={row} isKnown={areCountsKnown} />
      </Td>
      <Td isNumber className={styles.wideOnly}>
        <Link
          href={`/history/${policy.revision}`}
          title={`Revision ${policy.revision}`}
          onClick={(event) => event.stopPropagation()}
        >
          <RelativeTime atMs={policy.updatedAtMs} />
        </Link>
      </Td>
    </OpeningRow>
  );
}

function Mode({ row }: { readonly row: PolicyRow }) {
  const { authorization, scope } = row.policy;
  if (scope === "none") return <Chip tone="idle">no effect</Chip>;
  if (authorization === undefined) return <span>enforced</span>;
  return authorization.isShadow ? (
    <Chip tone="accent">shadow</Chip>
  ) : (
    <span>{authorization.action}</span>
  );
}

function Denied({ row, isKnown }: { readonly row: PolicyRow; readonly isKnown: boolean }) {
  const { denied, wouldDeny, policy } = row;
  if (policy.authorization === undefined) return <span className={styles.quiet}>not counted</span>;
  if (!isKnown) return <span className={styles.quiet}>{NO_DATA}</span>;
  if (policy.authorization.isShadow) {
    return <span className={styles.quiet}>would deny {formatCount(wouldDeny)}</span>;
  }
  if (denied === 0) return <span className={styles.quiet}>0</span>;
  return (
    <span className={styles.denied}>
      <StatusGlyph status="degraded" isBesideWord /> {formatCount(denied)}
    </span>
  );
}
