"use client";

import type { ObservedCall } from "@heddle/contracts";
import { X } from "lucide-react";
import { useState } from "react";
import { formatCount, formatCounted } from "../../../lib/numbers.ts";
import { formatWindow } from "../../../lib/times.ts";
import { Button, IconButton } from "../../../ui/button.tsx";
import { Card } from "../../../ui/card.tsx";
import { EmptyState } from "../../../ui/empty-state.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Segmented } from "../../../ui/segmented.tsx";
import { Select } from "../../../ui/select.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { StatusGlyph } from "../../../ui/status-glyph.tsx";
import { CALLER_WINDOWS, callerWindowOf } from "../mtls/caller-windows.ts";
import { useReadOnlyReasonOf } from "../use-read-only-reason-of.ts";
import { callerKey, type SeenTarget, seenTargets, wouldHaveDenied } from "./observed-targets.ts";
import { useObservedCalls, useSuggestion } from "./policy-queries.ts";
import { SuggestionReview } from "./suggestion-review.tsx";
import styles from "./traffic-review.module.css";

const MODES = [
  { value: "shadow", label: "In shadow first" },
  { value: "enforced", label: "Enforced at once" },
] as const;
const DETAILS = [
  { value: "callers", label: "Who calls" },
  { value: "operations", label: "Methods and paths too" },
] as const;

/** Least-privilege policies written from what was seen: choose whose, read them, apply them, in shadow by default. */
export function TrafficReview({
  namespace,
  onClose,
}: {
  readonly namespace: string | undefined;
  readonly onClose: () => void;
}) {
  const [windowValue, setWindow] = useState<string>("86400000");
  const window = callerWindowOf(windowValue);
  const observed = useObservedCalls(namespace, Number(window.value));
  return (
    <Card
      title="Policies from traffic"
      caption={namespace === undefined ? "the whole mesh" : `namespace ${namespace}`}
      actions={
        <>
          <Select
            label="Time looked back"
            caption="Seen in the last"
            choices={CALLER_WINDOWS}
            value={window.value}
            onChange={setWindow}
          />
          <IconButton size="toolbar" label="Close" icon={<X size={15} />} onClick={onClose} />
        </>
      }
    >
      {observed.isError && (
        <ErrorPart
          title="What was seen is missing"
          detail={observed.error.message}
          onRetry={() => void observed.refetch()}
        />
      )}
      {observed.isPending && <Skeleton heightPx={240} />}
      {observed.data !== undefined &&
        (observed.data.calls.length === 0 ? (
          <EmptyState>
            Nobody called anybody in the last {window.label}: there is nothing to write from.
          </EmptyState>
        ) : (
          <Review
            key={window.value}
            calls={observed.data.calls}
            windowMs={Number(window.value)}
            namespace={namespace}
            onClose={onClose}
          />
        ))}
    </Card>
  );
}

function Review({
  calls,
  windowMs,
  namespace,
  onClose,
}: {
  readonly calls: readonly ObservedCall[];
  readonly windowMs: number;
  readonly namespace: string | undefined;
  readonly onClose: () => void;
}) {
  const targets = seenTargets(calls);
  const windowLabel = formatWindow(windowMs);
  const [leftOut, setLeftOut] = useState<ReadonlySet<string>>(new Set());
  const [mode, setMode] = useState<(typeof MODES)[number]["value"]>("shadow");
  const [detail, setDetail] = useState<(typeof DETAILS)[number]["value"]>("callers");
  const [takesAddresses, setTakesAddresses] = useState(true);
  const readOnlyReason = useReadOnlyReasonOf()(namespace ?? "*");
  const chosen = targets.filter(({ id }) => !leftOut.has(id));
  const chosenCalls = chosen
    .flatMap((target) => target.calls)
    .filter(({ source }) => takesAddresses || source.workload !== undefined);
  const isShadow = mode === "shadow";
  const includesOperations = detail === "operations";
  const key = JSON.stringify([chosen.map(({ id }) => id), mode, detail, takesAddresses, windowMs]);
  const suggestion = useSuggestion(
    key,
    chosenCalls.length === 0
      ? undefined
      : { from: "traffic", calls: chosenCalls, includesOperations, isShadow },
  );
  const withoutIdentity = wouldHaveDenied(chosen);
  const denied = takesAddresses ? [] : withoutIdentity;
  const requests = denied.reduce((sum, call) => sum + call.requests, 0);
  return (
    <div className={styles.review}>
      <div className={styles.choices}>
        <Segmented label="How far" choices={DETAILS} value={detail} onChange={setDetail} />
        <Segmented label="Mode" choices={MODES} value={mode} onChange={setMode} />
        <span className={styles.quiet}>
          {formatCounted(chosen.length, "workload")} of {targets.length}
        </span>
        <Button
          size="toolbar"
          kind="ghost"
          onClick={() =>
            setLeftOut(leftOut.size === 0 ? new Set(targets.map(({ id }) => id)) : new Set())
          }
        >
          {leftOut.size === 0 ? "Leave all out" : "Take all in"}
        </Button>
      </div>
      <fieldset className={styles.targets}>
        <legend className="visually-hidden">Workloads that get a policy</legend>
        {targets.map((target) => (
          <Target
            key={target.id}
            target={target}
            isChosen={!leftOut.has(target.id)}
            onToggle={() => setLeftOut(toggled(leftOut, target.id))}
          />
        ))}
      </fieldset>
      {withoutIdentity.length > 0 && (
        <label className={styles.target}>
          <input
            type="checkbox"
            checked={takesAddresses}
            onChange={() => setTakesAddresses(!takesAddresses)}
          />
          Let callers without a sidecar in by their address
          <span className={styles.quiet}>{withoutIdentity.map(callerKey).join(", ")}</span>
        </label>
      )}
      <p className={styles.verdict} data-tone={requests > 0 ? "warn" : "ok"}>
        <StatusGlyph status={requests > 0 ? "degraded" : "healthy"} isBesideWord />
        {requests === 0
          ? `Of what was seen in the last ${windowLabel}, these policies would have denied nothing.`
          : `Of what was seen in the last ${windowLabel}, these policies would have denied ${formatCounted(requests, "request")}: ${denied.map(deniedInWords).join("; ")}. These callers have no identity.`}
      </p>
      {suggestion.isError && <ErrorPart title="No suggestion" detail={suggestion.error.message} />}
      {suggestion.isLoading && <Skeleton heightPx={200} />}
      {suggestion.data !== undefined && chosenCalls.length > 0 && (
        <SuggestionReview
          suggestion={suggestion.data}
          act={isShadow ? "Apply in shadow" : "Apply and enforce"}
          question={isShadow ? "Count what these policies would deny?" : "Enforce these policies?"}
          consequence={
            isShadow
              ? "Nothing is refused; what would be is counted under Denials."
              : "Whoever was not seen in this window is answered 403 from your click."
          }
          reason={`Policies from traffic, last ${windowLabel}`}
          command={
            takesAddresses
              ? commandOf(chosen, leftOut.size === 0, namespace, windowMs, {
                  includesOperations,
                  isShadow,
                })
              : undefined
          }
          isRisky={!isShadow}
          readOnlyReason={readOnlyReason}
          onApplied={onClose}
        />
      )}
    </div>
  );
}

function Target({
  target,
  isChosen,
  onToggle,
}: {
  readonly target: SeenTarget;
  readonly isChosen: boolean;
  readonly onToggle: () => void;
}) {
  const { id, name, calls, requests } = target;
  return (
    <label className={styles.target} title={calls.map(callerKey).join(", ")}>
      <input type="checkbox" checked={isChosen} onChange={onToggle} />
      <span className={styles.name} title={id}>
        {name}
      </span>
      <span className={styles.quiet}>
        {formatCounted(calls.length, "caller")}, {formatCount(requests)} requests
      </span>
    </label>
  );
}

function deniedInWords(call: ObservedCall): string {
  return `${formatCount(call.requests)} from ${callerKey(call)} to ${call.destination.workload}`;
}

function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** The line that writes the same; `undefined`: the command line has no words for this choice. */
function commandOf(
  chosen: readonly SeenTarget[],
  isAll: boolean,
  namespace: string | undefined,
  windowMs: number,
  options: { readonly includesOperations: boolean; readonly isShadow: boolean },
): string | undefined {
  const [only] = chosen;
  const single = chosen.length === 1 ? only?.calls[0]?.destination : undefined;
  if (!isAll && single === undefined) return undefined;
  const where = isAll
    ? namespace && `-n ${namespace}`
    : `-n ${single?.namespace} --workload ${single?.workload}`;
  return [
    "heddle policy suggest",
    ...(where ? [where] : []),
    `--window ${windowMs < 3_600_000 ? `${windowMs / 60_000}m` : `${windowMs / 3_600_000}h`}`,
    ...(options.includesOperations ? ["--operations"] : []),
    ...(options.isShadow ? [] : ["--enforce"]),
    "| heddle apply -f -",
  ].join(" ");
}
