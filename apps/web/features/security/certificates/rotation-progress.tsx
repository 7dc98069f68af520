"use client";

import type { RotationState } from "@heddle/contracts";
import { Pause, Play, SkipForward, Undo2 } from "lucide-react";
import { useState } from "react";
import { formatCounted } from "../../../lib/numbers.ts";
import { formatClock, formatTimeLeft } from "../../../lib/times.ts";
import { Button } from "../../../ui/button.tsx";
import { CodeLine } from "../../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import { useRotationAct } from "./identity-queries.ts";
import styles from "./rotation-progress.module.css";
import { stepPlace, stepWords } from "./rotation-steps.ts";

/** One rotation on its way: its steps, how many proxies are done with this one, who is waited for, and the acts. */
export function RotationProgress({
  rotation,
  nowMs,
  adminReason,
}: {
  readonly rotation: RotationState;
  readonly nowMs: number;
  readonly adminReason: string | undefined;
}) {
  const { steps, proxiesDone, proxiesTotal, stepSinceMs, isPaused, step } = rotation;
  const share = proxiesTotal === 0 ? 1 : proxiesDone / proxiesTotal;
  return (
    <div className={styles.rotation}>
      <ol className={styles.steps} aria-label="Steps">
        {steps.map((one) => {
          const place = stepPlace(steps, step, one);
          return (
            <li
              key={one}
              className={styles.step}
              data-place={place}
              aria-current={place === "now" ? "step" : undefined}
            >
              <StatusGlyph
                status={place === "done" ? "healthy" : place === "now" ? "unknown" : "idle"}
                isBesideWord
              />
              <span>
                <b>{stepWords(one).name}</b>
                <span className={styles.words}>{stepWords(one).words}</span>
              </span>
            </li>
          );
        })}
      </ol>
      <div className={styles.progress}>
        <span>
          <b>
            {proxiesDone} of {formatCounted(proxiesTotal, "proxy", "proxies")}
          </b>{" "}
          {isPaused && "paused, "}since {formatClock(stepSinceMs)}, begun by {rotation.startedBy}
        </span>
        <span
          className={styles.track}
          role="progressbar"
          aria-label="Proxies done with this step"
          aria-valuemin={0}
          aria-valuemax={proxiesTotal}
          aria-valuenow={proxiesDone}
        >
          <span className={styles.fill} style={{ width: `${share * 100}%` }} />
        </span>
      </div>
      {rotation.waiting.length > 0 && <Waiting rotation={rotation} nowMs={nowMs} />}
      <Acts rotation={rotation} adminReason={adminReason} />
      <CodeLine command="heddle ca status" />
    </div>
  );
}

const MOST_WAITERS = 12;

function Waiting({
  rotation,
  nowMs,
}: {
  readonly rotation: RotationState;
  readonly nowMs: number;
}) {
  const rest = rotation.waiting.length - MOST_WAITERS;
  return (
    <ul className={styles.waiting} aria-label="Who is waited for">
      {rotation.waiting.slice(0, MOST_WAITERS).map(({ proxyId, name, connected, why, untilMs }) => (
        <li key={proxyId}>
          <StatusGlyph status={connected ? "unknown" : "degraded"} isBesideWord />
          <span>
            <b title={proxyId}>{name}</b> {why}
            {untilMs !== undefined && (
              <span className={styles.words}>
                {" "}
                The rotation goes on without it when its certificate ends (
                {formatTimeLeft(untilMs, nowMs)}).
              </span>
            )}
          </span>
        </li>
      ))}
      {rest > 0 && <li>and {rest} more</li>}
    </ul>
  );
}

function Acts({
  rotation,
  adminReason,
}: {
  readonly rotation: RotationState;
  readonly adminReason: string | undefined;
}) {
  const act = useRotationAct();
  const [asking, setAsking] = useState<"force" | "abort">();
  const { isPaused, isReady, isStepwise, canAbort, waiting } = rotation;
  const done = { onSettled: () => setAsking(undefined) };
  if (asking === "force") {
    return (
      <ConfirmInPlace
        question={`Go on without ${formatCounted(waiting.length, "proxy", "proxies")}?`}
        act="Go on without them"
        keep="Wait for them"
        tone="bad"
        isPending={act.isPending}
        onAct={() => act.mutate({ kind: "advance", force: true }, done)}
        onKeep={() => setAsking(undefined)}
      >
        They may no longer be believed by others when they come back, and have to join again with a
        token.
      </ConfirmInPlace>
    );
  }
  if (asking === "abort") {
    return (
      <ConfirmInPlace
        question="Take the rotation back?"
        act="Take it back"
        actIcon={<Undo2 size={15} />}
        keep="Let it go on"
        tone="accent"
        isPending={act.isPending}
        onAct={() => act.mutate({ kind: "abort" }, done)}
        onKeep={() => setAsking(undefined)}
      >
        The old authority signs again and everybody renews from it. No request is lost.
      </ConfirmInPlace>
    );
  }
  const mayAdvance = (isStepwise || isPaused) && isReady;
  return (
    <>
      {act.isError && <ErrorPart title="The rotation was not changed" detail={act.error.message} />}
      <div className={styles.acts}>
        {mayAdvance && (
          <Button
            kind="primary"
            icon={<SkipForward size={15} />}
            disabledReason={adminReason}
            isPending={act.isPending}
            onClick={() => act.mutate({ kind: "advance", force: false })}
          >
            Take the next step
          </Button>
        )}
        <Button
          icon={isPaused ? <Play size={15} /> : <Pause size={15} />}
          disabledReason={adminReason}
          isPending={act.isPending}
          onClick={() => act.mutate({ kind: isPaused ? "resume" : "pause" })}
        >
          {isPaused ? "Let it go on" : "Pause it"}
        </Button>
        {waiting.length > 0 && (
          <Button
            kind="ghost"
            icon={<SkipForward size={15} />}
            disabledReason={adminReason}
            onClick={() => setAsking("force")}
          >
            Go on without them
          </Button>
        )}
        <Button
          kind="ghost"
          icon={<Undo2 size={15} />}
          disabledReason={
            adminReason ?? (canAbort ? undefined : "The old authority is on its way out already.")
          }
          onClick={() => setAsking("abort")}
        >
          Take it back
        </Button>
      </div>
    </>
  );
}
