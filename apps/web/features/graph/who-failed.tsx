import type { GraphEdge, GraphNode } from "@heddle/contracts";
import { formatCount } from "../../lib/numbers.ts";
import { PanelSection } from "../../ui/side-panel.tsx";
import { nodeName } from "./graph-model.ts";
import styles from "./who-failed.module.css";

const HOPS = [
  { key: "app", name: "App", ink: "var(--bad-thread)" },
  { key: "outboundProxy", name: "Outbound proxy", ink: "var(--warn-thread)" },
  { key: "inboundProxy", name: "Inbound proxy", ink: "var(--tcp-thread)" },
  { key: "network", name: "Network", ink: "var(--idle-thread)" },
] as const;

/** Which hop failed the failed requests. Zeros stay listed: what it was not is half the answer. */
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
  const details = {
    app: `${nodeName(destination)} answered 5xx`,
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
      <dl className={styles.hops}>
        {HOPS.map(({ key, name, ink }) => {
          const count = edge.whoFailed[key];
          return (
            <div key={key} className={count === 0 ? styles.zero : undefined}>
              <dt>
                <span
                  className={styles.mark}
                  style={{ background: count === 0 ? "transparent" : ink }}
                />
                <b>{name}</b> {count > 0 && details[key]}
              </dt>
              <dd>{formatCount(count)}</dd>
            </div>
          );
        })}
      </dl>
    </PanelSection>
  );
}
