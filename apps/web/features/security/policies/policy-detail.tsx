"use client";

import { Eye, ShieldCheck } from "lucide-react";
import Link from "next/link";
import { useState } from "react";
import { formatCounted } from "../../../lib/numbers.ts";
import { Button } from "../../../ui/button.tsx";
import { CodeLine } from "../../../ui/code-line.tsx";
import { ConfirmInPlace } from "../../../ui/confirm-in-place.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { useReadOnlyReasonOf } from "../use-read-only-reason-of.ts";
import styles from "./policy-detail.module.css";
import { useSetShadow } from "./policy-queries.ts";
import type { PolicyRow } from "./policy-rows.ts";

/** One policy opened: its rules in words, its workloads, where it was changed, and whether it is enforced. */
export function PolicyDetail({
  row,
  windowLabel,
}: {
  readonly row: PolicyRow;
  readonly windowLabel: string;
}) {
  const { policy, words } = row;
  const { kind, namespace, name, workloads, tokens } = policy;
  return (
    <div className={styles.detail}>
      <div className={styles.parts}>
        <section>
          <h3>Rules</h3>
          <ol className={styles.rules}>
            {words.map((sentence, index) => (
              <li key={`${index} ${sentence}`}>
                <span className={styles.number}>{index}</span> {sentence}.
              </li>
            ))}
          </ol>
          {tokens?.map(({ issuer, keysFrom, jwksUri, places }) => (
            <p key={issuer} className={styles.quiet}>
              {issuer}: keys {keysInWords(keysFrom, jwksUri)}; looked for in{" "}
              {places.length === 0 ? "Authorization: Bearer and access_token" : places.join(", ")}.
            </p>
          ))}
        </section>
        <section>
          <h3>Workloads</h3>
          {workloads.length === 0 ? (
            <p className={styles.quiet}>Nobody here yet.</p>
          ) : (
            <p className={styles.workloads}>{workloads.join(", ")}</p>
          )}
          <p className={styles.links}>
            <Link href={`/history?q=${encodeURIComponent(name)}`}>Changes of {name}</Link>
            <Link href={`/security/denials?policy=${encodeURIComponent(`${namespace}/${name}`)}`}>
              What it denied
            </Link>
          </p>
        </section>
      </div>
      {policy.authorization !== undefined && policy.authorization.action !== "AUDIT" && (
        <ShadowSwitch row={row} windowLabel={windowLabel} />
      )}
      <CodeLine command={`heddle get ${kind} ${name} -n ${namespace}`} />
    </div>
  );
}

function keysInWords(from: "document" | "url" | "discovery", uri: string | undefined): string {
  if (from === "document") return "in the document";
  return from === "url" ? `from ${uri}` : "found by discovery from the issuer";
}

function ShadowSwitch({
  row,
  windowLabel,
}: {
  readonly row: PolicyRow;
  readonly windowLabel: string;
}) {
  const { namespace, name, authorization } = row.policy;
  const [isAsking, setIsAsking] = useState(false);
  const setShadow = useSetShadow(namespace, name);
  const readOnlyReason = useReadOnlyReasonOf()(namespace);
  const isShadow = authorization?.isShadow === true;
  const counted = isShadow
    ? `It would have denied ${formatCounted(row.wouldDeny, "request")} in the last ${windowLabel}.`
    : `It denied ${formatCounted(row.denied, "request")} in the last ${windowLabel}.`;
  if (isAsking || setShadow.isPending) {
    return (
      <ConfirmInPlace
        question={isShadow ? `Enforce ${name}?` : `Let ${name} only count?`}
        act={isShadow ? `Enforce ${name}` : `Count only`}
        keep={isShadow ? "Keep counting" : "Keep it enforced"}
        tone={row.wouldDeny > 0 || !isShadow ? "bad" : "accent"}
        isPending={setShadow.isPending}
        onAct={() => setShadow.mutate(!isShadow, { onSettled: () => setIsAsking(false) })}
        onKeep={() => setIsAsking(false)}
      >
        {counted}{" "}
        {isShadow
          ? "From your click such requests are answered 403."
          : "From your click such requests pass, as if it were not there; they are still counted."}
      </ConfirmInPlace>
    );
  }
  return (
    <>
      {setShadow.isError && (
        <ErrorPart title={`${name} was not changed`} detail={setShadow.error.message} />
      )}
      <div className={styles.shadow}>
        <p>
          <b>{isShadow ? "Shadow: counted, not enforced." : "Enforced."}</b> {counted}
        </p>
        <Button
          kind={isShadow ? "primary" : "secondary"}
          icon={isShadow ? <ShieldCheck size={15} /> : <Eye size={15} />}
          disabledReason={readOnlyReason}
          onClick={() => setIsAsking(true)}
        >
          {isShadow ? `Enforce ${name}` : `Let ${name} only count`}
        </Button>
      </div>
    </>
  );
}
