"use client";

import type { ApiTokenState } from "@heddle/contracts";
import { KeyRound } from "lucide-react";
import { useState } from "react";
import { formatCounted } from "../../lib/numbers.ts";
import { useMe } from "../../lib/queries/use-me.ts";
import { formatTimeLeft } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { CodeLine } from "../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { RelativeTime } from "../../ui/relative-time.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import { GrantChips } from "./grant-chips.tsx";
import { OnceShown } from "./once-shown.tsx";
import styles from "./settings.module.css";
import { useIsAdmin } from "./settings-frame.tsx";
import { useApiTokens, useRevokeApiToken } from "./settings-queries.ts";
import { TokenForm } from "./token-form.tsx";

export const WHOSE = [
  { value: "own", label: "Mine" },
  { value: "all", label: "Everybody's" },
] as const;

/** Tokens for the CLI and scripts: one's own, for admins everybody's. */
export function TokensTab() {
  const me = useMe();
  const isAdmin = useIsAdmin();
  const [whose, setWhose] = useState<(typeof WHOSE)[number]["value"]>("own");
  const tokens = useApiTokens(whose === "all");
  const [isMaking, setIsMaking] = useState(false);
  const [secret, setSecret] = useState<string>();
  const [revoking, setRevoking] = useState<string>();
  const nowMs = useNowMs() ?? 0;
  const list = tokens.data?.tokens ?? [];
  return (
    <Card
      title="API tokens"
      caption={tokens.data && formatCounted(list.length, "token")}
      actions={
        <>
          {isAdmin === true && (
            <Segmented label="Whose tokens" choices={WHOSE} value={whose} onChange={setWhose} />
          )}
          <Button
            size="toolbar"
            kind="primary"
            icon={<KeyRound size={14} />}
            aria-expanded={isMaking}
            onClick={() => setIsMaking(!isMaking)}
          >
            Make a token
          </Button>
        </>
      }
      isFlush
    >
      {isMaking && me !== undefined && (
        <TokenForm
          me={me}
          onMade={(made) => {
            setSecret(made);
            setIsMaking(false);
          }}
          onClose={() => setIsMaking(false)}
        />
      )}
      {secret !== undefined && (
        <OnceShown
          title="Your new token"
          words="Keep it where the script finds it, as HEDDLE_API_TOKEN beside HEDDLE_API_URL. It is not shown again."
          secret={secret}
          copyLabel="Copy the token"
          onDone={() => setSecret(undefined)}
        />
      )}
      {tokens.isError && (
        <ErrorPart
          title="The tokens are missing"
          detail={tokens.error.message}
          onRetry={() => void tokens.refetch()}
        />
      )}
      {tokens.isPending && <Skeleton heightPx={120} />}
      {tokens.data !== undefined && list.length === 0 && !isMaking && (
        <EmptyState act={<CodeLine command="heddle api-token create ci --grant operator@shop" />}>
          No token yet. Scripts come in with one, with roles of its own and an end.
        </EmptyState>
      )}
      {list.length > 0 && (
        <Table label="API tokens">
          <thead>
            <tr>
              <Th>Token</Th>
              <Th>Roles</Th>
              {whose === "all" && <Th>Owner</Th>}
              <Th className={styles.wideOnly}>Made</Th>
              <Th className={styles.wideOnly}>Last used</Th>
              <Th>Ends in</Th>
              <Th>
                <span className="visually-hidden">Acts</span>
              </Th>
            </tr>
          </thead>
          <tbody>
            {list.map((token) => (
              <TokenRow
                key={token.id}
                token={token}
                nowMs={nowMs}
                withOwner={whose === "all"}
                isRevoking={revoking === token.id}
                onRevoke={setRevoking}
              />
            ))}
          </tbody>
        </Table>
      )}
    </Card>
  );
}

function TokenRow({
  token,
  nowMs,
  withOwner,
  isRevoking,
  onRevoke,
}: {
  readonly token: ApiTokenState;
  readonly nowMs: number;
  readonly withOwner: boolean;
  readonly isRevoking: boolean;
  readonly onRevoke: (id: string | undefined) => void;
}) {
  const revoke = useRevokeApiToken();
  const close = () => onRevoke(undefined);
  return (
    <>
      <Tr className={isRevoking ? styles.openRow : undefined}>
        <Td>
          <b className={styles.name}>{token.name}</b>
        </Td>
        <Td>
          <GrantChips grants={token.grants} />
        </Td>
        {withOwner && <Td>{token.owner}</Td>}
        <Td className={styles.wideOnly}>
          <RelativeTime atMs={token.createdAtMs} />
        </Td>
        <Td className={styles.wideOnly}>
          {token.lastUsedAtMs === undefined ? (
            <span className={styles.quiet}>never</span>
          ) : (
            <RelativeTime atMs={token.lastUsedAtMs} />
          )}
        </Td>
        <Td>{formatTimeLeft(token.expiresAtMs, nowMs)}</Td>
        <Td isNumber>
          <button
            type="button"
            className={styles.act}
            aria-expanded={isRevoking}
            aria-label={`Revoke ${token.name}`}
            onClick={() => onRevoke(isRevoking ? undefined : token.id)}
          >
            Revoke
          </button>
        </Td>
      </Tr>
      {isRevoking && (
        <tr>
          <td colSpan={withOwner ? 7 : 6} className={styles.cell}>
            <div className={styles.panel}>
              {revoke.isError && (
                <ErrorPart title="Nothing was revoked" detail={revoke.error.message} />
              )}
              <ConfirmInPlace
                question={`Revoke ${token.name}?`}
                act="Revoke the token"
                keep="Keep it"
                tone="bad"
                isPending={revoke.isPending}
                onAct={() => revoke.mutate(token.id, { onSuccess: close })}
                onKeep={close}
              >
                Whatever uses it is refused from this second on. It cannot be taken back; make a new
                one instead.
              </ConfirmInPlace>
            </div>
          </td>
        </tr>
      )}
    </>
  );
}
