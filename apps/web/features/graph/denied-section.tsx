import { Ban, KeyRound } from "lucide-react";
import { formatCount, formatCounted } from "../../lib/numbers.ts";
import { formatWindow } from "../../lib/times.ts";
import { ButtonLink } from "../../ui/button.tsx";
import { PanelSection } from "../../ui/side-panel.tsx";
import { requestInWords, ruleInWords } from "../security/denials/denial-words.ts";
import type { DeniedOnEdge } from "./denied-edges.ts";
import styles from "./denied-section.module.css";

const MOST_SHOWN = 4;

/** What policies said no to on this call, by which rule, and the way to the rule that would allow it. */
export function DeniedSection({
  denied,
  windowMs,
}: {
  readonly denied: DeniedOnEdge;
  readonly windowMs: number;
}) {
  const [first] = denied.denials;
  if (first === undefined) return null;
  const caption = [
    ...(denied.denied > 0 ? [`${formatCounted(denied.denied, "request")} denied`] : []),
    ...(denied.wouldDeny > 0 ? [`${formatCount(denied.wouldDeny)} would be, in shadow`] : []),
    formatWindow(windowMs),
  ].join(", ");
  const more = denied.denials.length - MOST_SHOWN;
  return (
    <PanelSection title="Denied" caption={caption}>
      <ul className={styles.denials}>
        {denied.denials.slice(0, MOST_SHOWN).map((denial) => (
          <li key={denial.id} className={styles.denial}>
            <Ban size={13} aria-hidden="true" className={styles.sign} />
            <span className={styles.what}>
              <code>{requestInWords(denial)}</code>
              <span className={styles.rule}>
                {denial.effect === "would-deny" && "in shadow: "}
                {ruleInWords(denial)}
              </span>
            </span>
            <span className={styles.count}>{formatCount(denial.count)}</span>
          </li>
        ))}
        {more > 0 && <li className={styles.rule}>and {more} more kinds</li>}
      </ul>
      <div className={styles.acts}>
        <ButtonLink size="toolbar" href={placeOf(first.id)}>
          Why
        </ButtonLink>
        <ButtonLink
          size="toolbar"
          href={`${placeOf(first.id)}&act=allow`}
          icon={<KeyRound size={14} />}
        >
          Allow this
        </ButtonLink>
      </div>
    </PanelSection>
  );
}

function placeOf(id: string): string {
  return `/security/denials?open=${encodeURIComponent(id)}`;
}
