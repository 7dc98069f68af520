"use client";
import type { TapEvent, TapEventParty } from "@heddle/contracts";
import { useState } from "react";
import { flagsInWords } from "../../lib/flag-words.ts";
import { formatClock, formatDuration } from "../../lib/times.ts";
import { CodeLine } from "../../ui/code-line.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { hasFailed } from "./tap-list.ts";
import styles from "./tap-section.module.css";

/** One request or connection; opened, all that is known of it. */
export function TapRowItem({ event }: { readonly event: TapEvent }) {
  const [isOpen, setIsOpen] = useState(false);
  const isFailed = hasFailed(event);
  const { method, path, authority, durationMs } = event;
  return (
    <li>
      <button
        type="button"
        className={styles.row}
        aria-expanded={isOpen}
        onClick={() => setIsOpen(!isOpen)}
      >
        <StatusGlyph status={isFailed ? "failing" : "healthy"} sizePx={10} />
        <span className={styles.time}>{formatClock(event.atMs)}</span>
        <code className={styles.path}>
          {method ?? "TCP"} {path ?? authority ?? ""}
        </code>
        <span className={isFailed ? styles.failed : undefined}>{statusOf(event)}</span>
        <span className={styles.duration}>{formatDuration(durationMs)}</span>
      </button>
      {isOpen && <Details event={event} />}
    </li>
  );
}

function Details({ event }: { readonly event: TapEvent }) {
  const { flags, traceId, isTraced } = event;
  const facts: readonly (readonly [name: string, value: string | number | undefined])[] = [
    ["From", partyOf(event.source)],
    ["To", partyOf(event.destination)],
    ["Identity", event.source.principal],
    ["Failed by", event.failedBy],
    ["Flags", flags === "-" ? undefined : `${flags}: ${flagsInWords(flags) ?? flags}`],
    ["gRPC status", event.grpcStatus],
    ["Route", event.rule],
    ["Endpoint", event.endpoint],
    ["Tries", event.attempts],
    ["Sent, received", bytesOf(event)],
    ["Protocol", `${event.protocol}, ${SECURITY[event.security]}`],
    ["Request id", event.requestId],
    ...Object.entries(event.headers),
  ];
  return (
    <div className={styles.details}>
      <dl>
        {facts.map(([name, value]) =>
          value === undefined || value === "" ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
      {isTraced && traceId !== undefined && <CodeLine command={`heddle traces get ${traceId}`} />}
    </div>
  );
}

const SECURITY = {
  mutual_tls: "mTLS",
  none: "plaintext",
  unknown: "as its server sees it",
} as const;

function statusOf({ kind, status, grpcStatus }: TapEvent): string {
  if (kind !== "request") return kind.replace("connection-", "");
  if (grpcStatus !== undefined && status === 200)
    return `grpc ${grpcStatus === "" ? "none" : grpcStatus}`;
  return status === undefined || status === 0 ? "none" : String(status);
}

function partyOf({ workload, service, address }: TapEventParty): string {
  return workload ?? service ?? address ?? "unknown";
}

function bytesOf({ requestBytes, responseBytes }: TapEvent): string | undefined {
  if (requestBytes === undefined && responseBytes === undefined) return undefined;
  return `${requestBytes ?? 0} B, ${responseBytes ?? 0} B`;
}
