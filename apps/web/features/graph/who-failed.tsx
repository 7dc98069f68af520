import type { FailureKindWire, GraphEdge, GraphNode } from "@heddle/contracts";
import { answerInWords, flagAdvice, flagsInWords } from "../../lib/flag-words.ts";
import { formatCount } from "../../lib/numbers.ts";
import { PanelSection } from "../../ui/side-panel.tsx";
import { type FailedHop, failuresOf, hopInWords } from "./failed-hops.ts";
import { nodeName } from "./graph-model.ts";
import styles from "./who-failed.module.css";

const LOOKS = {
  app: { name: "App", ink: "var(--bad-thread)" },
  "outbound-proxy": { name: "Outbound proxy", ink: "var(--warn-thread)" },
  "inbound-proxy": { name: "Inbound proxy", ink: "var(--tcp-thread)" },
  network: { name: "Network", ink: "var(--idle-thread)" },
} as const;

/** Which hop failed what failed, and how. Zeros stay listed: what it was not is half the answer. */
export function WhoFailed({
  edge,
  destination,
}: {
  readonly edge: GraphEdge;
  readonly destination: GraphNode | undefined;
}) {
  const { failed, tried, noun, hops, injected } = failuresOf(edge);
  if (noun === "connections" && failed === 0) return null; // nothing was asked that could have failed
  return (
    <PanelSection
      title="Who failed"
      caption={`${formatCount(failed)} of ${formatCount(tried)} ${noun}`}
    >
      <div className={styles.bar} aria-hidden="true">
        {hops.map(({ hop, count }) => (
          <span key={hop} style={{ flexGrow: count, background: LOOKS[hop].ink }} />
        ))}
      </div>
      <div className={styles.hops}>
        {hops.map((hop) => (
          <Hop key={hop.hop} hop={hop} appName={nodeName(destination)} />
        ))}
      </div>
      {injected > 0 && <p className={styles.injected}>{injectedInWords(injected, failed)}</p>}
    </PanelSection>
  );
}

function injectedInWords(injected: number, failed: number): string {
  const who = injected === failed ? "All of them" : `${formatCount(injected)} of them`;
  return `${who} failed on purpose, by a fault rule: nothing is broken there.`;
}

function Hop({ hop, appName }: { readonly hop: FailedHop; readonly appName: string }) {
  const { count, kinds } = hop;
  const { name, ink } = LOOKS[hop.hop];
  const line = (
    <>
      <span
        className={styles.mark}
        style={{ background: count === 0 ? "transparent" : ink }}
        aria-hidden="true"
      />
      <span className={styles.name}>
        <b>{name}</b> {count > 0 && hopInWords(hop, appName)}
      </span>
      <span className={styles.count}>{formatCount(count)}</span>
    </>
  );
  const hasMore = kinds.length > 1 || kinds.some(({ flags }) => flagAdvice(flags) !== undefined);
  if (count === 0 || !hasMore) {
    return <div className={count === 0 ? `${styles.hop} ${styles.zero}` : styles.hop}>{line}</div>;
  }
  return (
    <details className={styles.opens}>
      <summary className={styles.hop}>{line}</summary>
      <ul className={styles.kinds}>
        {kinds.map((kind) => (
          <Kind key={`${kind.flags} ${kind.code} ${kind.grpcStatus}`} kind={kind} />
        ))}
      </ul>
    </details>
  );
}

function Kind({ kind }: { readonly kind: FailureKindWire }) {
  const { flags, code, grpcStatus, count } = kind;
  const advice = flagAdvice(flags);
  return (
    <li>
      <span className={styles.kind}>
        {flagsInWords(flags) ?? "the app's own answer"}{" "}
        <code title="response flags and answer">
          {flags === "-" ? "" : `${flags} `}
          {answerInWords(code, grpcStatus)}
        </code>
      </span>
      <span className={styles.count}>{formatCount(count)}</span>
      {advice !== undefined && <span className={styles.advice}>Look at: {advice}</span>}
    </li>
  );
}
