import type { TcpSignalsWire } from "@heddle/contracts";
import { formatBytesPerSecond, formatCount, formatNumber } from "../../lib/numbers.ts";
import { PanelSection } from "../../ui/side-panel.tsx";
import { Figure } from "./signal-figures.tsx";
import styles from "./tcp-figures.module.css";

/** Opaque connections: how many, and what passes. They know no requests, so there is no latency. */
export function TcpFigures({ tcp }: { readonly tcp: TcpSignalsWire }) {
  return (
    <PanelSection title="TCP connections" caption={`${formatCount(tcp.open)} open`}>
      <div className={styles.figures}>
        <Figure label="Opened" value={formatNumber(tcp.openedPerSecond)} unit="/s" />
        <BytesFigure label="Sent" bytesPerSecond={tcp.sentBytesPerSecond} />
        <BytesFigure label="Received" bytesPerSecond={tcp.receivedBytesPerSecond} />
      </div>
      {tcp.failed > 0 && (
        <p className={styles.failed}>
          {formatCount(tcp.failed)} could not be opened in this window
        </p>
      )}
    </PanelSection>
  );
}

function BytesFigure({
  label,
  bytesPerSecond,
}: {
  readonly label: string;
  readonly bytesPerSecond: number;
}) {
  const [value = "", unit = ""] = formatBytesPerSecond(bytesPerSecond).split("\u00a0");
  return <Figure label={label} value={value} unit={unit} />;
}
