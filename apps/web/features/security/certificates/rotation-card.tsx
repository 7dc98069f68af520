"use client";

import type { IdentityResponse, RotationState } from "@heddle/contracts";
import Link from "next/link";
import { useEffect } from "react";
import { formatDay, formatMinute } from "../../../lib/times.ts";
import { Card } from "../../../ui/card.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { useUrlValue } from "../../session/use-url-value.ts";
import { useAdminReason } from "../use-admin-reason.ts";
import { useRotations } from "./identity-queries.ts";
import styles from "./rotation-card.module.css";
import { RotationProgress } from "./rotation-progress.tsx";
import { StartRotation } from "./start-rotation.tsx";

/** How one signing authority takes another's place: the rotation that runs, how to begin one, and those that were. */
export function RotationCard({
  identity,
  nowMs,
}: {
  readonly identity: IdentityResponse;
  readonly nowMs: number;
}) {
  const [act, setAct] = useUrlValue("act");
  const rotations = useRotations();
  const adminReason = useAdminReason();
  const current = rotations.data?.current ?? identity.rotation;
  const past = rotations.data?.past ?? [];
  const isStarting = act === "rotate" && current === undefined;
  const isBegun = act === "rotate" && current !== undefined;
  // What was asked for has begun: once it is done, the question must not stand there again.
  useEffect(() => {
    if (isBegun) setAct(undefined);
  }, [isBegun, setAct]);
  return (
    <Card title="Rotation" caption={current === undefined ? "none is under way" : current.words}>
      <div className={styles.parts}>
        {rotations.isError && (
          <ErrorPart
            title="The rotations are missing"
            detail={rotations.error.message}
            onRetry={() => void rotations.refetch()}
          />
        )}
        {isStarting && (
          <StartRotation trustDomain={identity.trustDomain} onClose={() => setAct(undefined)} />
        )}
        {current !== undefined && (
          <RotationProgress rotation={current} nowMs={nowMs} adminReason={adminReason} />
        )}
        {current === undefined && !isStarting && (
          <p className={styles.quiet}>
            {past.length === 0
              ? "Nothing has been rotated yet. Heddle does it by itself long before an authority ends; no proxy is restarted, no request is lost."
              : `Last: ${pastInWords(past[0])}.`}
          </p>
        )}
        {past.length > 1 && (
          <details className={styles.past}>
            <summary>{past.length} earlier rotations</summary>
            <ol>
              {past.map((rotation) => (
                <li key={rotation.id}>{pastInWords(rotation)}</li>
              ))}
            </ol>
            <Link href="/history">Changes of rules are in History</Link>
          </details>
        )}
      </div>
    </Card>
  );
}

function pastInWords(rotation: RotationState | undefined): string {
  if (rotation === undefined) return "";
  const { of, step, startedAtMs, startedBy, finishedAtMs, reason } = rotation;
  const end =
    finishedAtMs === undefined
      ? ""
      : `, ${step === "aborted" ? "taken back" : "done"} ${formatDay(finishedAtMs)}, ${formatMinute(finishedAtMs)}`;
  return `${of}, begun ${formatDay(startedAtMs)}, ${formatMinute(startedAtMs)} by ${startedBy}${reason ? ` (${reason})` : ""}${end}`;
}
