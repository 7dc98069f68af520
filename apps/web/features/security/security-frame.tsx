"use client";

import type { GraphSnapshot, LadderResponse } from "@heddle/contracts";
import { RefreshCw, WandSparkles } from "lucide-react";
import { usePathname, useSearchParams } from "next/navigation";
import type { ReactNode } from "react";
import { formatCounted, formatRate, formatShare } from "../../lib/numbers.ts";
import { useDenials } from "../../lib/queries/use-denials.ts";
import { useGraph } from "../../lib/queries/use-mesh-state.ts";
import { useLadder } from "../../lib/queries/use-mtls.ts";
import { formatWindow } from "../../lib/times.ts";
import { ButtonLink } from "../../ui/button.tsx";
import { PageFrame } from "../../ui/page-frame.tsx";
import { Tabs } from "../../ui/tabs.tsx";
import { useLivePage } from "../session/use-live-page.ts";
import { useCertificates } from "./certificates/identity-queries.ts";
import { GRAPH_WINDOW_MS } from "./graph-window.ts";
import { callerWindowOf } from "./mtls/caller-windows.ts";
import { encryptedShare } from "./mtls/mtls-rows.ts";
import { usePolicies } from "./policies/policy-queries.ts";
import { isWithin } from "./within-namespace.ts";

const DENIALS_WINDOW_MS = 3_600_000;

/** Title, status, acts and tabs of the Security page; each tab is a page of its own. */
export function SecurityFrame({ children }: { readonly children: ReactNode }) {
  const pathname = usePathname();
  const search = useSearchParams();
  const namespace = search.get("ns") ?? undefined;
  const window = callerWindowOf(search.get("window") ?? undefined);
  const ladder = useLadder(namespace, Number(window.value)).data;
  const graph = useGraph(GRAPH_WINDOW_MS);
  const policies = usePolicies().data?.policies;
  const denials = useDenials(DENIALS_WINDOW_MS).data?.denials;
  const certificates = useCertificates().data;
  useLivePage(graph.dataUpdatedAt);
  const suffix = namespace === undefined ? "" : `?ns=${encodeURIComponent(namespace)}`;
  const callers = ladder?.workloads.flatMap(({ callersInTheWay }) => callersInTheWay);
  const addresses = callers && new Set(callers.map(({ sourceAddress }) => sourceAddress)).size;
  const denied = denials?.filter(
    ({ effect, destination }) => effect === "denied" && isWithin(namespace, destination.namespace),
  ).length;
  const tabs = [
    { path: "/security", label: "mTLS" },
    {
      path: "/security/policies",
      label: "Policies",
      count: policies?.filter((one) => isWithin(namespace, one.namespace)).length,
    },
    {
      path: "/security/denials",
      label: "Denials",
      count: denied,
      isWarning: (denied ?? 0) > 0,
    },
    { path: "/security/certificates", label: "Certificates", count: certificates?.total },
    {
      path: "/security/callers",
      label: "Plaintext callers",
      count: addresses,
      isWarning: (addresses ?? 0) > 0,
    },
  ];
  return (
    <PageFrame
      title="Security"
      status={ladder && graph.data && summaryOf(ladder, graph.data)}
      actions={
        <>
          <ButtonLink
            href={`/security/certificates?${withNamespace(namespace, "act=rotate")}`}
            icon={<RefreshCw size={15} />}
          >
            Rotate root
          </ButtonLink>
          <ButtonLink
            href={`/security/policies?${withNamespace(namespace, "review=traffic")}`}
            icon={<WandSparkles size={15} />}
          >
            Policies from traffic
          </ButtonLink>
        </>
      }
    >
      <Tabs
        label="Parts of Security"
        tabs={tabs.map(({ path, ...tab }) => ({
          ...tab,
          href: path + suffix,
          isHere: pathname === path,
        }))}
      />
      {children}
    </PageFrame>
  );
}

function withNamespace(namespace: string | undefined, query: string): string {
  return namespace === undefined ? query : `ns=${encodeURIComponent(namespace)}&${query}`;
}

function summaryOf({ workloads }: LadderResponse, graph: GraphSnapshot): string {
  const ids = new Set(workloads.map((one) => `workload/${one.namespace}/${one.workload}`));
  const edges = graph.edges.filter((edge) => ids.has(edge.destination));
  const share = encryptedShare(edges);
  const rate = edges.reduce((sum, edge) => sum + edge.signals.requestsPerSecond, 0);
  const window = formatWindow(graph.windowMs);
  const encrypted =
    share === undefined
      ? `no requests in ${window}`
      : `${formatShare(share)} of ${formatRate(rate)} encrypted, ${window}`;
  return `${formatCounted(workloads.length, "workload")}, ${encrypted}`;
}
