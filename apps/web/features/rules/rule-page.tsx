"use client";

import Link from "next/link";
import { Card } from "../../ui/card.tsx";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPart } from "../../ui/error-part.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useLivePage } from "../session/use-live-page.ts";
import { RuleEditor } from "./rule-editor.tsx";
import { useRule } from "./rule-queries.ts";
import type { RuleRef } from "./rule-ref.ts";
import { SourcedRule } from "./sourced-rule.tsx";

/** One rule, as it stands and as one would have it. */
export function RulePage(ref: RuleRef) {
  const rule = useRule(ref);
  useLivePage();
  if (rule.data !== undefined && rule.data !== null) {
    if (rule.data.origin !== undefined) return <SourcedRule document={rule.data} />;
    const id = `${ref.kind}/${ref.namespace}/${ref.name}`;
    return <RuleEditor key={id} id={id} opened={ref} stands={rule.data} />;
  }
  return (
    <PageFrame title={ref.name}>
      {rule.data === null ? (
        <Card>
          <EmptyState act={<Link href="/rules">All rules</Link>}>
            There is no {ref.kind} {ref.namespace}/{ref.name}. It may have been deleted: History
            still has it.
          </EmptyState>
        </Card>
      ) : rule.isError ? (
        <ErrorPart
          title="The rule is missing"
          detail={rule.error.message}
          onRetry={() => void rule.refetch()}
        />
      ) : (
        <Skeleton heightPx={420} waitsFor="the control plane" />
      )}
    </PageFrame>
  );
}
