import type { PreviewResponse } from "@heddle/contracts";
import Link from "next/link";
import { formatCount, formatCounted, formatNumber, formatRate } from "../../lib/numbers.ts";
import { formatWindow } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import styles from "./preview-cards.module.css";

const MOST_NAMES = 6;

/** Who is touched: callers with their rates, proxies, and services further down the same requests. */
export function BlastCard({
  preview: { blastRadius, windowMs },
  file,
}: {
  readonly preview: PreviewResponse;
  /** What the command line would call the file. */
  readonly file: string;
}) {
  const { perSecond, callers, callerCount, proxyCount, proxiesConnected, downstream } = blastRadius;
  const rest = callerCount - Math.min(callers.length, MOST_NAMES);
  return (
    <Card title="Blast radius" caption={formatWindow(windowMs)}>
      <dl className={styles.figures}>
        <div>
          <dt>Traffic touched</dt>
          <dd>
            {perSecond === undefined ? (
              <span className={styles.quiet}>no data</span>
            ) : (
              <>
                {formatNumber(perSecond)} <small>rps</small>
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Callers</dt>
          <dd>{formatCount(callerCount)}</dd>
        </div>
        <div>
          <dt>Proxies</dt>
          <dd title={blastRadius.proxies.map(({ name }) => name).join(", ")}>
            {formatCount(proxyCount)} <small>of {formatCount(proxiesConnected)}</small>
          </dd>
        </div>
      </dl>
      <ul className={styles.names}>
        {callers.slice(0, MOST_NAMES).map((caller) => (
          <li key={caller.name}>
            <Link href={`/graph?sel=${encodeURIComponent(`workload/${caller.name}`)}`}>
              {caller.label}
            </Link>
            <span>{formatRate(caller.perSecond)}</span>
          </li>
        ))}
        {rest > 0 && <li className={styles.quiet}>and {formatCounted(rest, "more caller")}</li>}
        {downstream.slice(0, MOST_NAMES).map((one) => (
          <li key={one.name} className={styles.quiet}>
            <span>
              then {one.label}
              {one.by.length > 0 && `, by ${one.by.join(" and ")}`}
            </span>
            <span>{formatRate(one.perSecond)}</span>
          </li>
        ))}
        {blastRadius.workloads.slice(0, MOST_NAMES).map((name) => (
          <li key={name} className={styles.quiet}>
            <span>{name} is served by other rules</span>
          </li>
        ))}
      </ul>
      <CodeLine command={`heddle apply -f ${file}`} />
    </Card>
  );
}
