"use client";

import type { CanariedPush } from "@heddle/contracts";
import Link from "next/link";
import { formatCount } from "../../lib/numbers.ts";
import { Card } from "../../ui/card.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { StatusPill } from "../../ui/status-pill.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import { PushActs } from "./push-acts.tsx";
import {
  END_WORDS,
  FIRST_LOOKS,
  failedWords,
  PUSH_LOOKS,
  pushTitle,
  watchWords,
} from "./push-words.ts";
import styles from "./pushes.module.css";
import { usePushOf } from "./use-pushes.ts";

/** How a revision reached the proxies, if it went to some of them first: who had it, what they counted, how it ended. */
export function PushCard({ revision }: { readonly revision: number }) {
  const push = usePushOf(revision);
  const nowMs = useNowMs() ?? 0;
  if (push === undefined) return null;
  const { status, word } = PUSH_LOOKS[push.status];
  const counted = [
    { name: "First proxies", tally: push.counts.first },
    { name: "The others, of the same workloads", tally: push.counts.others },
    { name: "There before", tally: push.counts.before },
  ];
  return (
    <Card
      title="Canaried push"
      caption={pushTitle(push)}
      actions={<StatusPill status={status}>{word}</StatusPill>}
    >
      <div className={styles.body}>
        <p>
          {push.words} {watchWords(push, nowMs)}
        </p>
        <p className={styles.detail}>
          {push.why} Begun by {push.startedBy} <RelativeTime atMs={push.startedAtMs} />
          {push.endedAtMs !== undefined && (
            <>
              , ended by {push.endedBy ?? "Heddle"} <RelativeTime atMs={push.endedAtMs} />
            </>
          )}
          .
          {push.endRevision !== undefined && (
            <>
              {" "}
              {END_WORDS[push.status] ?? "Ended by"}{" "}
              <Link href={`/history/${push.endRevision}`}>revision {push.endRevision}</Link>.
            </>
          )}
        </p>
        <Table label="What was counted since it began">
          <thead>
            <tr>
              <Th>Counted at</Th>
              <Th isNumber>Failed</Th>
              <Th isNumber>Denied</Th>
            </tr>
          </thead>
          <tbody>
            {counted.map(({ name, tally }) => (
              <Tr key={name}>
                <Td className={styles.counted}>{name}</Td>
                <Td isNumber>{failedWords(tally)}</Td>
                <Td isNumber>{formatCount(tally.denied)}</Td>
              </Tr>
            ))}
          </tbody>
        </Table>
        <FirstProxies push={push} />
        {push.status === "running" && <PushActs push={push} />}
      </div>
    </Card>
  );
}

function FirstProxies({ push }: { readonly push: CanariedPush }) {
  return (
    <ul className={styles.first} aria-label="First proxies">
      {push.first.map(({ proxyId, name, state, reason }) => (
        <li key={proxyId}>
          <StatusGlyph status={FIRST_LOOKS[state].status} isBesideWord />{" "}
          <Link href={`/proxies/${encodeURIComponent(proxyId)}`}>{name}</Link>{" "}
          <span className={styles.detail}>
            {FIRST_LOOKS[state].word}
            {reason !== undefined && `: ${reason}`}
          </span>
        </li>
      ))}
    </ul>
  );
}
