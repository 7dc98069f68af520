import { Ban } from "lucide-react";
import { Shield } from "../../ui/shield.tsx";
import { STATUS_WORDS, type Status } from "../../ui/status.ts";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { FeatureIcon } from "./feature-icon.tsx";
import styles from "./legend.module.css";
import { threadWidthPx } from "./thread-look.ts";
import { BADGE_ORDER, FEATURE_WORDS } from "./traffic-features.ts";

const MEANINGS: readonly (readonly [Status, string])[] = [
  ["healthy", "within objectives"],
  ["degraded", "errors from 0.5 %, or p99 over its objective"],
  ["failing", "errors from 5 %, or no endpoint"],
  ["idle", "known, no request in the window"],
  ["unknown", "no proxy reports on it"],
  ["tcp", "opaque connections: bytes, no requests"],
];

const RATES = [1, 30, 1000] as const;

/** What shapes, colours and widths of the graph mean. */
export function Legend() {
  return (
    <div className={styles.legend}>
      <h3>Status</h3>
      <dl>
        {MEANINGS.map(([status, meaning]) => (
          <div key={status}>
            <dt>
              <StatusGlyph status={status} isBesideWord /> {STATUS_WORDS[status]}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <h3>mTLS, where it is not 100 %</h3>
      <dl>
        <div>
          <dt>
            <Shield ratio={0.5} isBesideWord /> part
          </dt>
          <dd>filled by its share</dd>
        </div>
        <div>
          <dt>
            <Shield ratio={0} isBesideWord /> plaintext
          </dt>
          <dd>a risk, not an outage</dd>
        </div>
      </dl>
      <h3>Threads</h3>
      <p className={styles.widths}>
        {RATES.map((rate) => (
          <span key={rate}>
            <svg width="28" height="8" aria-hidden="true">
              <path
                d="M0 4h28"
                stroke="var(--ok-thread)"
                strokeWidth={threadWidthPx(rate)}
                opacity="0.62"
              />
            </svg>
            {rate === 1000 ? "1k" : rate} rps
          </span>
        ))}
      </p>
      <p>
        Arrowheads move with the traffic, faster where p50 is low; diamonds are failed requests.
      </p>
      <p>Double: TCP connections. Dashed card: outside the mesh.</p>
      <h3>Rules, as signs on a card</h3>
      <ul className={styles.signs}>
        {BADGE_ORDER.map((kind) => (
          <li key={kind}>
            <FeatureIcon kind={kind} /> {FEATURE_WORDS[kind]}
          </li>
        ))}
        <li>
          <FeatureIcon kind="breaker" isOpen /> Breaker is open now
        </li>
        <li>
          <Ban size={13} aria-hidden="true" /> Denied by a policy
        </li>
      </ul>
    </div>
  );
}
