"use client";

import type { Canary, CanaryChangeResponse } from "@heddle/contracts";
import { Redo2, Undo2 } from "lucide-react";
import { useEffect, useState } from "react";
import { formatRate, formatShare } from "../../lib/numbers.ts";
import { formatDuration } from "../../lib/times.ts";
import { Button, ButtonLink } from "../../ui/button.tsx";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { useToast } from "../../ui/toast.tsx";
import { useUrlValue } from "../session/use-url-value.ts";
import styles from "./rollback-card.module.css";
import { rollbackFigure, rollbackSteps } from "./rollback-steps.ts";
import { useRollback, useRollbackOutcome, useSetWeight } from "./use-canary-change.ts";

/** The way back, always in the same place: the button, its question, and what it did in milliseconds. */
export function RollbackCard({
  canary,
  canaryPerSecond,
  readOnlyReason,
}: {
  readonly canary: Canary;
  /** What goes to the canary now; `undefined`: not known. */
  readonly canaryPerSecond: number | undefined;
  readonly readOnlyReason: string | undefined;
}) {
  const [isAsking, setIsAsking] = useAskingByLink("rollback");
  const outcome = useRollbackOutcome(canary);
  const rollback = useRollback(canary);
  const { stable, canary: judged } = canary;
  const disabledReason = readOnlyReason ?? idleReason(canary);

  if (outcome !== undefined) return <RolledBack canary={canary} outcome={outcome} />;
  return (
    <section className={styles.place} aria-label="Roll back">
      {rollback.isError && (
        <ErrorPart title={`${judged.subset} was not rolled back`} detail={rollback.error.message} />
      )}
      {(isAsking && disabledReason === undefined) || rollback.isPending ? (
        <ConfirmInPlace
          question={`Send all ${canary.service} traffic back to ${stable.subset}?`}
          act={`Roll back to ${stable.subset}`}
          actIcon={<Undo2 size={16} />}
          keep="Keep going"
          tone="bad"
          isPending={rollback.isPending}
          onAct={(event) =>
            rollback.mutate(event.nativeEvent, { onSettled: () => setIsAsking(false) })
          }
          onKeep={() => setIsAsking(false)}
        >
          {effectInWords(canary, canaryPerSecond)}
        </ConfirmInPlace>
      ) : (
        <Button
          kind="danger"
          size="large"
          isWide
          icon={<Undo2 size={16} />}
          disabledReason={disabledReason}
          onClick={() => setIsAsking(true)}
        >
          Roll back {judged.subset}
        </Button>
      )}
    </section>
  );
}

/** True while the question stands: a click opens it, and so does a link here with `?act=`, once. */
function useAskingByLink(act: string) {
  const [isAsking, setIsAsking] = useState(false);
  const [linkedAct, setLinkedAct] = useUrlValue("act");
  useEffect(() => {
    if (linkedAct !== act) return;
    setIsAsking(true);
    setLinkedAct(undefined); // whoever reloads or shares the page has not asked again
  }, [act, linkedAct, setLinkedAct]);
  return [isAsking, setIsAsking] as const;
}

function RolledBack({
  canary,
  outcome,
}: {
  readonly canary: Canary;
  readonly outcome: CanaryChangeResponse;
}) {
  const version = canary.canary.subset;
  const figure = rollbackFigure(outcome, version);
  return (
    <section className={styles.done} aria-label="Rolled back" aria-live="polite">
      <p className={styles.headline}>
        {figure.text !== undefined && (
          <strong className={styles.figure} data-figure="rollback">
            {figure.text}
          </strong>
        )}
        <span>{figure.caption}</span>
      </p>
      <RollbackLine outcome={outcome} version={version} />
      <div className={styles.acts}>
        <UndoButton canary={canary} percent={outcome.previousCanaryPercent} />
        <ButtonLink href={`/history/${outcome.revision}`} isWide>
          See the effect
        </ButtonLink>
      </div>
    </section>
  );
}

function RollbackLine({
  outcome,
  version,
}: {
  readonly outcome: CanaryChangeResponse;
  readonly version: string;
}) {
  const steps = rollbackSteps(outcome, version);
  return (
    <ol className={styles.steps} aria-label="From the click">
      {steps.map((step, index) => (
        <li
          key={step.text}
          className={styles.step}
          data-edge={index === 0 ? "first" : step.place > 0.95 ? "last" : "middle"}
          style={{ left: `${(step.place * 100).toFixed(2)}%` }}
        >
          <span className={styles.dot} aria-hidden="true" />
          <b>{formatDuration(Math.round(step.atMs))}</b>
          <span>{step.text}</span>
        </li>
      ))}
    </ol>
  );
}

function UndoButton({ canary, percent }: { readonly canary: Canary; readonly percent: number }) {
  const setWeight = useSetWeight(canary);
  const toast = useToast();
  const version = canary.canary.subset;
  const share = formatShare(percent / 100);
  return (
    <Button
      isWide
      icon={<Redo2 size={15} />}
      isPending={setWeight.isPending}
      onClick={(event) =>
        setWeight.mutate(
          { canaryPercent: Math.round(percent), click: event.nativeEvent },
          {
            onSuccess: () => toast({ text: `${version} gets ${share} again.` }),
            onError: (error) => toast({ text: error.message, tone: "bad" }),
          },
        )
      }
    >
      Undo, {version} to {share}
    </Button>
  );
}

function effectInWords(canary: Canary, canaryPerSecond: number | undefined): string {
  const { stable, canary: judged } = canary;
  const now =
    canaryPerSecond === undefined
      ? `How much goes to ${judged.subset} now is not known`
      : `${formatRate(canaryPerSecond)} go to ${judged.subset} now`;
  return `${now}; from your click they go to ${stable.subset}. Requests in flight may finish. ${judged.subset} keeps running, and Undo gives it ${formatShare(judged.share)} again.`;
}

function idleReason({ canary, stable }: Canary): string | undefined {
  return canary.weight === 0 ? `${stable.subset} serves all traffic already.` : undefined;
}
