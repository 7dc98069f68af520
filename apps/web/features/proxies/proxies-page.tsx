"use client";

import type { ListedProxy, ProxyState } from "@heddle/contracts";
import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { formatCounted } from "../../lib/numbers.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { classNames } from "../../ui/class-names.ts";
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
import { PushStrip } from "../pushes/push-strip.tsx";
import { SourcesCard } from "../registry/sources-card.tsx";
import { useLivePage } from "../session/use-live-page.ts";
import { useUrlValue } from "../session/use-url-value.ts";
import styles from "./proxies-page.module.css";
import { useListedProxies } from "./proxy-queries.ts";
import { filterProxies, isInStep, KIND_WORDS, sortProxies, viewOfSync } from "./proxy-sync.ts";
import { ReplicasCard } from "./replicas-card.tsx";
import { SyncPill } from "./sync-pill.tsx";

/** Every proxy the control plane knows: whether it runs the newest revision that concerns it, and since when. */
export function ProxiesPage() {
  const proxies = useListedProxies();
  useLivePage(proxies.dataUpdatedAt);
  const namespace = useSearchParams().get("ns");
  const shown = proxies.data?.proxies.filter(
    (proxy) =>
      namespace === null || proxy.workloads.some((name) => name.startsWith(`${namespace}/`)),
  );
  return (
    <PageFrame title="Proxies" status={shown !== undefined && shown.length > 0 && summaryOf(shown)}>
      {proxies.isError && (
        <ErrorPart
          title="The proxies are missing"
          detail={proxies.error.message}
          onRetry={() => void proxies.refetch()}
        />
      )}
      {proxies.isPending && <Skeleton heightPx={320} waitsFor="the control plane" />}
      {shown !== undefined &&
        (shown.length === 0 ? (
          <Card>
            <EmptyState
              act={
                <CodeLine command="npx heddle run --service catalog --port 8080 -- node server.js" />
              }
            >
              No proxy has joined yet. Put this before the command that starts a service.
            </EmptyState>
          </Card>
        ) : (
          <>
            <PushStrip />
            <FilteredTable proxies={shown} />
            <div className={styles.command}>
              <CodeLine command="heddle proxies" />
            </div>
          </>
        ))}
      <SourcesCard />
      <ReplicasCard />
    </PageFrame>
  );
}

const STATES = [
  { value: "", label: "All" },
  { value: "SYNCED", label: "SYNCED" },
  { value: "STALE", label: "STALE" },
  { value: "NOT SENT", label: "NOT SENT" },
  { value: "ERROR", label: "ERROR" },
  { value: "disconnected", label: "Disconnected" },
  { value: "skew", label: "With a warning" },
] as const;

function FilteredTable({ proxies }: { readonly proxies: readonly ListedProxy[] }) {
  const [text, setText] = useUrlValue("q");
  const [named, setState] = useUrlValue("state");
  const state = STATES.find(({ value }) => value !== "" && value === named)?.value;
  const shown = sortProxies(filterProxies(proxies, { text: text ?? "", state }));
  return (
    <>
      <div className={styles.toolbar} role="search">
        <FilterField
          label="Filter: proxy, workload, version"
          value={text ?? ""}
          onChange={(value) => setText(value)}
        />
        <Select
          label="State"
          caption="State"
          choices={STATES}
          value={state ?? ""}
          onChange={(value) => setState(value)}
        />
        {shown.length < proxies.length && (
          <span className={styles.quiet}>
            {shown.length} of {proxies.length} shown
          </span>
        )}
      </div>
      {shown.length === 0 ? (
        <Card>
          <EmptyState>No proxy fits the filter.</EmptyState>
        </Card>
      ) : (
        <ProxyTable proxies={shown} />
      )}
    </>
  );
}

function ProxyTable({ proxies }: { readonly proxies: readonly ListedProxy[] }) {
  return (
    <Card isFlush>
      <Table label="Proxies">
        <thead>
          <tr>
            <Th>Proxy</Th>
            <Th>State</Th>
            <Th>Since</Th>
            <Th className={styles.wide}>By kind</Th>
            <Th isNumber className={styles.wide}>
              Sent
            </Th>
            <Th isNumber className={styles.wide}>
              Acked
            </Th>
            <Th className={styles.wide}>Workloads</Th>
            <Th className={styles.wide}>Version</Th>
          </tr>
        </thead>
        <tbody>
          {proxies.map((proxy) => (
            <ProxyRow key={proxy.proxyId} proxy={proxy} />
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

function ProxyRow({ proxy }: { readonly proxy: ListedProxy }) {
  return (
    <>
      <Tr tone={proxy.sync === "ERROR" ? "bad" : undefined}>
        <Td className={styles.proxy}>
          <Link
            href={`/proxies/${encodeURIComponent(proxy.proxyId)}`}
            className={styles.name}
            title={proxy.proxyId}
          >
            {proxy.name}
          </Link>
          <PushStage push={proxy.push} />
          <span className={styles.narrow}>{workloadWords(proxy.workloads, MOST_NAMES_NARROW)}</span>
        </Td>
        <Td>
          <SyncPill proxy={proxy} />
        </Td>
        <Td>
          <RelativeTime atMs={proxy.sinceMs} />
        </Td>
        <Td className={styles.wide}>
          <Kinds proxy={proxy} />
        </Td>
        <Td isNumber className={styles.wide}>
          {revisionWords(proxy.sentRevision)}
        </Td>
        <Td isNumber className={styles.wide}>
          <span className={proxy.ackedRevision < proxy.sentRevision ? styles.behind : undefined}>
            {revisionWords(proxy.ackedRevision)}
          </span>
        </Td>
        <Td className={classNames(styles.workloads, styles.wide)}>
          <span title={proxy.workloads.join(", ")}>
            {workloadWords(proxy.workloads, MOST_NAMES)}
          </span>
        </Td>
        <Td className={styles.wide}>
          <span className={styles.quiet}>{proxy.version}</span>
        </Td>
      </Tr>
      {proxy.warnings?.map((warning) => (
        <Tr key={warning}>
          <Td colSpan={8} className={styles.warning}>
            <StatusGlyph status="degraded" isBesideWord /> {warning}
          </Td>
        </Tr>
      ))}
      {proxy.lastNack !== undefined && (
        <Tr tone={proxy.sync === "ERROR" ? "bad" : undefined}>
          <Td colSpan={8} className={styles.nack}>
            <b>Last refusal</b> {proxy.lastNack}
          </Td>
        </Tr>
      )}
    </>
  );
}

const STAGES = {
  first: { word: "first", words: "It runs a change before the others, and is watched." },
  "held-back": {
    word: "held back",
    words: "It runs what was before a change that others have first.",
  },
} as const;

function PushStage({ push }: Pick<ListedProxy, "push">) {
  if (push === undefined) return null;
  const { word, words } = STAGES[push.stage];
  return (
    <span className={styles.stage} title={words}>
      <Chip tone={push.stage === "first" ? "accent" : "neutral"}>{word}</Chip>
    </span>
  );
}

/** One sign a kind; what is not well says its word, and all say theirs on hover. */
function Kinds({ proxy: { kinds } }: { readonly proxy: ListedProxy }) {
  if (kinds === undefined) {
    return <span className={styles.quiet}>not connected here</span>;
  }
  return (
    <ul className={styles.kinds}>
      {kinds.map(({ kind, sync, acked, total }) => {
        const { status, word, words } = viewOfSync(sync);
        const { short, name } = KIND_WORDS[kind];
        const isQuiet = status === "healthy" || status === "idle";
        return (
          <li key={kind} title={`${name}: ${word}, ${acked} of ${total} taken. ${words}`}>
            <StatusGlyph status={status} isBesideWord /> {short}
            <span className={isQuiet ? "visually-hidden" : styles.behind}> {word}</span>
          </li>
        );
      })}
    </ul>
  );
}

const MOST_NAMES = 3;
const MOST_NAMES_NARROW = 1;

function workloadWords(names: readonly string[], most: number): string {
  if (names.length === 0) return "no workload";
  const rest = names.length - most;
  return `${names.slice(0, most).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

function revisionWords(revision: number): string {
  return revision === 0 ? "none" : String(revision);
}

function summaryOf(proxies: readonly ProxyState[]): string {
  const inStep = proxies.filter(isInStep).length;
  return `${inStep} of ${formatCounted(proxies.length, "proxy", "proxies")} run the newest revision that concerns them`;
}
