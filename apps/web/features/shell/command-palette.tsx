"use client";
import { useQuery } from "@tanstack/react-query";
import { Box, FileCode, History, Moon, Plus, Split, Undo2 } from "lucide-react";
import { useRouter } from "next/navigation";
import { type ReactNode, useId, useState } from "react";
import { useCanaries, useWorkloads } from "../../lib/queries/use-mesh-state.ts";
import { classNames } from "../../ui/class-names.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Kbd } from "../../ui/kbd.tsx";
import { ruleHref } from "../rules/rule-href.ts";
import { useResources } from "../rules/rule-queries.ts";
import styles from "./command-palette.module.css";
import { PAGES } from "./pages.ts";
import { rankEntries } from "./rank-entries.ts";
import { recentRevisionsQuery } from "./recent-revisions.ts";
import { toggleTheme } from "./theme.ts";

type Entry = {
  readonly id: string;
  readonly text: string;
  readonly scope: string;
  readonly icon: ReactNode;
  readonly keys?: string;
  readonly run: () => void;
};

const MOST_SHOWN = 12;

/** Services, pages, acts and revisions in one list, best match first. */
export function CommandPalette({ onClose }: { readonly onClose: () => void }) {
  const listId = useId();
  const [typed, setTyped] = useState("");
  const [index, setIndex] = useState(0);
  const entries = rankEntries(useEntries(), typed).slice(0, MOST_SHOWN);
  const chosen = entries[Math.min(index, entries.length - 1)];
  const run = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    onClose();
    entry.run();
  };
  return (
    <Dialog label="Find a service, or type an act" onClose={onClose}>
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls={listId}
        aria-activedescendant={chosen && `${listId}-${chosen.id}`}
        aria-label="Find a service, or type an act"
        placeholder="Find a service, or type an act"
        className={styles.input}
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setIndex(0);
        }}
        onKeyDown={(event) => {
          const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (by !== undefined) {
            event.preventDefault();
            setIndex(Math.min(Math.max(index + by, 0), entries.length - 1));
          }
          if (event.key === "Enter") run(chosen);
        }}
      />
      <div id={listId} role="listbox" aria-label="Matches" className={styles.list}>
        {entries.length === 0 && <p className={styles.none}>Nothing matches {typed}.</p>}
        {entries.map((entry, at) => (
          <div
            key={entry.id}
            id={`${listId}-${entry.id}`}
            role="option"
            aria-selected={entry === chosen}
            tabIndex={-1}
            className={classNames(styles.entry, entry === chosen && styles.chosen)}
            onPointerMove={() => setIndex(at)}
            onClick={() => run(entry)}
            onKeyDown={(event) => event.key === "Enter" && run(entry)}
          >
            {entry.icon}
            <span className={styles.text}>{entry.text}</span>
            <span className={styles.scope}>{entry.scope}</span>
            {entry.keys !== undefined && <Kbd>{entry.keys}</Kbd>}
          </div>
        ))}
      </div>
    </Dialog>
  );
}

function useEntries(): readonly Entry[] {
  const router = useRouter();
  const { data: registry } = useWorkloads();
  const { data: canaries } = useCanaries();
  const { data: rules } = useResources();
  const { data: revisions } = useQuery(recentRevisionsQuery);
  const services = new Map(
    registry?.workloads.map((one) => [`${one.namespace}/${one.service}`, one] as const),
  );
  return [
    ...[...services].map(([id, { service, namespace }]) => ({
      id: `service ${id}`,
      text: service,
      scope: `service in ${namespace}`,
      icon: <Box size={15} aria-hidden="true" />,
      run: () => router.push(`/graph?sel=${encodeURIComponent(`service/${id}`)}`),
    })),
    ...PAGES.map((page) => ({
      id: `page ${page.path}`,
      text: page.title,
      scope: "page",
      icon: <page.icon size={15} aria-hidden="true" />,
      keys: `G ${page.key.toUpperCase()}`,
      run: () => router.push(page.path),
    })),
    ...(canaries?.canaries ?? []).flatMap((canary) => {
      const place = `/rollouts/${encodeURIComponent(canary.namespace)}/${encodeURIComponent(canary.service)}`;
      const version = canary.canary.version ?? canary.canary.subset;
      const scope = `${canary.service} in ${canary.namespace}`;
      return [
        {
          id: `rollout ${place}`,
          text: `Open rollout of ${canary.service} ${version}`,
          scope,
          icon: <Split size={15} aria-hidden="true" />,
          run: () => router.push(place),
        },
        {
          id: `rollback ${place}`,
          text: `Roll back ${canary.service} ${version}`,
          scope: `${scope}, asks first`,
          icon: <Undo2 size={15} aria-hidden="true" />,
          run: () => router.push(`${place}?act=rollback`),
        },
      ];
    }),
    ...(rules?.resources ?? []).map((rule) => ({
      id: `rule ${ruleHref(rule)}`,
      text: `Edit ${rule.name}`,
      scope: `${rule.kind} in ${rule.namespace}`,
      icon: <FileCode size={15} aria-hidden="true" />,
      run: () => router.push(ruleHref(rule)),
    })),
    {
      id: "act new rule",
      text: "Write a new rule",
      scope: "from a template",
      icon: <Plus size={15} aria-hidden="true" />,
      run: () => router.push("/rules/new"),
    },
    {
      id: "act theme",
      text: "Switch between light and dark",
      scope: "this browser",
      icon: <Moon size={15} aria-hidden="true" />,
      keys: "D",
      run: toggleTheme,
    },
    ...(revisions?.revisions ?? []).map((revision) => ({
      id: `revision ${revision.revision}`,
      text: revision.summary,
      scope: `revision ${revision.revision}, ${revision.author}`,
      icon: <History size={15} aria-hidden="true" />,
      run: () => router.push(`/history/${revision.revision}`),
    })),
  ];
}
