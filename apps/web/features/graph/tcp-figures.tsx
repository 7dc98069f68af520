import type { SeriesPoint, TcpSignalsWire } from "@heddle/contracts";
import type { ReactNode } from "react";
import { formatBytesPerSecond, formatCount, formatNumber, UNIT_SPACE } from "../../lib/numbers.ts";
import { PanelSection } from "../../ui/side-panel.tsx";
import { Sparkline, type SparkPoint } from "../../ui/sparkline.tsx";
import { Figure, pointsOf } from "./signal-figures.tsx";
import styles from "./tcp-figures.module.css";
import { bytesOf } from "./tcp-signals.ts";

type Props = { readonly tcp: TcpSignalsWire; readonly series: readonly SeriesPoint[] };

/** What stands in the place of rate and errors, which opaque connections do not know; `children` comes third. */
export function TcpKeyFigures({ tcp, series, children }: Props & { readonly children: ReactNode }) {
  return (
    <PanelSection>
      <div className={styles.figures}>
        <BytesFigure
          label="Traffic, both ways"
          bytesPerSecond={bytesOf(tcp)}
          points={pointsOf(
            series,
            (one) => one.tcp && one.tcp.sentBytesPerSecond + one.tcp.receivedBytesPerSecond,
          )}
        />
        <Figure label="Connections" value={formatCount(tcp.open)} unit="open" />
        {children}
      </div>
    </PanelSection>
  );
}

/** Opaque connections: how many are opened, and what passes each way. There is no latency to tell. */
export function TcpFigures({
  tcp,
  series,
  isOfCalled = false,
}: Props & {
  /** Of the node at their far end, to which what was sent is what it received. */
  readonly isOfCalled?: boolean;
}) {
  return (
    <PanelSection title="TCP connections" caption={`${formatCount(tcp.open)} open`}>
      <div className={styles.figures}>
        <Figure label="Opened" value={formatNumber(tcp.openedPerSecond)} unit="/s">
          <Sparkline
            points={pointsOf(series, (one) => one.tcp?.openedPerSecond)}
            label="Opened over the last 5 min"
          />
        </Figure>
        <BytesFigure
          label={isOfCalled ? "Received" : "Sent"}
          bytesPerSecond={tcp.sentBytesPerSecond}
          points={pointsOf(series, (one) => one.tcp?.sentBytesPerSecond)}
        />
        <BytesFigure
          label={isOfCalled ? "Sent" : "Received"}
          bytesPerSecond={tcp.receivedBytesPerSecond}
          points={pointsOf(series, (one) => one.tcp?.receivedBytesPerSecond)}
        />
      </div>
    </PanelSection>
  );
}

function BytesFigure({
  label,
  bytesPerSecond,
  points,
}: {
  readonly label: string;
  readonly bytesPerSecond: number;
  readonly points: readonly SparkPoint[];
}) {
  const [value = "", unit = ""] = formatBytesPerSecond(bytesPerSecond).split(UNIT_SPACE);
  return (
    <Figure label={label} value={value} unit={unit}>
      <Sparkline points={points} label={`${label} over the last 5 min`} />
    </Figure>
  );
}
