import type { Canary } from "@heddle/contracts";
import { formatCount, formatRate, formatShare, NO_DATA } from "../../lib/numbers.ts";
import { formatDuration, formatWindow } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { worstStatus } from "../../ui/status.ts";
import { StatusPill } from "../../ui/status-pill.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import type { SideSignals } from "./canary-signals.ts";
import styles from "./side-by-side-card.module.css";

/** The golden signals of both versions over the same window, one under the other. */
export function SideBySideCard({
  canary,
  sides,
  windowMs,
}: {
  readonly canary: Canary;
  readonly sides: { readonly stable: SideSignals; readonly canary: SideSignals };
  readonly windowMs: number;
}) {
  return (
    <Card title="Side by side" caption={`as received, ${formatWindow(windowMs)}`} isFlush>
      <Table label="Signals of both versions">
        <thead>
          <tr>
            <Th>Version</Th>
            <Th className={styles.wideOnly}>State</Th>
            <Th isNumber>Rate</Th>
            <Th isNumber>Errors</Th>
            <Th isNumber className={styles.wideOnly}>
              Failed
            </Th>
            <Th isNumber className={styles.wideOnly}>
              p50
            </Th>
            <Th isNumber className={styles.wideOnly}>
              p95
            </Th>
            <Th isNumber>p99</Th>
          </tr>
        </thead>
        <tbody>
          <SideRow name={canary.stable.subset} role="stable" signals={sides.stable} />
          <SideRow name={canary.canary.subset} role="canary" signals={sides.canary} />
        </tbody>
      </Table>
      <Reasons sides={sides} />
    </Card>
  );
}

function SideRow({
  name,
  role,
  signals,
}: {
  readonly name: string;
  readonly role: "stable" | "canary";
  readonly signals: SideSignals;
}) {
  const status = worstStatus(signals.nodes.map((node) => node.health.state));
  return (
    <Tr tone={status === "failing" ? "bad" : undefined}>
      <Td>
        <b className={role === "canary" ? styles.canary : undefined}>{name}</b>{" "}
        <span className={styles.role}>{role}</span>
      </Td>
      <Td className={styles.wideOnly}>
        <StatusPill status={status} />
      </Td>
      <Td isNumber>{formatRate(signals.requestsPerSecond)}</Td>
      <Td isNumber>{signals.requests === 0 ? NO_DATA : formatShare(signals.errorRatio)}</Td>
      <Td isNumber className={styles.wideOnly}>
        {formatCount(signals.errors)} of {formatCount(signals.requests)}
      </Td>
      <Td isNumber className={styles.wideOnly}>
        {formatDuration(signals.p50Ms)}
      </Td>
      <Td isNumber className={styles.wideOnly}>
        {formatDuration(signals.p95Ms)}
      </Td>
      <Td isNumber>{formatDuration(signals.p99Ms)}</Td>
    </Tr>
  );
}

/** Why a version is not healthy, in the collector's words. */
function Reasons({ sides }: { readonly sides: { stable: SideSignals; canary: SideSignals } }) {
  const reasons = [...sides.canary.nodes, ...sides.stable.nodes].filter(
    ({ health }) => health.state === "failing" || health.state === "degraded",
  );
  if (reasons.length === 0) return null;
  return (
    <ul className={styles.reasons}>
      {reasons.map((node) => (
        <li key={node.id}>
          <b>{node.workload ?? node.label}</b> {node.health.reason}
        </li>
      ))}
    </ul>
  );
}
