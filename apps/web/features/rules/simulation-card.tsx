"use client";

import type { PreviewResponse, SimulatedOutcome } from "@heddle/contracts";
import { useState } from "react";
import { formatCount, formatCounted, formatShare } from "../../lib/numbers.ts";
import { formatClock, formatDuration, formatWindow } from "../../lib/times.ts";
import { Card } from "../../ui/card.tsx";
import { Table, Td, Th, Tr } from "../../ui/table.tsx";
import styles from "./preview-cards.module.css";

type Tone = "same" | "moved" | "bad" | "good" | "unknown";

const TONES: Readonly<Record<SimulatedOutcome["kind"], Tone>> = {
  same: "same",
  moved: "moved",
  rewritten: "moved",
  redirected: "moved",
  answered: "moved",
  delayed: "moved",
  denied: "bad",
  "not-found": "bad",
  fault: "bad",
  "timed-out": "bad",
  "no-endpoints": "bad",
  "rate-limited": "bad",
  "not-retried": "bad",
  recovered: "good",
  retried: "good",
  unknown: "unknown",
};

/** What the last minutes' sampled requests would have met under the draft. */
export function SimulationCard({
  preview,
  onWindow,
}: {
  readonly preview: PreviewResponse;
  /** Looks back an hour instead; absent: it does already. */
  readonly onWindow: (() => void) | undefined;
}) {
  const { simulation, limits } = preview;
  const [open, setOpen] = useState<string>();
  if (simulation === undefined) {
    return (
      <Card title="Simulation">
        <p className={styles.words}>{limits[0] ?? "The telemetry could not be read."}</p>
      </Card>
    );
  }
  const { outcomes, sampled, windowMs, isTruncated, missing } = simulation;
  const shown = outcomes.find((one) => keyOf(one) === open && one.examples.length > 0);
  return (
    <Card
      title="Simulation"
      caption={
        sampled === 0
          ? undefined
          : `${formatCounted(sampled, "sampled request")} of the last ${formatWindow(windowMs)}${isTruncated ? ", the newest" : ""}`
      }
    >
      {sampled === 0 ? (
        <p className={styles.words}>
          No request to what this touches was sampled in the last {formatWindow(windowMs)}, so there
          is nothing to try it on.
        </p>
      ) : (
        <>
          <div className={styles.bar} aria-hidden="true">
            {outcomes.map((one) => (
              <span key={keyOf(one)} data-tone={TONES[one.kind]} style={{ flexGrow: one.ratio }} />
            ))}
          </div>
          <ul className={styles.outcomes}>
            {outcomes.map((one) => (
              <li key={keyOf(one)}>
                <span className={styles.swatch} data-tone={TONES[one.kind]} aria-hidden="true" />
                {one.kind === "same" || one.examples.length === 0 ? (
                  <span>{one.text}</span>
                ) : (
                  <button
                    type="button"
                    className={styles.open}
                    aria-expanded={open === keyOf(one)}
                    onClick={() => setOpen(open === keyOf(one) ? undefined : keyOf(one))}
                  >
                    {one.text}
                  </button>
                )}
                <b>{formatCount(Math.round(one.sampled))}</b>
                <span className={styles.quiet}>{formatShare(one.ratio)}</span>
              </li>
            ))}
          </ul>
          {shown !== undefined && <Examples outcome={shown} />}
        </>
      )}
      {missing.length > 0 && (
        <p className={styles.words}>Not told by any span: {missing.join(", ")}.</p>
      )}
      {[...simulation.limits, ...limits].map((limit) => (
        <p key={limit} className={styles.words}>
          {limit}
        </p>
      ))}
      {onWindow !== undefined && (
        <button type="button" className={styles.open} onClick={onWindow}>
          Simulate an hour
        </button>
      )}
    </Card>
  );
}

function Examples({ outcome }: { readonly outcome: SimulatedOutcome }) {
  return (
    <div className={styles.examples}>
      <Table label={`Requests that ${outcome.text}`}>
        <thead>
          <tr>
            <Th>At</Th>
            <Th>Request</Th>
            <Th>From</Th>
            <Th>Went to</Th>
            <Th isNumber>Took</Th>
          </tr>
        </thead>
        <tbody>
          {outcome.examples.map((one, index) => (
            <Tr key={`${one.traceId} ${index}`}>
              <Td title={`trace ${one.traceId}`}>{formatClock(one.atMs)}</Td>
              <Td>
                <code className={styles.path} title={`${one.method} ${one.path}`}>
                  {one.method} {one.path}
                </code>
              </Td>
              <Td>{one.source}</Td>
              <Td>{one.wentTo}</Td>
              <Td isNumber>{formatDuration(one.durationMs)}</Td>
            </Tr>
          ))}
        </tbody>
      </Table>
    </div>
  );
}

function keyOf({ kind, text }: SimulatedOutcome): string {
  return `${kind} ${text}`;
}
