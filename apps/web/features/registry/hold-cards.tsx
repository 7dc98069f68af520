"use client";

import type { RegistryHold } from "@heddle/contracts";
import { Check, Hand } from "lucide-react";
import Link from "next/link";
import { useState } from "react";
import { formatCounted } from "../../lib/numbers.ts";
import { useReadOnlyReason } from "../../lib/queries/use-me.ts";
import { formatClock, formatSince, formatStamp } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import styles from "./hold-cards.module.css";
import { useAnswerHold, useHolds } from "./use-holds.ts";

/** What the registry would have lost by now and is held: why, what, and the two answers. Nothing while nothing is held. */
export function HoldCards({ namespace }: { readonly namespace: string | undefined }) {
  const holds = useHolds();
  if (holds.isError && holds.data === undefined) {
    return (
      <ErrorPart
        title="Whether the registry holds anything is not known"
        detail={holds.error.message}
        onRetry={() => void holds.refetch()}
      />
    );
  }
  const shown = holds.data?.holds.filter(
    ({ service }) => namespace === undefined || service.startsWith(`${namespace}/`),
  );
  if (shown === undefined || shown.length === 0) return null;
  return (
    <section id="holds" className={styles.holds} aria-label="Held updates">
      {shown.map((hold) => (
        <HoldCard key={hold.id} hold={hold} />
      ))}
    </section>
  );
}

function HoldCard({ hold }: { readonly hold: RegistryHold }) {
  const nowMs = useNowMs() ?? hold.sinceMs;
  const [isAsking, setIsAsking] = useState(false);
  const answer = useAnswerHold();
  const [namespace] = hold.service.split("/");
  const readOnlyReason = useReadOnlyReason(namespace);
  const name = hold.service.split("/")[1] ?? hold.service;
  const count = hold.held.length;
  const endpoints = formatCounted(count, "endpoint");
  if (isAsking) {
    return (
      <ConfirmInPlace
        question={`Let ${endpoints} of ${name} go?`}
        act={`Let ${count === 1 ? "it" : "them"} go`}
        actIcon={<Check size={16} />}
        keep={`Keep ${count === 1 ? "it" : "them"} for now`}
        tone="bad"
        isPending={answer.isPending}
        onAct={() =>
          answer.mutate({ id: hold.id, answer: "confirm" }, { onSettled: () => setIsAsking(false) })
        }
        onKeep={() => setIsAsking(false)}
      >
        {hold.endpointsAfter === 0
          ? `Nobody would serve ${name} then: its callers get 503 until an endpoint comes.`
          : `${formatCounted(hold.endpointsAfter, "endpoint")} would serve ${name} then.`}{" "}
        It is one revision; what comes back registers by itself.
      </ConfirmInPlace>
    );
  }
  return (
    <div className={styles.hold} data-dismissed={hold.dismissed !== undefined || undefined}>
      <StatusGlyph status="degraded" sizePx={18} isBesideWord />
      <div className={styles.words}>
        <p className={styles.head}>
          {hold.dismissed === undefined
            ? `${name} keeps ${endpoints} the registry would have let go, since ${formatClock(hold.sinceMs)}`
            : `${name} keeps ${endpoints}: ${hold.dismissed.by} said so ${formatSince(hold.dismissed.atMs, nowMs)}`}
        </p>
        <p className={styles.detail}>{hold.words}</p>
        <p className={styles.detail}>
          {hold.endpointsBefore !== undefined &&
            `Before ${hold.endpointsBefore}, without the hold ${hold.endpointsAfter}. `}
          <Link href={`/graph?sel=${encodeURIComponent(`service/${hold.service}`)}`}>
            Show {name} on the graph
          </Link>
        </p>
        <details className={styles.held}>
          <summary>{endpoints} held</summary>
          <ul>
            {hold.held.map((one) => (
              <li key={one.id}>
                <code>{one.address}</code> {one.workload}
                <span
                  className={styles.seen}
                  title={one.lastSeenAtMs === undefined ? undefined : formatStamp(one.lastSeenAtMs)}
                >
                  {one.lastSeenAtMs === undefined
                    ? "its source names it no longer"
                    : `last sign of life ${formatSince(one.lastSeenAtMs, nowMs)}`}
                </span>
              </li>
            ))}
          </ul>
        </details>
      </div>
      <div className={styles.acts}>
        {hold.dismissed === undefined && (
          <Button
            icon={<Hand size={15} />}
            disabledReason={readOnlyReason}
            isPending={answer.isPending}
            onClick={() => answer.mutate({ id: hold.id, answer: "dismiss" })}
          >
            Keep {count === 1 ? "it" : "them"}
          </Button>
        )}
        <Button
          kind="danger-soft"
          disabledReason={readOnlyReason}
          onClick={() => setIsAsking(true)}
        >
          Let {count === 1 ? "it" : "them"} go
        </Button>
      </div>
    </div>
  );
}
