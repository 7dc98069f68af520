"use client";

import { useSearchParams } from "next/navigation";
import { useDenials } from "../../../lib/queries/use-denials.ts";
import { Card } from "../../../ui/card.tsx";
import { CodeLine } from "../../../ui/code-line.tsx";
import { EmptyState } from "../../../ui/empty-state.tsx";
import { ErrorPart } from "../../../ui/error-part.tsx";
import { Segmented } from "../../../ui/segmented.tsx";
import { Select } from "../../../ui/select.tsx";
import { Skeleton } from "../../../ui/skeleton.tsx";
import { useUrlValue } from "../../session/use-url-value.ts";
import { DENIAL_WINDOWS, denialWindowOf } from "../denials/denial-windows.ts";
import { isWithin } from "../within-namespace.ts";
import styles from "./policies-tab.module.css";
import { usePolicies } from "./policy-queries.ts";
import { policyRows } from "./policy-rows.ts";
import { PolicyTable } from "./policy-table.tsx";
import { TrafficReview } from "./traffic-review.tsx";

const KINDS = [
  { value: "", label: "All" },
  { value: "AuthorizationPolicy", label: "Who may" },
  { value: "RequestAuthentication", label: "Tokens" },
  { value: "PeerAuthentication", label: "mTLS" },
] as const;

/** Which documents say who may call whom, whom they hold for, and what they have refused. */
export function PoliciesTab() {
  const namespace = useSearchParams().get("ns") ?? undefined;
  const [windowValue, setWindow] = useUrlValue("window");
  const [kind, setKind] = useUrlValue("kind");
  const [review, setReview] = useUrlValue("review");
  const window = denialWindowOf(windowValue);
  const policies = usePolicies();
  const denials = useDenials(Number(window.value));
  if (review === "traffic") {
    return <TrafficReview namespace={namespace} onClose={() => setReview(undefined)} />;
  }
  if (policies.data === undefined) {
    return policies.isError ? (
      <Card>
        <ErrorPart
          title="The policies are missing"
          detail={policies.error.message}
          onRetry={() => void policies.refetch()}
        />
      </Card>
    ) : (
      <Skeleton heightPx={320} />
    );
  }
  const within = policies.data.policies.filter((one) => isWithin(namespace, one.namespace));
  const shown = within.filter((one) => kind === undefined || one.kind === kind);
  return (
    <>
      {policies.isError && (
        <ErrorPart
          title="What you see is as of a while ago"
          detail={policies.error.message}
          onRetry={() => void policies.refetch()}
        />
      )}
      <div className={styles.bar}>
        <Segmented
          label="Kind"
          choices={KINDS}
          value={KINDS.find(({ value }) => value === kind)?.value ?? ""}
          onChange={(value) => setKind(value === "" ? undefined : value)}
        />
        <Select
          label="Time looked back"
          caption="Counts of the last"
          choices={DENIAL_WINDOWS}
          value={window.value}
          onChange={setWindow}
        />
        {denials.isError && (
          <span className={styles.fault} role="alert">
            Counts are missing: {denials.error.message}
          </span>
        )}
      </div>
      {shown.length === 0 ? (
        <Card>
          <EmptyState act={<CodeLine command="heddle policy suggest" />}>
            {within.length === 0
              ? "No policy yet: everybody in the mesh may call everybody. Let the traffic of the last hours write the first ones."
              : "No policy of this kind."}
          </EmptyState>
        </Card>
      ) : (
        <PolicyTable
          rows={policyRows(shown, denials.data?.denials ?? [])}
          windowLabel={window.label}
          areCountsKnown={denials.data !== undefined}
        />
      )}
    </>
  );
}
