"use client";

import type { SessionState } from "@heddle/contracts";
import { useState } from "react";
import { formatCounted } from "../../lib/numbers.ts";
import { formatTimeLeft } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { Chip } from "../../ui/chip.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import styles from "./settings.module.css";
import { useIsAdmin } from "./settings-frame.tsx";
import { useEndSession, useSessions } from "./settings-queries.ts";
import { WHOSE } from "./tokens-tab.tsx";

const METHODS = {
  link: "login link",
  password: "password",
  oidc: "login provider",
  setup: "setup link",
} as const;

/** Where one is logged in, for admins where anybody is; each can be ended. */
export function SessionsTab() {
  const isAdmin = useIsAdmin();
  const [whose, setWhose] = useState<(typeof WHOSE)[number]["value"]>("own");
  const sessions = useSessions(whose === "all");
  const list = sessions.data?.sessions ?? [];
  const nowMs = useNowMs() ?? 0;
  return (
    <Card
      title="Sessions"
      caption={sessions.data && formatCounted(list.length, "session")}
      actions={
        isAdmin === true && (
          <Segmented label="Whose sessions" choices={WHOSE} value={whose} onChange={setWhose} />
        )
      }
      isFlush
    >
      {sessions.isError && (
        <ErrorPart
          title="The sessions are missing"
          detail={sessions.error.message}
          onRetry={() => void sessions.refetch()}
        />
      )}
      {sessions.isPending && <Skeleton heightPx={120} />}
      {sessions.data !== undefined && list.length === 0 && (
        <EmptyState>You came with a token; nobody is logged in under your name.</EmptyState>
      )}
      {list.length > 0 && (
        <Table label="Sessions">
          <thead>
            <tr>
              {whose === "all" && <Th>User</Th>}
              <Th>Browser</Th>
              <Th>Address</Th>
              <Th className={styles.wideOnly}>Came by</Th>
              <Th className={styles.wideOnly}>Since</Th>
              <Th className={styles.wideOnly}>Last used</Th>
              <Th className={styles.wideOnly}>Ends in</Th>
              <Th>
                <span className="visually-hidden">Acts</span>
              </Th>
            </tr>
          </thead>
          <tbody>
            {list.map((session) => (
              <SessionRow
                key={session.id}
                session={session}
                nowMs={nowMs}
                withUser={whose === "all"}
              />
            ))}
          </tbody>
        </Table>
      )}
    </Card>
  );
}

function SessionRow({
  session,
  nowMs,
  withUser,
}: {
  readonly session: SessionState;
  readonly nowMs: number;
  readonly withUser: boolean;
}) {
  const end = useEndSession();
  const browser = session.agent || "unknown";
  return (
    <Tr>
      {withUser && <Td>{session.user}</Td>}
      <Td>
        <b className={styles.name} title={browser}>
          {browser}
        </b>{" "}
        {session.isCurrent && <Chip tone="accent">this one</Chip>}
      </Td>
      <Td>
        <code>{session.address}</code>
      </Td>
      <Td className={styles.wideOnly}>{METHODS[session.method]}</Td>
      <Td className={styles.wideOnly}>
        <RelativeTime atMs={session.createdAtMs} />
      </Td>
      <Td className={styles.wideOnly}>
        {session.isCurrent ? "now" : <RelativeTime atMs={session.lastSeenAtMs} />}
      </Td>
      <Td className={styles.wideOnly}>{formatTimeLeft(session.expiresAtMs, nowMs)}</Td>
      <Td isNumber>
        {end.isError ? (
          <span className={styles.fault}>{end.error.message}</span>
        ) : (
          <button
            type="button"
            className={styles.act}
            aria-label={`End the session of ${session.user} with ${browser} at ${session.address}`}
            aria-busy={end.isPending || undefined}
            onClick={() => end.mutate(session.id)}
          >
            {session.isCurrent ? "Log out" : "End"}
          </button>
        )}
      </Td>
    </Tr>
  );
}
