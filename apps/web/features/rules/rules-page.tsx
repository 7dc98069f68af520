"use client";

import type { Finding, ResourceDocument } from "@heddle/contracts";
import { Plus } from "lucide-react";
import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { useEffect, useMemo, useState } from "react";
import { formatCounted } from "../../lib/numbers.ts";
import { useReadOnlyReason } from "../../lib/queries/use-me.ts";
import { Button, ButtonLink } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { FilterField } from "../../ui/filter-field.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Select } from "../../ui/select.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import { useLivePage } from "../session/use-live-page.ts";
import { useUrlValue } from "../session/use-url-value.ts";
import { OpenReviews } from "./reviews/open-reviews.tsx";
import { draftIds } from "./rule-drafts.ts";
import { ruleHref } from "./rule-href.ts";
import { useAnalysis, useResources } from "./rule-queries.ts";
import { type RuleRow, ruleRows } from "./rule-rows.ts";
import styles from "./rules-page.module.css";

/** Every document that shapes the mesh: what it is about, who changed it last, and what is wrong with it. */
export function RulesPage() {
  const resources = useResources();
  const analysis = useAnalysis();
  useLivePage();
  const namespace = useSearchParams().get("ns") ?? undefined;
  const readOnlyReason = useReadOnlyReason();
  const all = resources.data?.resources.filter(
    (one) => namespace === undefined || one.namespace === namespace,
  );
  return (
    <PageFrame
      title="Rules"
      status={all !== undefined && all.length > 0 && formatCounted(all.length, "document")}
      actions={
        readOnlyReason === undefined ? (
          <ButtonLink kind="primary" href="/rules/new" icon={<Plus size={15} />}>
            New rule
          </ButtonLink>
        ) : (
          <Button kind="primary" icon={<Plus size={15} />} disabledReason={readOnlyReason}>
            New rule
          </Button>
        )
      }
    >
      {resources.isError && (
        <ErrorPart
          title={all === undefined ? "The rules are missing" : "The rules are as of a while ago"}
          detail={resources.error.message}
          onRetry={() => void resources.refetch()}
        />
      )}
      {resources.isPending && <Skeleton heightPx={320} waitsFor="the control plane" />}
      <OpenReviews namespace={namespace} />
      {all?.length === 0 && (
        <Card>
          <EmptyState act={<CodeLine command="heddle apply -f rules.yaml" />}>
            No rule is in force{namespace === undefined ? "" : ` in ${namespace}`}: requests go to
            any healthy endpoint of the service they name.
          </EmptyState>
        </Card>
      )}
      {all !== undefined && all.length > 0 && (
        <RuleList
          resources={all}
          findings={analysis.data?.findings}
          analysisError={analysis.error?.message}
        />
      )}
    </PageFrame>
  );
}

function RuleList({
  resources,
  findings,
  analysisError,
}: {
  readonly resources: readonly ResourceDocument[];
  /** Absent: nobody looked (yet). */
  readonly findings: readonly Finding[] | undefined;
  readonly analysisError: string | undefined;
}) {
  const [text, setText] = useUrlValue("q");
  const [kind, setKind] = useUrlValue("kind");
  const [only, setOnly] = useUrlValue("only");
  const drafts = useDrafts();
  const rows = useMemo(
    () => ruleRows(resources, findings ?? [], drafts),
    [resources, findings, drafts],
  );
  const words = (text ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const shown = rows.filter(
    (row) =>
      (kind === undefined || row.kind === kind) &&
      (only !== "findings" || row.findings.length > 0) &&
      (only !== "drafts" || row.hasDraft) &&
      words.every((word) => row.haystack.includes(word)),
  );
  const kinds = [...new Set(rows.map((row) => row.kind))].sort();
  return (
    <>
      <div className={styles.toolbar} role="search">
        <FilterField
          label="Filter: name, kind, service"
          value={text ?? ""}
          onChange={(value) => setText(value)}
        />
        <Select
          label="Kind"
          caption="Kind"
          choices={[
            { value: "", label: "All" },
            ...kinds.map((one) => ({ value: one, label: one })),
          ]}
          value={kind ?? ""}
          onChange={(value) => setKind(value)}
        />
        <Select
          label="Only"
          caption="Only"
          choices={[
            { value: "", label: "All" },
            { value: "findings", label: "With findings" },
            { value: "drafts", label: "With a draft here" },
          ]}
          value={only ?? ""}
          onChange={(value) => setOnly(value)}
        />
        {shown.length < rows.length && (
          <span className={styles.quiet}>
            {shown.length} of {rows.length} shown
          </span>
        )}
        {analysisError !== undefined && (
          <span className={styles.quiet} title={analysisError}>
            findings are not known now
          </span>
        )}
      </div>
      {shown.length === 0 ? (
        <Card>
          <EmptyState>No rule fits the filter.</EmptyState>
        </Card>
      ) : (
        <Card isFlush>
          <Table label="Rules">
            <thead>
              <tr>
                <Th>Name</Th>
                <Th>Kind</Th>
                <Th className={styles.wide}>Namespace</Th>
                <Th className={styles.wide}>About</Th>
                <Th>Findings</Th>
                <Th isNumber className={styles.wide}>
                  Revision
                </Th>
                <Th className={styles.wide}>Changed</Th>
              </tr>
            </thead>
            <tbody>
              {shown.map((row) => (
                <Row key={row.id} row={row} isLooked={findings !== undefined} />
              ))}
            </tbody>
          </Table>
        </Card>
      )}
    </>
  );
}

function Row({ row, isLooked }: { readonly row: RuleRow; readonly isLooked: boolean }) {
  return (
    <Tr>
      <Td>
        <Link href={ruleHref(row)} className={styles.name} title={row.name}>
          {row.name}
        </Link>{" "}
        {row.hasDraft && <Chip tone="accent">draft</Chip>}
      </Td>
      <Td>{row.kind}</Td>
      <Td className={styles.wide}>{row.namespace}</Td>
      <Td className={styles.wide}>
        <span className={styles.subject} title={row.subject}>
          {row.subject}
        </span>
      </Td>
      <Td>
        <Findings row={row} isLooked={isLooked} />
      </Td>
      <Td isNumber className={styles.wide}>
        {row.origin === undefined ? (
          <Link href={`/history/${row.revision}`}>{row.revision}</Link>
        ) : (
          <span className={styles.quiet} title={`from ${row.origin}: it is changed there`}>
            from {row.origin.split(" ")[0]}
          </span>
        )}
      </Td>
      <Td className={styles.wide}>
        <RelativeTime atMs={row.updatedAtMs} />
      </Td>
    </Tr>
  );
}

function Findings({ row, isLooked }: { readonly row: RuleRow; readonly isLooked: boolean }) {
  const [worst] = row.findings;
  if (worst === undefined) return <span className={styles.quiet}>{isLooked ? "none" : "–"}</span>;
  const rest = row.findings.length - 1;
  return (
    <Link
      href={ruleHref(row)}
      className={styles.finding}
      data-severity={worst.severity}
      title={row.findings.map(({ code, why }) => `${code}: ${why}`).join("\n")}
    >
      <StatusGlyph
        status={
          worst.severity === "error"
            ? "failing"
            : worst.severity === "warning"
              ? "degraded"
              : "unknown"
        }
      />
      <span>
        {worst.code} <span className={styles.why}>{worst.name}</span>
      </span>
      {rest > 0 && <span> +{rest}</span>}
    </Link>
  );
}

/** Which documents somebody has a draft of in this browser; known once the page is in it. */
function useDrafts(): readonly string[] {
  const [ids, setIds] = useState<readonly string[]>([]);
  useEffect(() => setIds(draftIds(localStorage)), []);
  return ids;
}
