"use client";
import type { GraphNode } from "@heddle/contracts";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { formatClock, formatRoughDuration, formatStamp } from "../../lib/times.ts";
import { IconButton } from "../../ui/button.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { PanelSection } from "../../ui/side-panel.tsx";
import type { Status } from "../../ui/status.ts";
import { StatusPill } from "../../ui/status-pill.tsx";
import styles from "./panel-head.module.css";
import { usePastMs } from "./past-moment.tsx";

/** Who it is, how it is, since when and why; and the way out. */
export function PanelHead({
  title,
  health,
  status = health.state,
  asOfMs,
  onClose,
}: {
  readonly title: ReactNode;
  readonly health: GraphNode["health"];
  /** Where what is shown is not the verdict itself: traffic that is TCP alone. */
  readonly status?: Status;
  readonly asOfMs: number;
  readonly onClose: () => void;
}) {
  const presentMs = useNowMs() ?? asOfMs;
  const nowMs = usePastMs() === undefined ? presentMs : asOfMs;
  return (
    <PanelSection>
      <PanelTitle onClose={onClose}>{title}</PanelTitle>
      <div className={styles.status}>
        <StatusPill status={status} />
        <span className={styles.since} title={formatStamp(health.sinceMs)}>
          for {formatRoughDuration(nowMs - health.sinceMs)}, since {formatClock(health.sinceMs)}
        </span>
      </div>
      {status !== "healthy" && status !== "tcp" && health.reason !== "" && (
        <p className={styles.reason}>{health.reason}</p>
      )}
    </PanelSection>
  );
}

/** The first line of every panel: its title, and the way out at the right. */
export function PanelTitle({
  children,
  onClose,
}: {
  readonly children: ReactNode;
  readonly onClose: () => void;
}) {
  return (
    <div className={styles.title}>
      <h2>{children}</h2>
      <IconButton size="toolbar" label="Close (Esc)" icon={<X size={16} />} onClick={onClose} />
    </div>
  );
}
