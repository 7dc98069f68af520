"use client";

import { RefreshCw } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../ui/button.tsx";
import { CodeLine } from "../../../ui/code-line.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Segmented } from "../../../ui/segmented.tsx";
import { useAdminReason } from "../use-admin-reason.ts";
import { useRotationAct } from "./identity-queries.ts";
import styles from "./start-rotation.module.css";

const AUTHORITIES = [
  { value: "root", label: "Root" },
  { value: "intermediate", label: "Intermediate" },
] as const;
const PACES = [
  { value: "by-itself", label: "By itself" },
  { value: "stepwise", label: "Step by step" },
] as const;

/** Begins a rotation. The root is what everybody trusts, so its name is typed first. */
export function StartRotation({
  trustDomain,
  onClose,
}: {
  readonly trustDomain: string;
  readonly onClose: () => void;
}) {
  const [of, setOf] = useState<"root" | "intermediate">("root");
  const [pace, setPace] = useState<(typeof PACES)[number]["value"]>("by-itself");
  const [typed, setTyped] = useState("");
  const adminReason = useAdminReason();
  const act = useRotationAct();
  const isStepwise = pace === "stepwise";
  const isNamed = of === "intermediate" || typed.trim() === trustDomain;
  return (
    <form
      className={styles.start}
      aria-label="Rotate"
      onSubmit={(event) => {
        event.preventDefault();
        if (isNamed && adminReason === undefined && !act.isPending)
          act.mutate({ kind: "start", of, isStepwise }, { onSuccess: onClose });
      }}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <div className={styles.choices}>
        <Segmented label="What is rotated" choices={AUTHORITIES} value={of} onChange={setOf} />
        <Segmented label="Pace" choices={PACES} value={pace} onChange={setPace} />
      </div>
      <p className={styles.words}>
        {of === "root"
          ? "A new root is made and trusted by every proxy beside the old one; then it signs and everybody renews; then the old one goes. Each step waits until all proxies are done. No proxy is restarted, no request is lost."
          : "A new intermediate under the same root signs from now on, and everybody renews from it. Nobody has to trust anything new."}
        {isStepwise && " After each step it stops until you let it go on."}
      </p>
      {of === "root" && (
        <label className={styles.name}>
          <span>
            Type the trust domain, <code>{trustDomain}</code>
          </span>
          <input
            autoFocus
            value={typed}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
      )}
      {act.isError && <ErrorPart title="No rotation was begun" detail={act.error.message} />}
      <div className={styles.choices}>
        <Button
          type="submit"
          kind="primary"
          icon={<RefreshCw size={15} />}
          isPending={act.isPending}
          disabledReason={adminReason ?? (isNamed ? undefined : `Type ${trustDomain} first.`)}
        >
          Rotate the {of}
        </Button>
        <Button onClick={onClose}>Leave it</Button>
      </div>
      <CodeLine
        command={`heddle ca rotate${of === "root" ? "" : " --of intermediate"}${isStepwise ? " --step" : ""}`}
      />
    </form>
  );
}
