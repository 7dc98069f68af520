import type { GraphEdge, SeriesPoint } from "@heddle/contracts";
import type { ReactNode } from "react";
import { formatNumber, formatPercentNumber, formatShare, NO_DATA } from "../../lib/numbers.ts";
import { formatDuration } from "../../lib/times.ts";
import { PanelSection } from "../../ui/side-panel.tsx";
import { Sparkline, type SparkTone } from "../../ui/sparkline.tsx";
import type { Status } from "../../ui/status.ts";
import styles from "./signal-figures.module.css";

type Signals = GraphEdge["signals"];

const TONES: Readonly<Partial<Record<Status, SparkTone>>> = { failing: "bad", degraded: "warn" };

/** Rate, errors and what the caller of this puts third, each with its last minutes. */
export function KeyFigures({
  signals,
  series,
  status,
  children,
}: {
  readonly signals: Signals;
  readonly series: readonly SeriesPoint[];
  readonly status: Status;
  readonly children?: ReactNode;
}) {
  const { errorRatio, requestsPerSecond } = signals;
  return (
    <PanelSection>
      <div className={styles.figures}>
        <Figure label="Rate" value={formatNumber(requestsPerSecond)} unit="rps">
          <Sparkline
            points={pointsOf(series, (one) => one.requestsPerSecond)}
            label="Rate over the last 5 min"
          />
        </Figure>
        <Figure
          label="Errors"
          value={errorRatio === undefined ? NO_DATA : formatPercentNumber(errorRatio)}
          unit={errorRatio === undefined ? "" : "%"}
        >
          <Sparkline
            points={pointsOf(series, (one) => one.errorRatio)}
            tone={(signals.errors > 0 && TONES[status]) || "idle"}
            label="Error share over the last 5 min"
          />
        </Figure>
        {children}
      </div>
    </PanelSection>
  );
}

export function Figure({
  label,
  value,
  unit,
  children,
}: {
  readonly label: string;
  readonly value: string;
  readonly unit: string;
  readonly children?: ReactNode;
}) {
  return (
    <div className={styles.figure}>
      <span className={styles.label}>{label}</span>
      <span className={value === NO_DATA ? styles.absent : styles.value}>
        {value} <small>{unit}</small>
      </span>
      {children}
    </div>
  );
}

const QUANTILES = ["p50Ms", "p95Ms", "p99Ms"] as const;

/** The three latencies with their last minutes, beside those of the version to compare with. */
export function Latencies({
  signals,
  series,
  status,
  other,
}: {
  readonly signals: Signals;
  readonly series: readonly SeriesPoint[];
  readonly status: Status;
  readonly other?: { readonly name: string; readonly signals: Signals } | undefined;
}) {
  return (
    <PanelSection>
      <table className={styles.latencies}>
        <caption className="visually-hidden">Latency of answered requests</caption>
        <tbody>
          {QUANTILES.map((quantile) => {
            const value = signals[quantile];
            const otherValue = other?.signals[quantile];
            const isSlower =
              value !== undefined && otherValue !== undefined && value > 2 * otherValue;
            return (
              <tr key={quantile}>
                <th scope="row">{quantile.replace("Ms", "")}</th>
                <td>
                  <Sparkline
                    widthPx={110}
                    heightPx={20}
                    points={pointsOf(series, (one) => one[quantile])}
                    tone={(isSlower && TONES[status]) || "idle"}
                    label={`${quantile.replace("Ms", "")} over the last 5 min`}
                  />
                </td>
                <td className={styles.now}>{formatDuration(value)}</td>
                {other !== undefined && (
                  <td className={styles.other}>
                    {other.name} {formatDuration(otherValue)}
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </PanelSection>
  );
}

export function pointsOf(
  series: readonly SeriesPoint[],
  valueOf: (one: SeriesPoint) => number | undefined,
) {
  return series.map((one) => ({ atMs: one.startMs, value: valueOf(one) }));
}

/** "8.7 % errors" of a list line; counts beside shares where few requests stand behind them. */
export function shareWithCount(signals: Signals): string {
  const share = formatShare(signals.errorRatio);
  if (signals.requests === 0 || signals.requests >= 1000 || signals.errors === 0) return share;
  return `${share} (${signals.errors} of ${signals.requests})`;
}
