"use client";

import { EffectVerdict, type RevisionSummary } from "@heddle/contracts";
import { GitCompare, Pin, Undo2 } from "lucide-react";
import { formatCounted } from "../../lib/numbers.ts";
import { formatDay } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { FilterField } from "../../ui/filter-field.tsx";
import { Select } from "../../ui/select.tsx";
import { useUrlValue } from "../session/use-url-value.ts";
import { VERDICT_CHOICES } from "./effect-words.ts";
import type { RevisionFilter } from "./filter-revisions.ts";
import styles from "./history-toolbar.module.css";
import { REVISION_KINDS } from "./revision-icon.tsx";

type SetFilter = (
  name: "q" | "kind" | "who" | "effect" | "pinned",
  value: string | undefined,
) => void;

/** The filter as the address holds it. */
export function useHistoryFilter(): readonly [RevisionFilter, SetFilter] {
  const [text, setText] = useUrlValue("q");
  const [kind, setKind] = useUrlValue("kind");
  const [author, setAuthor] = useUrlValue("who");
  const [effect, setEffect] = useUrlValue("effect");
  const [pinned, setPinned] = useUrlValue("pinned");
  const setters = {
    q: setText,
    kind: setKind,
    who: setAuthor,
    effect: setEffect,
    pinned: setPinned,
  };
  const verdict = EffectVerdict.safeParse(effect).data;
  return [
    { text: text ?? "", kind, author, effect: verdict, isPinned: pinned === "true" },
    (name, value) => setters[name](value),
  ];
}

export function HistoryToolbar({
  revisions,
  filter,
  onFilter,
  hasMore,
  onCompare,
  isComparing,
  onRestore,
  isRestoring,
}: {
  readonly onRestore: () => void;
  readonly isRestoring: boolean;
  readonly onCompare: () => void;
  readonly isComparing: boolean;
  readonly revisions: readonly RevisionSummary[];
  readonly filter: RevisionFilter;
  readonly onFilter: SetFilter;
  readonly hasMore: boolean;
}) {
  const authors = [...new Set(revisions.map((one) => one.author))].sort();
  return (
    <div className={styles.toolbar} role="search">
      <FilterField
        label="Filter: service, person, kind"
        value={filter.text}
        onChange={(text) => onFilter("q", text)}
      />
      <Select
        label="Kind"
        caption="Kind"
        choices={[
          { value: "", label: "All" },
          ...Object.entries(REVISION_KINDS).map(([value, label]) => ({ value, label })),
        ]}
        value={filter.kind ?? ""}
        onChange={(kind) => onFilter("kind", kind)}
      />
      <Select
        label="Who"
        caption="Who"
        choices={[
          { value: "", label: "All" },
          ...authors.map((author) => ({ value: author, label: author })),
        ]}
        value={filter.author ?? ""}
        onChange={(author) => onFilter("who", author)}
      />
      <Select
        label="Effect"
        caption="Effect"
        choices={[
          { value: "", label: "All" },
          ...Object.entries(VERDICT_CHOICES).map(([value, label]) => ({ value, label })),
        ]}
        value={filter.effect ?? ""}
        onChange={(effect) => onFilter("effect", effect)}
      />
      <Button
        size="toolbar"
        icon={<Pin size={14} />}
        aria-pressed={filter.isPinned}
        onClick={() => onFilter("pinned", filter.isPinned ? undefined : "true")}
      >
        {filter.isPinned ? "Pinned only" : "Pinned"}
      </Button>
      <span className={styles.count}>{countWords(revisions, hasMore)}</span>
      <Button
        size="toolbar"
        icon={<Undo2 size={14} />}
        aria-pressed={isRestoring}
        onClick={onRestore}
      >
        {isRestoring ? "Leave it as it is" : "Restore a moment"}
      </Button>
      <Button
        size="toolbar"
        icon={<GitCompare size={14} />}
        aria-pressed={isComparing}
        onClick={onCompare}
      >
        {isComparing ? "Stop comparing" : "Compare two"}
      </Button>
    </div>
  );
}

function countWords(revisions: readonly RevisionSummary[], hasMore: boolean): string {
  const oldest = revisions.at(-1);
  if (oldest === undefined) return "";
  const count = formatCounted(revisions.length, "revision");
  return hasMore
    ? `${count} loaded, more before`
    : `${count} since ${formatDay(oldest.createdAtMs)}`;
}
