"use client";

import type { Bypass, BypassTarget, GraphNode } from "@heddle/contracts";
import { Unplug } from "lucide-react";
import { useState } from "react";
import { useReadOnlyReason } from "../../lib/queries/use-me.ts";
import { formatMinute, formatRoughDuration, formatStamp } from "../../lib/times.ts";
import { Button } from "../../ui/button.tsx";
import { useNowMs } from "../../ui/clock.ts";
import { ConfirmInPlace } from "../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { Select } from "../../ui/select.tsx";
import { PanelSection } from "../../ui/side-panel.tsx";
import { StatusGlyph } from "../../ui/status-glyph.tsx";
import { useAdminReason } from "../security/use-admin-reason.ts";
import styles from "./bypass-section.module.css";
import { bypassTargetOf, isSameTarget } from "./bypass-target.ts";
import { useBypass, useBypasses, useEndBypass } from "./use-bypasses.ts";

const TIMES = [
  { value: "300000", label: "5 min" },
  { value: "1800000", label: "30 min" },
  { value: "7200000", label: "2 h" },
  { value: "28800000", label: "8 h" },
] as const;

/** For the night when the mesh itself is the suspect: takes a pair or a workload off its rules, with a timer. */
export function BypassSection({
  node,
  caller,
}: {
  readonly node: GraphNode | undefined;
  /** Of an edge; absent: all of the node's workload. */
  readonly caller?: GraphNode | undefined;
}) {
  const bypasses = useBypasses();
  const target = bypassTargetOf(node, caller);
  // Keyed by what it is about, so that a question about one is not answered about another.
  if (target === undefined || bypasses.data === undefined) return null;
  const active = bypasses.data.bypasses.find(
    (one) => one.isActive && isSameTarget(one.target, target),
  );
  return (
    <PanelSection title="Bypass">
      {active === undefined ? (
        <Offer key={JSON.stringify(target)} target={target} />
      ) : (
        <Active bypass={active} />
      )}
    </PanelSection>
  );
}

function namespaceOf(target: BypassTarget): string {
  return target.kind === "pair" ? target.source.namespace : target.namespace;
}

function Active({ bypass }: { readonly bypass: Bypass }) {
  const nowMs = useNowMs() ?? 0;
  const end = useEndBypass();
  const readOnlyReason = useReadOnlyReason(namespaceOf(bypass.target));
  return (
    <div className={styles.active}>
      <p>
        <StatusGlyph status="degraded" isBesideWord />{" "}
        <b title={formatStamp(bypass.untilMs)}>
          Off the rules until {formatMinute(bypass.untilMs)}
        </b>
        , {formatRoughDuration(bypass.untilMs - nowMs)} left
      </p>
      <Facts title="Lifted" facts={bypass.lifts} />
      <Facts title="Stays" facts={bypass.keeps} />
      <Button
        size="toolbar"
        disabledReason={readOnlyReason}
        isPending={end.isPending}
        onClick={() => end.mutate(bypass)}
      >
        Put it back on the rules
      </Button>
    </div>
  );
}

function Facts({ title, facts }: { readonly title: string; readonly facts: readonly string[] }) {
  if (facts.length === 0) return null;
  return (
    <div className={styles.words}>
      <h4 className={styles.title}>{title}</h4>
      <ul>
        {facts.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
    </div>
  );
}

function Offer({ target }: { readonly target: BypassTarget }) {
  const [isAsking, setIsAsking] = useState(false);
  const [forMs, setForMs] = useState<(typeof TIMES)[number]["value"]>("1800000");
  const [reason, setReason] = useState("");
  const [withAuthorization, setWithAuthorization] = useState(false);
  const bypass = useBypass();
  const readOnlyReason = useReadOnlyReason(namespaceOf(target));
  const adminReason = useAdminReason();
  const wanted: BypassTarget =
    target.kind === "workload" && withAuthorization
      ? { ...target, includeAuthorization: true }
      : target;
  if (!isAsking) {
    return (
      <Button
        size="toolbar"
        icon={<Unplug size={14} />}
        disabledReason={readOnlyReason}
        onClick={() => setIsAsking(true)}
      >
        Take it off the rules
      </Button>
    );
  }
  return (
    <>
      {bypass.isError && <ErrorPart title="The rules hold on" detail={bypass.error.message} />}
      <ConfirmInPlace
        question={
          target.kind === "pair"
            ? `Send the calls of ${target.source.workload ?? target.source.service ?? "the caller"} straight to ${target.destination.service}?`
            : `Take ${target.workload} off the mesh's rules?`
        }
        act="Take it off"
        actIcon={<Unplug size={16} />}
        keep="Keep the rules"
        tone="bad"
        isPending={bypass.isPending}
        onAct={() =>
          bypass.mutate(
            { target: wanted, forMs: Number(forMs), reason },
            { onSuccess: () => setIsAsking(false) },
          )
        }
        onKeep={() => setIsAsking(false)}
      >
        <p>
          Routes, splits, retries, timeouts, breakers, limits, filters and faults are lifted.
          Identity, mTLS and authorization stay{target.kind === "workload" && ", if not said below"}
          . It ends by itself, also when nothing but the proxies lives.
        </p>
        <div className={styles.fields}>
          <Select
            label="For how long"
            caption="For"
            choices={TIMES}
            value={forMs}
            onChange={setForMs}
          />
          <label className={styles.why}>
            Why
            <input
              value={reason}
              maxLength={2000}
              placeholder="optional; stays with the revision"
              onChange={(event) => setReason(event.target.value)}
            />
          </label>
          {target.kind === "workload" && (
            <label className={styles.check} title={adminReason}>
              <input
                type="checkbox"
                checked={withAuthorization}
                disabled={adminReason !== undefined}
                onChange={(event) => setWithAuthorization(event.target.checked)}
              />
              <span>
                Also let in whom authorization refuses
                {adminReason !== undefined && " (an admin of the whole mesh may)"}
              </span>
            </label>
          )}
        </div>
      </ConfirmInPlace>
    </>
  );
}
