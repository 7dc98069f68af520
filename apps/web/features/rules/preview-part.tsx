"use client";

import { Card } from "../../ui/card.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { BlastCard } from "./blast-card.tsx";
import styles from "./preview-part.module.css";
import { RoutesCard } from "./routes-card.tsx";
import type { usePreview } from "./rule-queries.ts";
import { SimulationCard } from "./simulation-card.tsx";

/** What the draft would do: routes, blast radius, simulation. */
export function PreviewPart({
  preview,
  isBehind,
  file,
  onHour,
}: {
  readonly preview: ReturnType<typeof usePreview>;
  readonly isBehind: boolean;
  readonly file: string;
  readonly onHour: (() => void) | undefined;
}) {
  const { data } = preview;
  if (preview.isError) {
    return (
      <ErrorPart
        title="What it would do is not known"
        detail={preview.error.message}
        onRetry={() => void preview.refetch()}
      />
    );
  }
  if (data === undefined) {
    return (
      <div className={styles.cards}>
        <Card title="Routes, before and after">
          <Skeleton heightPx={120} />
        </Card>
        <Card title="Blast radius">
          <Skeleton heightPx={120} />
        </Card>
        <Card title="Simulation">
          <Skeleton heightPx={120} />
        </Card>
      </div>
    );
  }
  if (data.notes.some(({ level }) => level === "fault")) {
    return (
      <Card title="What it would do">
        <p className={styles.note}>It could not be applied as it is; mend the errors first.</p>
      </Card>
    );
  }
  return (
    <div className={styles.cards} data-behind={isBehind || undefined} aria-busy={isBehind}>
      <RoutesCard preview={data} />
      <BlastCard preview={data} file={file} />
      <SimulationCard preview={data} onWindow={onHour} />
    </div>
  );
}
