"use client";

import type { CanariedPush, RevisionSummary } from "@heddle/contracts";
import { MessageSquare, Pin } from "lucide-react";
import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { type KeyboardEvent, useRef } from "react";
import { formatClock, formatStamp } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { classNames } from "../../ui/class-names.ts";
import { CodeLine } from "../../ui/code-line.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { PUSH_LOOKS } from "../pushes/push-words.ts";
import { usePushes } from "../pushes/use-pushes.ts";
import { effectWords, VERDICTS } from "./effect-words.ts";
import { groupRevisions } from "./filter-revisions.ts";
import { RevisionIcon } from "./revision-icon.tsx";
import styles from "./revision-list.module.css";

const FROM = {
  console: "console",
  cli: "CLI",
  api: "API",
  demo: "demo",
  guard: "its guard",
  timer: "a timer",
  registry: "the registry",
  git: "git",
  rollout: "its rollout",
} as const;

/** Revisions by hour and day. Arrow keys walk, Enter opens. */
export function RevisionList({
  revisions,
  isEmpty,
  shown,
  nowMs,
  onMore,
  isLoadingMore,
}: {
  readonly revisions: readonly RevisionSummary[];
  /** There is no revision at all, not only none that fits the filter. */
  readonly isEmpty: boolean;
  readonly shown: number | undefined;
  readonly nowMs: number;
  readonly onMore?: () => void;
  readonly isLoadingMore: boolean;
}) {
  const list = useRef<HTMLElement>(null);
  const pushes = usePushes().data?.pushes;
  if (revisions.length === 0) {
    return isEmpty ? (
      <EmptyState act={<CodeLine command="heddle apply -f rules.yaml" />}>
        Nothing has been changed yet. Each change will be a revision here.
      </EmptyState>
    ) : (
      <EmptyState>No revision fits the filter.</EmptyState>
    );
  }
  return (
    <nav ref={list} aria-label="Revisions" onKeyDown={(event) => walk(event, list.current)}>
      {groupRevisions(revisions, nowMs).map((group) => (
        <section key={`${group.name} ${group.revisions[0]?.revision}`}>
          <h2 className={styles.group}>{group.name}</h2>
          <ol>
            {group.revisions.map((one) => (
              <li key={one.revision}>
                <RevisionItem
                  revision={one}
                  isShown={one.revision === shown}
                  push={pushes?.find(({ revisions }) => revisions.includes(one.revision))}
                />
              </li>
            ))}
          </ol>
        </section>
      ))}
      {onMore !== undefined && (
        <div className={styles.more}>
          <Button isWide isPending={isLoadingMore} onClick={onMore}>
            Load older revisions
          </Button>
        </div>
      )}
    </nav>
  );
}

function RevisionItem({
  revision: one,
  isShown,
  push,
}: {
  readonly revision: RevisionSummary;
  readonly isShown: boolean;
  readonly push: CanariedPush | undefined;
}) {
  const search = useSearchParams();
  const kept = new URLSearchParams(search);
  for (const other of ["compare", "at"]) kept.delete(other); // who opens a revision leaves these
  const query = kept.size === 0 ? "" : `?${kept}`;
  return (
    <Link
      href={`/history/${one.revision}${query}`}
      scroll={false}
      aria-current={isShown ? "true" : undefined}
      className={classNames(styles.item, isShown && styles.shown)}
    >
      <span className={styles.number}>{one.revision}</span>
      <span className={styles.icon}>
        <RevisionIcon revision={one} />
      </span>
      <span className={styles.summary} title={one.summary}>
        {one.summary}
      </span>
      {(one.marks?.isPinned === true || one.marks?.name !== undefined) && (
        <span className={styles.marks}>
          {one.marks.isPinned && <Pin size={12} role="img" aria-label="pinned" />}
          {one.marks.name}
        </span>
      )}
      <span
        className={styles.who}
        title={`${formatStamp(one.createdAtMs)}, from ${FROM[one.source]}`}
      >
        <span className={styles.author}>
          {one.author}, {formatClock(one.createdAtMs)}
          <PushState push={push} />
          {one.marks !== undefined && one.marks.comments > 0 && (
            <span className={styles.comments}>
              <MessageSquare size={12} role="img" aria-label="comments" /> {one.marks.comments}
            </span>
          )}
        </span>
        <Effect revision={one} />
      </span>
    </Link>
  );
}

/** That it went, or goes, to some proxies first; of one that then went to all there is nothing to say. */
function PushState({ push }: { readonly push: CanariedPush | undefined }) {
  if (push === undefined || push.status === "finished") return null;
  const { status, word, tone } = PUSH_LOOKS[push.status];
  return (
    <span className={styles.push} data-tone={tone} title={`Canaried push: ${word}`}>
      <StatusGlyph status={status} isBesideWord /> {push.status === "running" ? "some first" : word}
    </span>
  );
}

/** What followed, as a shape with words; those that went wrong or well in their colour. */
function Effect({ revision: { effect } }: { readonly revision: RevisionSummary }) {
  if (effect === undefined) return null;
  const { status, tone } = VERDICTS[effect.verdict];
  const isDecided = effect.verdict === "worse" || effect.verdict === "better";
  return (
    <span className={styles.effect} data-tone={tone}>
      {isDecided && <StatusGlyph status={status} isBesideWord />} {effectWords(effect)}
    </span>
  );
}

function walk(event: KeyboardEvent, list: HTMLElement | null): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || list === null) return;
  const links = [...list.querySelectorAll("a")];
  const index = links.findIndex((link) => link === document.activeElement);
  const next = links[index + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
