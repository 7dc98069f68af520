"use client";

import type { AuditEntry } from "@heddle/contracts";
import Link from "next/link";
import { useState } from "react";
import { formatStamp } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Select } from "../../ui/select.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import { useUrlValue } from "../session/use-url-value.ts";
import { auditCommand } from "./audit-command.ts";
import styles from "./settings.module.css";
import { useIsAdmin } from "./settings-frame.tsx";
import { useAuditPages } from "./settings-queries.ts";

const RESULTS = [
  { value: "", label: "Any result" },
  { value: "ok", label: "ok" },
  { value: "refused", label: "refused" },
  { value: "failed", label: "failed" },
] as const;
const TONES = { ok: "ok", refused: "warn", failed: "bad" } as const;

/** Who did what, from where, and what came of it; the filter is in the address. */
export function AuditTab() {
  const isAdmin = useIsAdmin();
  const [actor, setActor] = useUrlValue("actor");
  const [act, setAct] = useUrlValue("act");
  const [target, setTarget] = useUrlValue("target");
  const [result, setResult] = useUrlValue("result");
  const chosen = RESULTS.find(({ value }) => value === result)?.value ?? "";
  const filter = { actor, act, target, result: chosen === "" ? undefined : chosen };
  const pages = useAuditPages(filter);
  const entries = pages.data?.pages.flatMap((page) => page.entries) ?? [];
  const days = pages.data?.pages[0]?.retentionDays;
  return (
    <Card
      title="Audit log"
      caption={
        days !== undefined &&
        `${isAdmin === false ? "your own acts" : "every act"}, newest first, kept for ${days} days`
      }
      isFlush
    >
      <div className={styles.filters}>
        {isAdmin === true && (
          <FilterField label="Who" value={actor} placeholder="ada" onChange={setActor} />
        )}
        <FilterField label="Act" value={act} placeholder="login, apply, user" onChange={setAct} />
        <FilterField label="Target" value={target} placeholder="payments" onChange={setTarget} />
        <Select label="Result" choices={RESULTS} value={chosen} onChange={setResult} />
      </div>
      {pages.isError && (
        <ErrorPart
          title="The audit log is missing"
          detail={pages.error.message}
          onRetry={() => void pages.refetch()}
        />
      )}
      {pages.isPending && <Skeleton heightPx={240} />}
      {pages.data !== undefined && entries.length === 0 && (
        <EmptyState>No act is like that.</EmptyState>
      )}
      {entries.length > 0 && (
        <Table label="Audit log">
          <thead>
            <tr>
              <Th>When</Th>
              <Th>Who</Th>
              <Th>Act</Th>
              <Th>Result</Th>
              <Th>Target</Th>
              <Th className={styles.wideOnly}>From</Th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <AuditRow key={entry.id} entry={entry} />
            ))}
          </tbody>
        </Table>
      )}
      {pages.hasNextPage && (
        <button
          type="button"
          className={styles.more}
          aria-busy={pages.isFetchingNextPage || undefined}
          onClick={() => void pages.fetchNextPage()}
        >
          Show older acts
        </button>
      )}
      <div className={styles.foot}>
        <CodeLine command={auditCommand(filter)} />
      </div>
    </Card>
  );
}

function AuditRow({ entry }: { readonly entry: AuditEntry }) {
  const { atMs, actor, via, act, target, result, reason, revision, address, agent } = entry;
  return (
    <Tr>
      <Td>
        <span title={formatStamp(atMs)}>
          <RelativeTime atMs={atMs} />
        </span>
      </Td>
      <Td>
        {actor}
        {via === "token" && <span className={styles.quiet}> by token</span>}
      </Td>
      <Td>{act}</Td>
      <Td>
        <Chip tone={TONES[result]}>{result}</Chip>
      </Td>
      <Td className={styles.target}>
        <span title={target}>{target}</span>
        {revision !== undefined && (
          <>
            {" "}
            <Link href={`/history/${revision}`}>revision {revision}</Link>
          </>
        )}
        {reason !== undefined && <span className={styles.reason}>{reason}</span>}
      </Td>
      <Td className={styles.wideOnly}>
        <code>{address}</code>{" "}
        <span className={styles.agent} title={agent}>
          {agent}
        </span>
      </Td>
    </Tr>
  );
}

/** Filters when one is done typing: on Enter and on leaving the field. */
function FilterField({
  label,
  value,
  placeholder,
  onChange,
}: {
  readonly label: string;
  readonly value: string | undefined;
  readonly placeholder: string;
  readonly onChange: (value: string | undefined) => void;
}) {
  const [draft, setDraft] = useState(value ?? "");
  const take = () => onChange(draft.trim() === "" ? undefined : draft.trim());
  return (
    <label className={styles.filter}>
      {label}
      <input
        className={styles.input}
        value={draft}
        placeholder={placeholder}
        maxLength={100}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => setDraft(event.target.value)}
        onBlur={take}
        onKeyDown={(event) => event.key === "Enter" && take()}
      />
    </label>
  );
}
