"use client";
import type { GraphNode, TapRequest } from "@heddle/contracts";
import { Pause, Play, Radio, Square } from "lucide-react";
import { useState } from "react";
import { formatCounted } from "../../lib/numbers.ts";
import { useReadOnlyReason } from "../../lib/queries/use-me.ts";
import { formatTimeLeft } from "../../lib/times.ts";
import { Button, IconButton } from "../../ui/button.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { ErrorPart } from "../../ui/error-part.tsx";
import { FilterField } from "../../ui/filter-field.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { PanelSection } from "../../ui/side-panel.tsx";
import { filterRows, STATUS_GROUPS, type StatusGroup, type TapList } from "./tap-list.ts";
import { TapRowItem } from "./tap-row.tsx";
import styles from "./tap-section.module.css";
import { tapWishOf } from "./tap-wish.ts";
import { useTap } from "./use-tap.ts";

const CHOICES = STATUS_GROUPS.map((value) => ({ value, label: value }));

/** Live requests of a call or a workload, while somebody looks. */
export function TapSection({
  node,
  caller,
}: {
  readonly node: GraphNode | undefined;
  /** Of an edge; absent: all the node gets and sends. */
  readonly caller?: GraphNode | undefined;
}) {
  const wish = tapWishOf(node, caller);
  if (wish === undefined) return null;
  // Keyed by what it is about: another selection ends the tap.
  return (
    <PanelSection title="Live requests" caption="no bodies, queries or credentials">
      <Tap key={JSON.stringify(wish)} wish={wish} />
    </PanelSection>
  );
}

function Tap({ wish }: { readonly wish: Pick<TapRequest, "targets" | "filter"> }) {
  const { state, list, start, end } = useTap();
  const readOnlyReason = useReadOnlyReason(wish.targets[0]?.namespace);
  const isLive = state.kind === "live";
  return (
    <div className={styles.tap}>
      {state.kind === "failed" && <ErrorPart title="Nothing is watched" detail={state.why} />}
      {isLive ? (
        <Live untilMs={state.untilMs} isInterrupted={state.isInterrupted} onEnd={end} />
      ) : (
        <div className={styles.head}>
          <Button
            size="toolbar"
            icon={<Radio size={14} />}
            disabledReason={readOnlyReason}
            isPending={state.kind === "starting"}
            onClick={() => void start(wish)}
          >
            {state.kind === "over" ? "Watch again" : "Watch live requests"}
          </Button>
          {state.kind === "over" && <span className={styles.note}>{state.why}</span>}
        </div>
      )}
      {(isLive || list.total > 0) && <Requests list={list} isLive={isLive} />}
    </div>
  );
}

function Live({
  untilMs,
  isInterrupted,
  onEnd,
}: {
  readonly untilMs: number;
  readonly isInterrupted: boolean;
  readonly onEnd: () => void;
}) {
  const nowMs = useNowMs();
  return (
    <div className={styles.head}>
      <Button size="toolbar" icon={<Square size={14} />} onClick={onEnd}>
        Stop watching
      </Button>
      <span className={styles.note} role="status">
        {isInterrupted ? "The stream broke off; trying again" : "Watching"}
        {nowMs !== undefined && `, ${formatTimeLeft(untilMs, nowMs)}`}
      </span>
    </div>
  );
}

function Requests({ list, isLive }: { readonly list: TapList; readonly isLive: boolean }) {
  const [group, setGroup] = useState<StatusGroup>("all");
  const [text, setText] = useState("");
  /** What stands still while somebody reads it; more comes in behind. */
  const [held, setHeld] = useState<TapList | undefined>(undefined);
  const shown = held ?? list;
  const rows = filterRows(shown, group, text);
  const more = list.total - shown.total;
  return (
    <>
      <div className={styles.tools}>
        <FilterField label="Filter live requests" value="" onChange={setText} />
        <IconButton
          size="toolbar"
          label={held === undefined ? "Hold the list" : "Let the list run"}
          icon={held === undefined ? <Pause size={14} /> : <Play size={14} />}
          onClick={() => setHeld(held === undefined ? list : undefined)}
        />
      </div>
      <Segmented label="Which requests" choices={CHOICES} value={group} onChange={setGroup} />
      {rows.length === 0 && <p className={styles.note}>{emptyWords(list.total, isLive)}</p>}
      <ol className={styles.rows} aria-label="Live requests, newest first">
        {rows.map(({ id, event }) => (
          <TapRowItem key={id} event={event} />
        ))}
      </ol>
      <p className={styles.note}>
        {formatCounted(list.total, "event")}
        {more > 0 && `, ${more} since the list is held`}
        {list.notShown > 0 && `; ${list.notShown} more not shown (above 100 a second, or lost)`}
      </p>
    </>
  );
}

function emptyWords(total: number, isLive: boolean): string {
  if (total > 0) return "None of them is like this.";
  return isLive ? "Waiting for the first request." : "No request came.";
}
