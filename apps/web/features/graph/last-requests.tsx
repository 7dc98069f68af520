"use client";
import { useQuery } from "@tanstack/react-query";
import { formatClock, formatDuration, formatStamp } from "../../lib/times.ts";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PanelSection } from "../../ui/side-panel.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { recentRequestsQuery } from "./graph-queries.ts";
import styles from "./last-requests.module.css";

/** The newest traced requests of an edge: failed ones are all there, of the others a sample. */
export function LastRequests({ edgeId }: { readonly edgeId: string }) {
  const { data, error, refetch } = useQuery(recentRequestsQuery(edgeId));
  return (
    <PanelSection title="Last requests" caption="sampled; failed ones all">
      {data === undefined && error !== null && (
        <ErrorPart
          title="Requests could not be read"
          detail={error.message}
          onRetry={() => void refetch()}
        />
      )}
      {data === undefined && error === null && <Skeleton heightPx={100} />}
      {data?.requests.length === 0 && <p className={styles.none}>None was traced yet.</p>}
      <ol>
        {data?.requests.map((request) => (
          <li
            key={`${request.traceId} ${request.startMs}`}
            className={styles.request}
            title={`${request.method} ${request.path}, ${formatStamp(request.startMs)}, trace ${request.traceId}${request.flags ? `, flags ${request.flags}` : ""}`}
          >
            <StatusGlyph status={request.failed ? "failing" : "healthy"} sizePx={10} />
            <span className={styles.time}>
              {formatClock(request.startMs)}.{Math.floor((request.startMs % 1000) / 100)}
            </span>
            <code className={styles.path}>
              {request.method} {request.path}
            </code>
            <span className={request.failed ? styles.failed : undefined}>
              {request.httpStatus ?? "none"}
            </span>
            <span className={styles.duration}>{formatDuration(request.durationMs)}</span>
          </li>
        ))}
      </ol>
    </PanelSection>
  );
}
