"use client";

import { useSearchParams } from "next/navigation";
import { formatCounted } from "../../../lib/numbers.ts";
import { useDenials } from "../../../lib/queries/use-denials.ts";
import { Card } from "../../../ui/card.tsx";
import { CodeLine } from "../../../ui/code-line.tsx";
import { EmptyState } from "../../../ui/empty-state.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Segmented } from "../../../ui/segmented.tsx";
import { Select } from "../../../ui/select.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { useUrlValue } from "../../session/use-url-value.ts";
import { isWithin } from "../within-namespace.ts";
import { DenialTable } from "./denial-table.tsx";
import { DENIAL_WINDOWS, denialWindowOf } from "./denial-windows.ts";
import styles from "./denials-tab.module.css";

const EFFECTS = [
  { value: "", label: "All" },
  { value: "denied", label: "Denied" },
  { value: "would-deny", label: "Shadow" },
] as const;

/** Who was not let in, by which rule, and the rule that would let him in. */
export function DenialsTab() {
  const namespace = useSearchParams().get("ns") ?? undefined;
  const [windowValue, setWindow] = useUrlValue("window");
  const [effect, setEffect] = useUrlValue("effect");
  const [policy, setPolicy] = useUrlValue("policy");
  const window = denialWindowOf(windowValue);
  const denials = useDenials(Number(window.value));
  if (denials.data === undefined) {
    return denials.isError ? (
      <Card>
        <ErrorPart
          title="The denials are missing"
          detail={denials.error.message}
          onRetry={() => void denials.refetch()}
        />
      </Card>
    ) : (
      <Skeleton heightPx={320} />
    );
  }
  const within = denials.data.denials.filter(({ destination }) =>
    isWithin(namespace, destination.namespace),
  );
  const shown = within.filter(
    (one) =>
      (effect === undefined || one.effect === effect) &&
      (policy === undefined || policy === (one.policy ?? one.nearest?.policy)),
  );
  return (
    <>
      {denials.isError && (
        <ErrorPart
          title="What you see is as of a while ago"
          detail={denials.error.message}
          onRetry={() => void denials.refetch()}
        />
      )}
      <div className={styles.bar}>
        <Segmented
          label="Effect"
          choices={EFFECTS}
          value={EFFECTS.find(({ value }) => value === effect)?.value ?? ""}
          onChange={(value) => setEffect(value === "" ? undefined : value)}
        />
        <Select
          label="Time looked back"
          caption="Last"
          choices={DENIAL_WINDOWS}
          value={window.value}
          onChange={setWindow}
        />
        {policy !== undefined && (
          <button type="button" className={styles.filter} onClick={() => setPolicy(undefined)}>
            by {policy} <span aria-hidden="true">×</span>
            <span className="visually-hidden">, show all again</span>
          </button>
        )}
        <span className={styles.quiet}>
          {formatCounted(shown.length, "kind")} of denial
          {denials.data.isTruncated && ", the newest; there were more"}
        </span>
      </div>
      {shown.length === 0 ? (
        <Card>
          <EmptyState act={<CodeLine command="heddle denials" />}>
            {within.length === 0
              ? `No policy has denied a request in the last ${window.label}.`
              : "No denial of this kind."}
          </EmptyState>
        </Card>
      ) : (
        <DenialTable denials={shown} />
      )}
    </>
  );
}
