import { CircleHelp, Undo2 } from "lucide-react";
import { formatCounted, formatRate, formatShare } from "../../lib/numbers.ts";
import { formatClock, formatStamp } from "../../lib/times.ts";
import { ButtonLink } from "../../ui/button.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import styles from "./trouble-banner.module.css";
import type { Trouble } from "./worst-first.ts";

/** The worst thing now with what would help; its place stays empty while nothing fails. */
export function TroubleBanner({ troubles }: { readonly troubles: readonly Trouble[] }) {
  const [worst] = troubles;
  if (worst === undefined) return null;
  const { canary } = worst;
  const rest = troubles.length - 1;
  return (
    <section className={styles.banner} role="alert" aria-label="Fails now">
      <StatusGlyph status="failing" sizePx={20} />
      <div className={styles.words}>
        <p className={styles.head}>
          {worst.name} fails{" "}
          {worst.errorRatio === undefined
            ? ""
            : `${formatShare(worst.errorRatio)} of its requests, `}
          <time title={formatStamp(worst.sinceMs)}>since {formatClock(worst.sinceMs)}</time>
        </p>
        <p className={styles.detail}>{detailOf(worst)}</p>
        {rest > 0 && (
          <p className={styles.detail}>And {formatCounted(rest, "more", "more")} below.</p>
        )}
      </div>
      <div className={styles.acts}>
        <ButtonLink href={worst.whyHref} icon={<CircleHelp size={15} />}>
          Why is it red?
        </ButtonLink>
        {canary !== undefined && (
          <ButtonLink
            kind="danger"
            href={`/rollouts/${encodeURIComponent(canary.namespace)}/${encodeURIComponent(canary.service)}?act=rollback`}
            icon={<Undo2 size={15} />}
          >
            Roll back {canary.canary.version ?? canary.canary.subset}
          </ButtonLink>
        )}
      </div>
    </section>
  );
}

const MOST_CALLERS = 2;

function detailOf({ cause, requestsPerSecond, callers }: Trouble): string {
  const named = callers.slice(0, MOST_CALLERS).join(" and ");
  const rest = callers.length - MOST_CALLERS;
  const from =
    callers.length === 0
      ? ""
      : callers.length === 1
        ? `, all from ${named}`
        : `, from ${named}${rest > 0 ? ` and ${formatCounted(rest, "more", "more")}` : ""}`;
  const touched = `${formatRate(requestsPerSecond)} are touched${from}.`;
  return cause === undefined ? touched : `${cause}. ${touched}`;
}
