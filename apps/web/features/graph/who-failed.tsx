import type { FailureKindWire, GraphEdge, GraphNode } from "@heddle/contracts";
import { answerInWords, flagAdvice, flagsInWords } from "../../lib/flag-words.ts";
import { formatCount } from "../../lib/numbers.ts";
import { PanelSection } from "../../ui/side-panel.tsx";
import { nodeName } from "./graph-model.ts";
import styles from "./who-failed.module.css";

const HOPS = [
  { key: "app", hop: "app", name: "App", ink: "var(--bad-thread)" },
  {
    key: "outboundProxy",
    hop: "outbound-proxy",
    name: "Outbound proxy",
    ink: "var(--warn-thread)",
  },
  { key: "inboundProxy", hop: "inbound-proxy", name: "Inbound proxy", ink: "var(--tcp-thread)" },
  { key: "network", hop: "network", name: "Network", ink: "var(--idle-thread)" },
] as const;

/** Which hop failed the failed requests, and how. Zeros stay listed: what it was not is half the answer. */
export function WhoFailed({
  edge,
  source,
  destination,
}: {
  readonly edge: GraphEdge;
  readonly source: GraphNode | undefined;
  readonly destination: GraphNode | undefined;
}) {
  const { errors, requests } = edge.signals;
  const injected = edge.events?.faultsInjected ?? 0;
  const details = {
    app: `${nodeName(destination)} answered so itself`,
    outboundProxy: `of ${nodeName(source)} gave up`,
    inboundProxy: `of ${nodeName(destination)} refused`,
    network: "broke between the two",
  };
  return (
    <PanelSection
      title="Who failed"
      caption={`${formatCount(errors)} of ${formatCount(requests)} requests`}
    >
      <div className={styles.bar} aria-hidden="true">
        {HOPS.map(({ key, ink }) => (
          <span key={key} style={{ flexGrow: edge.whoFailed[key], background: ink }} />
        ))}
      </div>
      <div className={styles.hops}>
        {HOPS.map(({ key, hop, name, ink }) => (
          <Hop
            key={key}
            name={name}
            ink={ink}
            count={edge.whoFailed[key]}
            detail={details[key]}
            kinds={(edge.failures ?? []).filter((kind) => kind.failedBy === hop)}
          />
        ))}
      </div>
      {injected > 0 && (
        <p className={styles.injected}>
          {formatCount(injected)} of them or more were injected by a fault rule, not by anything
          broken.
        </p>
      )}
    </PanelSection>
  );
}

function Hop({
  name,
  ink,
  count,
  detail,
  kinds,
}: {
  readonly name: string;
  readonly ink: string;
  readonly count: number;
  readonly detail: string;
  readonly kinds: readonly FailureKindWire[];
}) {
  const line = (
    <>
      <span className={styles.name}>
        <span
          className={styles.mark}
          style={{ background: count === 0 ? "transparent" : ink }}
          aria-hidden="true"
        />
        <b>{name}</b> {count > 0 && detail}
      </span>
      <span className={styles.count}>{formatCount(count)}</span>
    </>
  );
  if (count === 0 || kinds.length === 0) {
    return <div className={count === 0 ? `${styles.hop} ${styles.zero}` : styles.hop}>{line}</div>;
  }
  return (
    <details className={styles.opens}>
      <summary className={styles.hop}>{line}</summary>
      <ul className={styles.kinds}>
        {kinds.map((kind) => (
          <li key={`${kind.flags} ${kind.code} ${kind.grpcStatus}`}>
            <span className={styles.kind}>
              {flagsInWords(kind.flags) ?? "answered by the app"}
              <code title="response flags and code">
                {kind.flags === "-" ? "" : `${kind.flags} `}
                {answerInWords(kind.code, kind.grpcStatus)}
              </code>
            </span>
            <span className={styles.count}>{formatCount(kind.count)}</span>
            {flagAdvice(kind.flags) !== undefined && (
              <span className={styles.advice}>Look at: {flagAdvice(kind.flags)}</span>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
