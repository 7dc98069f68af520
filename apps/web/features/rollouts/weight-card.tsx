"use client";

import type { Canary } from "@heddle/contracts";
import { useId, useState } from "react";
import { formatShare, UNIT_SPACE } from "../../lib/numbers.ts";
import { formatDuration } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { useToast } from "../../ui/toast.tsx";
import { useSetWeight } from "./use-canary-change.ts";
import styles from "./weight-card.module.css";
import { weightEffect } from "./weight-effect.ts";

/** A draft of another split: the slider says what would happen, the button makes it so. */
export function WeightCard({
  canary,
  totalPerSecond,
  readOnlyReason,
}: {
  readonly canary: Canary;
  /** What both versions receive together; `undefined`: not known. */
  readonly totalPerSecond: number | undefined;
  readonly readOnlyReason: string | undefined;
}) {
  const configured = Math.round(canary.canary.share * 100);
  const [draft, setDraft] = useState<number>();
  const setWeight = useSetWeight(canary);
  const toast = useToast();
  const id = useId();
  const version = canary.canary.subset;
  const percent = draft ?? configured;

  const apply = (canaryPercent: number, click?: Event): void => {
    setWeight.mutate(
      { canaryPercent, ...(click === undefined ? {} : { click }) },
      {
        onSuccess: (done) => {
          setDraft(undefined);
          const acked =
            done.ackedAfterMs === undefined
              ? ""
              : ` in ${formatDuration(Math.round(done.ackedAfterMs))}`;
          toast({
            text: `${version} gets ${formatShare(canaryPercent / 100)} on ${done.proxiesAcked} of ${done.proxiesTotal} proxies${acked}.`,
            act: { label: "Undo", run: () => apply(Math.round(done.previousCanaryPercent)) },
          });
        },
      },
    );
  };

  return (
    <Card title={`Share of ${version}`}>
      <div className={styles.slider}>
        <input
          id={id}
          type="range"
          min={0}
          max={100}
          value={percent}
          aria-label={`Share of ${version}`}
          aria-valuetext={`${percent} percent`}
          aria-describedby={`${id}-effect`}
          style={{ ["--part" as string]: `${percent}%` }}
          onChange={(event) => setDraft(Number(event.target.value))}
        />
        <span className={styles.number}>
          <input
            type="number"
            min={0}
            max={100}
            value={percent}
            aria-label={`Share of ${version} in percent`}
            onChange={(event) => setDraft(clampPercent(event.target.value, configured))}
          />
          <span aria-hidden="true">{UNIT_SPACE}%</span>
        </span>
      </div>
      <p id={`${id}-effect`} className={styles.effect}>
        {weightEffect({ canary, percent, totalPerSecond })}
      </p>
      {setWeight.isError && (
        <ErrorPart title="The share was not changed" detail={setWeight.error.message} />
      )}
      <div className={styles.acts}>
        <Button
          kind={draft === undefined || draft === configured ? "secondary" : "primary"}
          isWide
          isPending={setWeight.isPending}
          disabledReason={
            readOnlyReason ??
            (percent === configured
              ? `${version} gets ${formatPercent(configured)} already; move the slider first.`
              : undefined)
          }
          onClick={(event) => apply(percent, event.nativeEvent)}
        >
          Send {formatPercent(percent)} to {version}
        </Button>
        {draft !== undefined && draft !== configured && (
          <Button kind="ghost" onClick={() => setDraft(undefined)}>
            Keep {formatPercent(configured)}
          </Button>
        )}
      </div>
    </Card>
  );
}

function formatPercent(percent: number): string {
  return `${percent}${UNIT_SPACE}%`;
}

function clampPercent(text: string, fallback: number): number {
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? fallback : Math.min(100, Math.max(0, value));
}
