import type { Canary } from "@heddle/contracts";
import { formatCount, formatShare, NO_DATA, UNIT_SPACE } from "../../lib/numbers.ts";
import { formatWindow } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { observedShare, type SideSignals } from "./canary-signals.ts";
import styles from "./traffic-card.module.css";
import { VersionLegend } from "./version-legend.tsx";

/** What the rule says and what the requests did, one under the other on one scale. */
export function TrafficCard({
  canary,
  sides,
  windowMs,
}: {
  readonly canary: Canary;
  /** `undefined`: the collector has not answered. */
  readonly sides: { readonly stable: SideSignals; readonly canary: SideSignals } | undefined;
  readonly windowMs: number;
}) {
  const version = canary.canary.subset;
  const observed = sides === undefined ? undefined : observedShare(sides.stable, sides.canary);
  return (
    <Card
      title={`Traffic to ${version}`}
      caption={`configured and observed, ${formatWindow(windowMs)}`}
      actions={<VersionLegend canary={canary} />}
    >
      <dl className={styles.rows}>
        <SplitRow
          name="Configured"
          share={canary.canary.share}
          rest={`${version}, revision${UNIT_SPACE}${canary.revision}`}
        />
        <SplitRow
          name="Observed"
          share={observed}
          rest={
            sides === undefined
              ? ""
              : `${formatCount(sides.canary.requests)} of ${formatCount(sides.stable.requests + sides.canary.requests)}`
          }
        />
      </dl>
    </Card>
  );
}

function SplitRow({
  name,
  share,
  rest,
}: {
  readonly name: string;
  readonly share: number | undefined;
  readonly rest: string;
}) {
  const percent = (share ?? 0) * 100;
  return (
    <div className={styles.row}>
      <dt>{name}</dt>
      <dd className={styles.bar} aria-hidden="true" data-unknown={share === undefined || undefined}>
        {share !== undefined && percent < 100 && (
          <span className={styles.stable} style={{ flexGrow: 100 - percent }} />
        )}
        {share !== undefined && percent > 0 && (
          <span className={styles.canary} style={{ flexGrow: percent }} />
        )}
      </dd>
      <dd className={styles.figures}>
        <b
          data-figure={name.toLowerCase()}
          data-none={share === 0 || share === undefined || undefined}
        >
          {share === undefined ? NO_DATA : formatShare(share)}
        </b>{" "}
        <span className={styles.rest}>{rest}</span>
      </dd>
    </div>
  );
}
