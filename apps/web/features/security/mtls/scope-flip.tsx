"use client";

import type { LadderResponse, LadderScope, MtlsGuard, MtlsScope } from "@heddle/contracts";
import { Lock as LockIcon, LockOpen, X } from "lucide-react";
import Link from "next/link";
import { useState } from "react";
import { formatCounted } from "../../../lib/numbers.ts";
import { Button, IconButton } from "../../../ui/button.tsx";
import { Card } from "../../../ui/card.tsx";
import { CodeLine } from "../../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Select } from "../../../ui/select.tsx";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import { type Guard, scopeInWords, setCommand, setRequest, USUAL_GUARD } from "./flip-choice.ts";
import { guardForecast, rateOf } from "./flip-words.ts";
import { GuardCard } from "./guard-card.tsx";
import { GuardSelect } from "./guard-select.tsx";
import styles from "./scope-flip.module.css";
import { useSetMtls } from "./use-set-mtls.ts";

/** The last rung: STRICT for a whole namespace or the mesh, what is in its way, and the guarded flip. */
export function ScopeFlip({
  ladder,
  guards,
  chosen,
  readOnlyReason,
  onChoose,
}: {
  readonly ladder: LadderResponse;
  readonly guards: readonly MtlsGuard[];
  /** `mesh` or a namespace's name. */
  readonly chosen: string;
  readonly readOnlyReason: string | undefined;
  /** `undefined`: closes it. */
  readonly onChoose: (scope: string | undefined) => void;
}) {
  const known = ladder.scopes.map((one) => ({
    value: keyOf(one.scope),
    label: titleOf(one.scope),
  }));
  const shown = ladder.scopes.find(({ scope }) => keyOf(scope) === chosen) ?? ladder.scopes[0];
  if (shown === undefined) return null;
  const guard = guards.find(({ scope }) => keyOf(scope) === keyOf(shown.scope));
  return (
    <Card
      title="Strict for all"
      caption={shown.policy === undefined ? "no policy of its own yet" : `by ${shown.policy}`}
      actions={
        <>
          <Select
            label="Reach"
            choices={known}
            value={keyOf(shown.scope)}
            onChange={(value) => onChoose(value)}
          />
          <IconButton
            size="toolbar"
            label="Close"
            icon={<X size={15} />}
            onClick={() => onChoose(undefined)}
          />
        </>
      }
    >
      <div className={styles.parts}>
        {guard !== undefined && <GuardCard guard={guard} readOnlyReason={readOnlyReason} />}
        <InTheWay scope={shown} />
        <Flip
          key={keyOf(shown.scope)}
          shown={shown}
          requestsPerSecond={rateWithin(ladder, shown.scope)}
          readOnlyReason={readOnlyReason}
        />
      </div>
    </Card>
  );
}

function InTheWay({ scope }: { readonly scope: LadderScope }) {
  const { workloads, workloadsToGo, callersInTheWay, weakerPolicies, next } = scope;
  return (
    <div>
      <p>
        <b>
          {workloadsToGo === 0
            ? `All ${formatCounted(workloads, "workload")} take mTLS only.`
            : `${formatCounted(workloadsToGo, "workload")} of ${workloads} still ${workloadsToGo === 1 ? "takes" : "take"} plaintext, ${callersInTheWay === 0 ? "no caller is" : formatCounted(callersInTheWay, "caller is", "callers are")} in the way.`}
        </b>{" "}
        {next.words}
      </p>
      {weakerPolicies.length > 0 && (
        <p className={styles.quiet}>
          Weaker policies below it stay in force:{" "}
          {weakerPolicies.map((policy, index) => (
            <span key={policy}>
              {index > 0 && ", "}
              <Link href={`/history?q=${encodeURIComponent(policy.split("/")[1] ?? policy)}`}>
                {policy}
              </Link>
            </span>
          ))}
        </p>
      )}
    </div>
  );
}

function Flip({
  shown,
  requestsPerSecond,
  readOnlyReason,
}: {
  readonly shown: LadderScope;
  readonly requestsPerSecond: number;
  readonly readOnlyReason: string | undefined;
}) {
  const { scope, mode = "PERMISSIVE" } = shown;
  const [guard, setGuard] = useState<Guard | undefined>(USUAL_GUARD);
  const [isAsking, setIsAsking] = useState(false);
  const setMtls = useSetMtls(scope);
  const isStrict = mode === "STRICT";
  const choice = isStrict ? "permissive" : "strict";
  const name = scopeInWords(scope);
  const hasCallers = shown.callersInTheWay > 0;
  const act = () =>
    setMtls.mutate(
      {
        request: setRequest(choice, guard),
        undo: { mode, source: "console" },
      },
      { onSettled: () => setIsAsking(false) },
    );
  if (isAsking || (setMtls.isPending && !isStrict)) {
    return (
      <ConfirmInPlace
        question={`Refuse all plaintext to ${name}?`}
        act={`Refuse plaintext to ${name}`}
        actIcon={<LockIcon size={15} />}
        keep={`Keep ${mode}`}
        tone={hasCallers ? "bad" : "accent"}
        isPending={setMtls.isPending}
        onAct={act}
        onKeep={() => setIsAsking(false)}
      >
        {formatCounted(shown.workloads, "workload")} {shown.workloads === 1 ? "takes" : "take"} mTLS
        only, and so does each one that joins later.{" "}
        {hasCallers
          ? `${formatCounted(shown.callersInTheWay, "caller")} would be refused. `
          : "Nobody seen in the window would be refused. "}
        One click takes it back.
      </ConfirmInPlace>
    );
  }
  return (
    <>
      {setMtls.isError && (
        <ErrorPart title={`${name} was not changed`} detail={setMtls.error.message} />
      )}
      <div className={styles.flip}>
        {!isStrict && (
          <>
            <GuardSelect guard={guard} onChange={setGuard} />
            <span className={styles.forecast}>
              <StatusGlyph status={hasCallers ? "degraded" : "healthy"} isBesideWord />
              {hasCallers
                ? guard === undefined
                  ? "Without a guard STRICT stays until somebody takes it back."
                  : guardForecast(guard, requestsPerSecond)
                : "Nobody seen in the window would be refused."}
            </span>
          </>
        )}
        <Button
          kind={isStrict ? "secondary" : "primary"}
          size="large"
          icon={isStrict ? <LockOpen size={15} /> : <LockIcon size={15} />}
          disabledReason={readOnlyReason}
          isPending={setMtls.isPending}
          onClick={() => (isStrict ? act() : setIsAsking(true))}
        >
          {isStrict
            ? `Set ${name} PERMISSIVE`
            : `Set ${name} STRICT${guard === undefined ? "" : ", guarded"}`}
        </Button>
      </div>
      <CodeLine command={setCommand(scope, choice, guard)} />
    </>
  );
}

function keyOf(scope: MtlsScope): string {
  return scope.kind === "mesh" ? "mesh" : scope.namespace;
}

function titleOf(scope: MtlsScope): string {
  return scope.kind === "mesh" ? "The whole mesh" : `Namespace ${keyOf(scope)}`;
}

function rateWithin({ workloads }: LadderResponse, scope: MtlsScope): number {
  const within = workloads.filter(
    (one) => scope.kind === "mesh" || one.namespace === scope.namespace,
  );
  return rateOf(within.flatMap(({ callersInTheWay }) => callersInTheWay));
}
