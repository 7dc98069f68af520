"use client";

import type { ProxyConfigResponse, ProxyDetail, RunningResource } from "@heddle/contracts";
import { RotateCw } from "lucide-react";
import Link from "next/link";
import { useMemo, useState } from "react";
import { stringify } from "yaml";
import { formatCounted } from "../../lib/numbers.ts";
import { formatClock, formatDuration, formatStamp, formatTimeLeft } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { CodeLine } from "../../ui/code-line.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { FilterField } from "../../ui/filter-field.tsx";
import { OpeningHead, OpeningRow } from "../../ui/opening-row.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StatusPill } from "../../ui/status-pill.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import { ruleHref } from "../rules/rule-href.ts";
import { useUrlValue } from "../session/use-url-value.ts";
import styles from "./proxy-page.module.css";
import { type ConfigPart, useProxyConfig } from "./proxy-queries.ts";
import { RevisionLink } from "./revision-link.tsx";

const PARTS = [
  { value: "routes", label: "Routes" },
  { value: "clusters", label: "Clusters" },
  { value: "endpoints", label: "Endpoints" },
  { value: "secret", label: "Secrets" },
] as const satisfies readonly { value: ConfigPart; label: string }[];

/** What the proxy itself says it runs, with the revision each part came from and where it differs from what it should. */
export function RunningConfig({ proxy }: { readonly proxy: ProxyDetail }) {
  const [named, setPart] = useUrlValue("part");
  const part = PARTS.find(({ value }) => value === named)?.value ?? "routes";
  const [filter, setFilter] = useUrlValue("q");
  const config = useProxyConfig(proxy.proxyId, part, proxy.ackedRevision);
  return (
    <Card
      title="What it runs"
      caption={
        config.data === undefined
          ? "as the proxy says"
          : `as the proxy said at ${formatClock(config.data.answeredAtMs)}, in ${formatDuration(Math.round(config.data.answerMs))}`
      }
      actions={
        <Button
          size="toolbar"
          icon={<RotateCw size={14} />}
          isPending={config.isFetching}
          onClick={() => void config.refetch()}
        >
          Ask again
        </Button>
      }
      isFlush
    >
      <div className={styles.bar}>
        <Segmented
          label="Part"
          choices={PARTS}
          value={part}
          onChange={(value) => setPart(value === "routes" ? undefined : value)}
        />
        <FilterField
          label="Filter: service, document"
          value={filter ?? ""}
          onChange={(text) => setFilter(text)}
        />
      </div>
      {config.isError && (
        <ErrorPart
          title={proxy.connected ? "The proxy did not say" : "The proxy is not connected"}
          detail={config.error.message}
          onRetry={() => void config.refetch()}
        />
      )}
      {config.isPending && <Skeleton heightPx={200} waitsFor="the proxy itself" />}
      {config.data !== undefined && (
        <Config config={config.data} part={part} filter={filter ?? ""} />
      )}
      <div className={styles.command}>
        <CodeLine command={`heddle proxy-config ${proxy.workloads[0] ?? proxy.name} ${part}`} />
      </div>
    </Card>
  );
}

function Config({
  config,
  part,
  filter,
}: {
  readonly config: ProxyConfigResponse;
  readonly part: ConfigPart;
  readonly filter: string;
}) {
  const [open, setOpen] = useState<string>();
  const word = filter.toLowerCase();
  const shown = config.resources.filter((resource) => searchable(resource).includes(word));
  const differing = config.resources.filter(({ standing }) => standing !== "same").length;
  return (
    <>
      {(config.missing.length > 0 || differing > 0) && (
        <p className={styles.missing}>
          {[
            ...(differing > 0
              ? [`${formatCounted(differing, "resource")} not as the control plane would send`]
              : []),
            ...(config.missing.length > 0
              ? [
                  `${formatCounted(config.missing.length, "resource")} it should have and has not: ${config.missing
                    .slice(0, 5)
                    .map(({ key }) => key)
                    .join(", ")}`,
                ]
              : []),
          ].join("; ")}
        </p>
      )}
      {part === "secret" && <Certificates config={config} />}
      {shown.length === 0 && (part !== "secret" || config.certificates.length === 0) ? (
        <EmptyState>
          {config.resources.length === 0
            ? "It runs nothing of this kind: its workloads have called nobody yet."
            : `Nothing here holds ${filter}.`}
        </EmptyState>
      ) : (
        shown.length > 0 && (
          <Table label="What it runs">
            <thead>
              <tr>
                <OpeningHead />
                <Th>Resource</Th>
                <Th>Standing</Th>
                <Th isNumber>Revision</Th>
                <Th className={styles.wide}>Documents</Th>
                <Th className={styles.wide}>Version</Th>
              </tr>
            </thead>
            <tbody>
              {shown.map((resource) => (
                <OpeningRow
                  key={resource.key}
                  name={resource.key}
                  columns={6}
                  isOpen={open === resource.key}
                  onToggle={() => setOpen(open === resource.key ? undefined : resource.key)}
                  details={() => <Content resource={resource} />}
                >
                  <Td>
                    <code className={styles.key} title={resource.key}>
                      {resource.key}
                    </code>
                  </Td>
                  <Td>
                    <Standing resource={resource} />
                  </Td>
                  <Td isNumber>
                    {resource.revision === undefined ? (
                      <span className={styles.quiet} title="No revision shapes it">
                        registry
                      </span>
                    ) : resource.revision === 0 ? (
                      <span className={styles.quiet} title="No document has a say in it">
                        defaults
                      </span>
                    ) : (
                      <RevisionLink revision={resource.revision} />
                    )}
                  </Td>
                  <Td className={styles.wide}>
                    <Documents resource={resource} />
                  </Td>
                  <Td className={styles.wide}>
                    <code className={styles.quiet}>{resource.version.slice(0, 12)}</code>
                  </Td>
                </OpeningRow>
              ))}
            </tbody>
          </Table>
        )
      )}
      {config.isTruncated && (
        <p className={styles.missing}>
          It runs more than one answer holds; the rest is left out here.
        </p>
      )}
    </>
  );
}

const STANDINGS = {
  same: { status: "healthy", word: "As sent", words: "It runs what the control plane would send." },
  differs: {
    status: "degraded",
    word: "Differs",
    words: "The control plane would send another version now.",
  },
  surplus: {
    status: "degraded",
    word: "Surplus",
    words: "It is not to have this any more.",
  },
} as const;

function Standing({ resource }: { readonly resource: RunningResource }) {
  const { status, word, words } = STANDINGS[resource.standing];
  return (
    <span title={words}>
      <StatusPill status={status}>{word}</StatusPill>
    </span>
  );
}

function Documents({ resource }: { readonly resource: RunningResource }) {
  if (resource.documents.length === 0) return <span className={styles.quiet}>none</span>;
  return (
    <span className={styles.documents}>
      {resource.documents.map((document) => (
        <Link
          key={ruleHref(document)}
          href={ruleHref(document)}
          onClick={(event) => event.stopPropagation()}
        >
          {document.kind} {document.name}
        </Link>
      ))}
    </span>
  );
}

function Content({ resource }: { readonly resource: RunningResource }) {
  const text = useMemo(() => stringify(resource.content, { lineWidth: 0 }), [resource.content]);
  return (
    <>
      {resource.parts.length > 0 && (
        <dl className={styles.parts}>
          {resource.parts.map(({ part, document }) => (
            <div key={part} style={{ display: "contents" }}>
              <dt>
                <code>{part}</code>
              </dt>
              <dd>
                {document.kind} {document.namespace}/{document.name}, revision{" "}
                <RevisionLink revision={document.revision} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      <pre className={styles.content} tabIndex={0} aria-label={`Content of ${resource.key}`}>
        {text}
      </pre>
    </>
  );
}

function Certificates({ config }: { readonly config: ProxyConfigResponse }) {
  if (config.certificates.length === 0) return null;
  return (
    <Table label="Certificates it uses">
      <thead>
        <tr>
          <Th>Holder</Th>
          <Th>Identity</Th>
          <Th>Ends</Th>
          <Th className={styles.wide}>Serial</Th>
        </tr>
      </thead>
      <tbody>
        {config.certificates.map((one) => (
          <Tr key={one.serialNumber}>
            <Td>
              <b>{one.holder ?? "the proxy's own"}</b>
            </Td>
            <Td>
              <code className={styles.key} title={one.identity}>
                {one.identity}
              </code>
            </Td>
            <Td>
              <span title={formatStamp(one.notAfterMs)}>
                {formatTimeLeft(one.notAfterMs, config.answeredAtMs)}
              </span>
            </Td>
            <Td className={styles.wide}>
              <code className={styles.quiet}>{one.serialNumber.slice(0, 12)}</code>
            </Td>
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}

function searchable({ key, documents }: RunningResource): string {
  return [key, ...documents.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`)]
    .join(" ")
    .toLowerCase();
}
