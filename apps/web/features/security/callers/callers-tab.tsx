"use client";

import type { PreflightCaller } from "@heddle/contracts";
import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { Fragment } from "react";
import { formatCount, formatCounted, formatRate } from "../../../lib/numbers.ts";
import { usePreflight } from "../../../lib/queries/use-mtls.ts";
import { Card } from "../../../ui/card.tsx";
import { useNowMs } from "../../../ui/clock.ts";
import { EmptyState } from "../../../ui/empty-state.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { RelativeTime } from "../../../ui/relative-time.tsx";
import { Select } from "../../../ui/select.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import { Table, Td, Th, Tr } from "../../../ui/table.tsx";
import { useUrlValue } from "../../session/use-url-value.ts";
import { AddSidecar } from "../mtls/add-sidecar.tsx";
import { CALLER_WINDOWS, callerWindowOf } from "../mtls/caller-windows.ts";
import { CountedUntil } from "../mtls/counted-until.tsx";
import { callerTitle } from "../mtls/mtls-rows.ts";
import { reasonsInWords } from "../mtls/reason-words.ts";
import { type CallerSource, callerSources } from "./caller-sources.ts";
import styles from "./callers-tab.module.css";

/** Everybody who speaks to the mesh without proving who he is, where he goes, and the one command that ends it. */
export function CallersTab() {
  const namespace = useSearchParams().get("ns") ?? undefined;
  const [windowValue, setWindow] = useUrlValue("window");
  const [open, setOpen] = useUrlValue("open");
  const window = callerWindowOf(windowValue);
  const nowMs = useNowMs() ?? 0;
  const preflight = usePreflight(
    namespace === undefined ? undefined : { namespace },
    Number(window.value),
  );
  if (preflight.data === undefined) {
    return preflight.isError ? (
      <Card>
        <ErrorPart
          title="The callers are missing"
          detail={preflight.error.message}
          onRetry={() => void preflight.refetch()}
        />
      </Card>
    ) : (
      <Skeleton heightPx={240} />
    );
  }
  const sources = callerSources(preflight.data.callers);
  return (
    <>
      {preflight.isError && (
        <ErrorPart
          title="What you see is as of a while ago"
          detail={preflight.error.message}
          onRetry={() => void preflight.refetch()}
        />
      )}
      {preflight.data.countedUntilMs === undefined && (
        <p className={styles.unknown} role="status">
          <StatusGlyph status="unknown" isBesideWord /> No collector has counted in the last day:
          this list says nothing.
        </p>
      )}
      <Card
        title="Who speaks plaintext to the mesh"
        caption={formatCounted(sources.length, "address", "addresses")}
        actions={
          <>
            <CountedUntil countedUntilMs={preflight.data.countedUntilMs} nowMs={nowMs} />
            <Select
              label="Time looked back"
              caption="Last"
              choices={CALLER_WINDOWS}
              value={window.value}
              onChange={setWindow}
            />
          </>
        }
        isFlush
      >
        {sources.length === 0 ? (
          <EmptyState>
            Nothing but mTLS came in the last {window.label}. STRICT would refuse nobody.
          </EmptyState>
        ) : (
          <Table label="Plaintext callers">
            <thead>
              <tr>
                <Th>Caller</Th>
                <Th className={styles.wideOnly}>Address</Th>
                <Th className={styles.wideOnly}>Goes to</Th>
                <Th isNumber>Rate, 30 s</Th>
                <Th isNumber className={styles.wideOnly}>
                  Requests
                </Th>
                <Th isNumber className={styles.wideOnly}>
                  Refused
                </Th>
                <Th isNumber>Last seen</Th>
                <Th className={styles.wideOnly}>
                  <span className="visually-hidden">Help</span>
                </Th>
              </tr>
            </thead>
            <tbody>
              {sources.map((source) => (
                <SourceRow
                  key={source.address}
                  source={source}
                  isOpen={open === source.address}
                  onToggle={() => setOpen(open === source.address ? undefined : source.address)}
                />
              ))}
            </tbody>
          </Table>
        )}
      </Card>
    </>
  );
}

function SourceRow({
  source,
  isOpen,
  onToggle,
}: {
  readonly source: CallerSource;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}) {
  const { address, first, calls } = source;
  const help = (
    <button type="button" className={styles.help} aria-expanded={isOpen} onClick={onToggle}>
      Add a sidecar
    </button>
  );
  return (
    <Fragment>
      <Tr className={isOpen ? styles.openRow : undefined}>
        <Td>
          <span
            className={styles.caller}
            title={reasonsInWords(first.reasons) || "it has no identity"}
          >
            <StatusGlyph status="unknown" isBesideWord />
            {callerTitle(first)}
          </span>
          <span className={styles.narrowOnly}>
            <code>{address}</code>
            <Targets calls={calls} />
            {help}
          </span>
        </Td>
        <Td className={styles.wideOnly}>
          <code>{address}</code>
        </Td>
        <Td className={styles.wideOnly}>
          <Targets calls={calls} />
        </Td>
        <Td isNumber>{formatRate(source.requestsPerSecond)}</Td>
        <Td isNumber className={styles.wideOnly}>
          {formatCount(source.requests)}
        </Td>
        <Td isNumber className={styles.wideOnly}>
          {formatCount(source.refused)}
        </Td>
        <Td isNumber>
          <RelativeTime atMs={source.lastSeenMs} />
        </Td>
        <Td isNumber className={styles.wideOnly}>
          {help}
        </Td>
      </Tr>
      {isOpen && (
        <tr>
          <td colSpan={8} className={styles.advice}>
            <AddSidecar caller={first} />
          </td>
        </tr>
      )}
    </Fragment>
  );
}

function Targets({ calls }: { readonly calls: readonly PreflightCaller[] }) {
  return (
    <span className={styles.targets}>
      {calls.map(({ namespace, workload }) => (
        <Link
          key={`${namespace}/${workload}`}
          href={`/security?open=${encodeURIComponent(`${namespace}/${workload}`)}`}
        >
          {workload}
        </Link>
      ))}
    </span>
  );
}
