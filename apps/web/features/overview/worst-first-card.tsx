"use client";

import Link from "next/link";
import { formatRate, formatShare } from "../../lib/numbers.ts";
import { formatClock, formatDuration, formatWindow } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { useHeldOrder } from "../../ui/held-order.ts";
import { OrderChanges } from "../../ui/order-changes.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { Sparkline, type SparkTone } from "../../ui/sparkline.tsx";
import { STATUS_TONES, STATUS_WORDS } from "../../ui/status.ts";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import { type ErrorHour, useErrorHours } from "./use-error-hours.ts";
import type { ServiceLine } from "./worst-first.ts";
import styles from "./worst-first-card.module.css";

const MOST_LINES = 8;

/** Who needs somebody, then the busiest; the reason in words and the way on in each line. */
export function WorstFirstCard({
  lines,
  windowMs,
  isFailed,
}: {
  readonly lines: readonly ServiceLine[] | undefined;
  readonly windowMs: number;
  readonly isFailed: boolean;
}) {
  const { shown, moved, holder } = useHeldOrder(lines ?? [], ({ id }) => id, false);
  const drawn = shown.slice(0, MOST_LINES);
  const hours = useErrorHours(drawn.map(({ nodes }) => nodes.map(({ id }) => id)));
  const services = new Set(lines?.map(({ namespace, service }) => `${namespace}/${service}`));
  const isAllWell = lines?.every(({ status, why }) => !isUnwell(status) && why === "") ?? false;
  return (
    <Card
      title="Worst first"
      caption={
        <>
          {isAllWell && "Nothing needs you; "}by requests that fail, {formatWindow(windowMs)}{" "}
          <OrderChanges moved={moved} />
        </>
      }
      actions={
        services.size > 0 && <Link href="/graph?show=table">All {services.size} services</Link>
      }
      isFlush
    >
      {lines === undefined &&
        (isFailed ? (
          <EmptyState>No signals, so no verdicts.</EmptyState>
        ) : (
          <Skeleton heightPx={260} />
        ))}
      {lines?.length === 0 && <EmptyState>No service here yet.</EmptyState>}
      {drawn.length > 0 && (
        <div {...holder}>
          <Table label="Services, worst first" className={styles.lines}>
            <thead>
              <tr>
                <Th>Status</Th>
                <Th>Service</Th>
                <Th className={styles.wide}>Why</Th>
                <Th isNumber className={styles.roomy}>
                  Rate
                </Th>
                <Th isNumber>Errors</Th>
                <Th isNumber className={styles.roomy}>
                  p99
                </Th>
                <Th className={styles.roomy}>Errors, 1 h</Th>
                <Th>
                  <span className="visually-hidden">Go on</span>
                </Th>
              </tr>
            </thead>
            <tbody>
              {drawn.map((line, index) => (
                <Line key={line.id} line={line} hour={hours[index]} />
              ))}
            </tbody>
          </Table>
        </div>
      )}
    </Card>
  );
}

function Line({
  line,
  hour,
}: {
  readonly line: ServiceLine;
  readonly hour: ErrorHour | undefined;
}) {
  const { status, service, versions, why, act } = line;
  return (
    <Tr>
      <Td>
        <span className={styles.status} data-tone={STATUS_TONES[status]}>
          <StatusGlyph status={status} isBesideWord />
          <span title={`since ${formatClock(line.sinceMs)}`}>{STATUS_WORDS[status]}</span>
        </span>
      </Td>
      <Td>
        <span className={styles.service}>
          <b>{service}</b> <span className={styles.versions}>{versions.join(" ")}</span>
        </span>
        {why !== "" && <span className={styles.narrowWhy}>{why}</span>}
      </Td>
      <Td className={styles.wide}>
        <span className={styles.why} title={why}>
          {why}
        </span>
      </Td>
      <Td isNumber className={styles.roomy}>
        {formatRate(line.requestsPerSecond)}
      </Td>
      <Td isNumber>
        <span
          className={isUnwell(status) ? styles.bad : undefined}
          data-tone={STATUS_TONES[status]}
        >
          {formatShare(line.errorRatio)}
        </span>
      </Td>
      <Td isNumber className={styles.roomy}>
        {formatDuration(line.p99Ms)}
      </Td>
      <Td className={styles.roomy}>
        <Sparkline
          points={hour ?? []}
          label={`Error share of ${service} ${versions.join(" ")} over the last hour`}
          tone={SPARK_TONES[status]}
          widthPx={96}
        />
      </Td>
      <Td isNumber>
        <Link href={act.href} aria-label={`${act.label}: ${service} ${versions.join(" ")}`}>
          {act.label}
        </Link>
      </Td>
    </Tr>
  );
}

const SPARK_TONES: Readonly<Record<ServiceLine["status"], SparkTone>> = {
  failing: "bad",
  degraded: "warn",
  healthy: "idle",
  unknown: "idle",
  idle: "idle",
  tcp: "idle",
};

function isUnwell(status: ServiceLine["status"]): boolean {
  return status === "failing" || status === "degraded";
}
