"use client";

import { useParams } from "next/navigation";
import { readMoment } from "../../lib/moments.ts";
import { useRevisionPages } from "../../lib/queries/use-revisions.ts";
import { classNames } from "../../ui/class-names.ts";
import { useNowMs } from "../../ui/clock.ts";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useLivePage } from "../session/use-live-page.ts";
import { useUrlValue } from "../session/use-url-value.ts";
import { CompareView, pairOf } from "./compare-view.tsx";
import { filterRevisions } from "./filter-revisions.ts";
import styles from "./history-page.module.css";
import { HistoryToolbar, useHistoryFilter } from "./history-toolbar.tsx";
import { RestoreMomentView } from "./restore-moment-view.tsx";
import { RevisionList } from "./revision-list.tsx";
import { RevisionView } from "./revision-view.tsx";

/** Where going back to a moment begins to be thought about. */
const USUAL_BACK_MS = 600_000;

/**
 * Every change, newest first, and beside the list the one the address names (`/history/213`). Without a name the newest
 * stands there.
 */
export function HistoryPage() {
  const { revision: named } = useParams<{ revision?: string }>();
  const revision = named === undefined ? undefined : Number(named);
  useLivePage();
  const [filter, setFilter] = useHistoryFilter();
  const pages = useRevisionPages(filter);
  const everything = useRevisionPages(); // the newest one, whatever the filter shows
  const [compared, setCompared] = useUrlValue("compare");
  const [at, setAt] = useUrlValue("at");
  const momentMs = readMoment(at);
  const nowMs = useNowMs() ?? 0;
  const all = pages.data?.pages.flatMap((page) => page.revisions) ?? [];
  const newest = everything.data?.pages[0]?.revisions[0]?.revision;
  const shown = revision ?? all[0]?.revision;
  const isComparing = compared !== undefined;
  return (
    <div
      className={classNames(
        styles.page,
        (revision !== undefined || isComparing || momentMs !== undefined) && styles.detailOpen,
      )}
    >
      <h1 className="visually-hidden">History</h1>
      <HistoryToolbar
        revisions={all}
        filter={filter}
        onFilter={setFilter}
        hasMore={pages.hasNextPage}
        isComparing={isComparing}
        onCompare={() => setCompared(isComparing ? undefined : pairOf(shown, newest))}
        isRestoring={momentMs !== undefined}
        onRestore={() => setAt(momentMs === undefined ? String(nowMs - USUAL_BACK_MS) : undefined)}
      />
      <div className={styles.list}>
        {pages.isError && (
          <ErrorPart
            title="The history is missing"
            detail={pages.error.message}
            onRetry={() => void pages.refetch()}
          />
        )}
        {pages.isPending ? (
          <div className={styles.loading}>
            <Skeleton heightPx={300} />
          </div>
        ) : (
          <RevisionList
            revisions={filterRevisions(all, filter)}
            isEmpty={newest === undefined && !everything.isPending}
            shown={shown}
            nowMs={nowMs}
            {...(pages.hasNextPage ? { onMore: () => void pages.fetchNextPage() } : {})}
            isLoadingMore={pages.isFetchingNextPage}
          />
        )}
      </div>
      <div className={styles.detail}>
        {momentMs !== undefined && newest !== undefined ? (
          <RestoreMomentView
            atMs={momentMs}
            newest={newest}
            nowMs={nowMs}
            onMoment={(ms) => setAt(ms === undefined ? undefined : String(ms))}
          />
        ) : compared !== undefined && newest !== undefined ? (
          <CompareView pair={compared} newest={newest} onPair={setCompared} />
        ) : named !== undefined && !/^[1-9]\d{0,8}$/.test(named) ? (
          <ErrorPart
            title={`There is no revision ${decodeURIComponent(named)}`}
            detail="Revisions are numbered from 1; choose one in the list."
          />
        ) : shown !== undefined && newest !== undefined ? (
          <RevisionView key={shown} revision={shown} newest={newest} nowMs={nowMs} />
        ) : (
          !pages.isPending &&
          !pages.isError && (
            <EmptyState>
              {newest === undefined ? "A change will show here." : "No revision fits the filter."}
            </EmptyState>
          )
        )}
      </div>
    </div>
  );
}
