"use client";

import { useParams } from "next/navigation";
import { useRevisionPages } from "../../lib/queries/use-revisions.ts";
import { classNames } from "../../ui/class-names.ts";
import { useNowMs } from "../../ui/clock.ts";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useLivePage } from "../session/use-live-page.ts";
import { filterRevisions } from "./filter-revisions.ts";
import styles from "./history-page.module.css";
import { HistoryToolbar, useHistoryFilter } from "./history-toolbar.tsx";
import { RevisionList } from "./revision-list.tsx";
import { RevisionView } from "./revision-view.tsx";

/**
 * Every change, newest first, and beside the list the one the address names (`/history/213`). Without a name the newest
 * stands there.
 */
export function HistoryPage() {
  const { revision: named } = useParams<{ revision?: string }>();
  const revision = named === undefined ? undefined : Number(named);
  useLivePage();
  const pages = useRevisionPages();
  const [filter, setFilter] = useHistoryFilter();
  const nowMs = useNowMs() ?? 0;
  const all = pages.data?.pages.flatMap((page) => page.revisions) ?? [];
  const newest = all[0]?.revision;
  const shown = revision ?? newest;
  return (
    <div className={classNames(styles.page, revision !== undefined && styles.detailOpen)}>
      <h1 className="visually-hidden">History</h1>
      <HistoryToolbar
        revisions={all}
        filter={filter}
        onFilter={setFilter}
        hasMore={pages.hasNextPage}
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
            isEmpty={all.length === 0}
            shown={shown}
            nowMs={nowMs}
            {...(pages.hasNextPage ? { onMore: () => void pages.fetchNextPage() } : {})}
            isLoadingMore={pages.isFetchingNextPage}
          />
        )}
      </div>
      <div className={styles.detail}>
        {named !== undefined && !/^[1-9]\d{0,8}$/.test(named) ? (
          <ErrorPart
            title={`There is no revision ${decodeURIComponent(named)}`}
            detail="Revisions are numbered from 1; choose one in the list."
          />
        ) : shown !== undefined && newest !== undefined ? (
          <RevisionView key={shown} revision={shown} newest={newest} nowMs={nowMs} />
        ) : (
          !pages.isPending && !pages.isError && <EmptyState>A change will show here.</EmptyState>
        )}
      </div>
    </div>
  );
}
