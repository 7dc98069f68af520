"use client";

import type { Denial } from "@heddle/contracts";
import { formatClock, formatStamp } from "../../../lib/times.ts";
import { CodeLine } from "../../../ui/code-line.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { AllowThis } from "./allow-this.tsx";
import styles from "./denial-detail.module.css";
import { useWhy } from "./denial-queries.ts";
import { whyCommand, whyRequestOf } from "./denial-words.ts";
import { WhyCard } from "./why-card.tsx";

/** One denial: why, by the rules as they are now; its trace; and the rule that would let it pass. */
export function DenialDetail({ denial }: { readonly denial: Denial }) {
  const why = useWhy(whyRequestOf(denial));
  const { firstSeenMs, lastTraceId } = denial;
  return (
    <div className={styles.detail}>
      {why.isError && (
        <ErrorPart
          title="Why is not known"
          detail={why.error.message}
          onRetry={() => void why.refetch()}
        />
      )}
      {why.isPending && <Skeleton heightPx={80} />}
      {why.data !== undefined && <WhyCard why={why.data} />}
      <AllowThis denial={denial}>
        First seen <time title={formatStamp(firstSeenMs)}>{formatClock(firstSeenMs)}</time>; the
        last request's trace and the rules as they are now:
      </AllowThis>
      <CodeLine command={`heddle why ${lastTraceId}`} />
      <CodeLine command={whyCommand(denial)} />
    </div>
  );
}
