"use client";
import type { GraphEdge, GraphNode } from "@heddle/contracts";
import { FlaskConical } from "lucide-react";
import { useRef } from "react";
import {
  formatBytesPerSecond,
  formatNumber,
  formatPercentNumber,
  formatShare,
} from "../../lib/numbers.ts";
import { formatDuration } from "../../lib/times.ts";
import { EmptyState } from "../../ui/empty-state.tsx";
import { Shield } from "../../ui/shield.tsx";
import { STATUS_WORDS } from "../../ui/status.ts";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import { FeatureIcon } from "./feature-icon.tsx";
import {
  type Card,
  compareThreads,
  type GraphModel,
  nodeName,
  type Thread,
} from "./graph-model.ts";
import styles from "./graph-table.module.css";
import { badgeName, badgeTitle } from "./traffic-features.ts";

/** Known rows in the order they had; new ones behind them. */
function inHeldOrder(
  threads: readonly Thread[],
  held: readonly string[] | undefined,
): readonly Thread[] {
  if (held === undefined) return threads;
  const place = new Map(held.map((id, index) => [id, index]));
  return threads.toSorted(
    (a, b) => (place.get(a.id) ?? held.length) - (place.get(b.id) ?? held.length),
  );
}

/** The same calls as rows, worst first. */
export function GraphTable({
  model,
  nodes,
  selected,
  found,
  onSelect,
}: {
  readonly model: GraphModel;
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly selected: string | undefined;
  readonly found: ReadonlySet<string>;
  readonly onSelect: (id: string) => void;
}) {
  const held = useRef<readonly string[]>(undefined);
  const threads = inHeldOrder(model.threads.toSorted(compareThreads), held.current);
  const hold = () => {
    held.current ??= threads.map((thread) => thread.id);
  };
  const release = () => {
    held.current = undefined;
  };
  const cards = new Map(model.cards.map((card) => [card.id, card]));
  if (threads.length === 0) return <EmptyState>No calls in this window.</EmptyState>;
  return (
    // Rows stay where they are while somebody points at them or reads through them.
    <div
      className={styles.table}
      onPointerEnter={hold}
      onPointerLeave={release}
      onFocus={hold}
      onBlur={release}
    >
      <Table label="Calls">
        <thead>
          <tr>
            <Th>Status</Th>
            <Th>From</Th>
            <Th>To</Th>
            <Th isNumber>Rate, rps</Th>
            <Th isNumber>Errors, %</Th>
            <Th isNumber>p50</Th>
            <Th isNumber>p95</Th>
            <Th isNumber>p99</Th>
            <Th>mTLS</Th>
            <Th isNumber>In</Th>
            <Th isNumber>Out</Th>
            <Th>Rules</Th>
          </tr>
        </thead>
        <tbody>
          {threads.map(({ id, edge, status, destinationCard }) => (
            <Tr
              key={id}
              isSelected={id === selected}
              tone={status === "failing" ? "bad" : undefined}
              onClick={() => onSelect(id)}
            >
              <Td>
                <span className={styles.status}>
                  <StatusGlyph status={status} isBesideWord /> {STATUS_WORDS[status]}
                </span>
              </Td>
              <Td>
                <button type="button" className={styles.open}>
                  {nodeName(nodes.get(edge.source))}
                </button>
              </Td>
              <Td className={found.has(id) ? styles.found : undefined}>
                {nodeName(nodes.get(edge.destination))}
              </Td>
              <RequestCells edge={edge} />
              <Td>
                <span className={styles.status}>
                  <Shield ratio={edge.mtlsRatio} isBesideWord /> {formatShare(edge.mtlsRatio)}
                </span>
              </Td>
              <Td isNumber>{formatBytesPerSecond(bytesIn(edge))}</Td>
              <Td isNumber>{formatBytesPerSecond(bytesOut(edge))}</Td>
              <Td>
                <RuleSigns card={cards.get(destinationCard)} />
              </Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </div>
  );
}

function RequestCells({ edge }: { readonly edge: GraphEdge }) {
  const { signals, protocol } = edge;
  if (protocol === "tcp") {
    return (
      <>
        <Td isNumber title="Opaque connections know no requests">
          TCP
        </Td>
        <Td />
        <Td />
        <Td />
        <Td />
      </>
    );
  }
  return (
    <>
      <Td isNumber>{formatNumber(signals.requestsPerSecond)}</Td>
      <Td isNumber>
        {signals.errorRatio === undefined ? "no data" : formatPercentNumber(signals.errorRatio)}
      </Td>
      <Td isNumber>{formatDuration(signals.p50Ms)}</Td>
      <Td isNumber>{formatDuration(signals.p95Ms)}</Td>
      <Td isNumber>{formatDuration(signals.p99Ms)}</Td>
    </>
  );
}

function bytesIn({ signals, tcp }: GraphEdge): number {
  return signals.requestBytesPerSecond + (tcp?.sentBytesPerSecond ?? 0);
}

function bytesOut({ signals, tcp }: GraphEdge): number {
  return signals.responseBytesPerSecond + (tcp?.receivedBytesPerSecond ?? 0);
}

function RuleSigns({ card }: { readonly card: Card | undefined }) {
  return (
    <>
      {card?.canary !== undefined && (
        <span
          className={styles.sign}
          title={`Split by ${card.canary.virtualService}: ${card.canary.canary.subset} is a canary`}
          role="img"
          aria-label="A canary runs"
        >
          <FlaskConical size={13} />
        </span>
      )}
      {card?.badges.map((badge) => (
        <span
          key={badge.kind}
          className={styles.sign}
          title={badgeTitle(badge)}
          role="img"
          aria-label={badgeName(badge)}
        >
          <FeatureIcon kind={badge.kind} isOpen={badge.isOpen} />
        </span>
      ))}
    </>
  );
}
