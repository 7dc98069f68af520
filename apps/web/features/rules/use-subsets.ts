"use client";

import { useMemo } from "react";
import { useWorkloads } from "../../lib/queries/use-mesh-state.ts";
import { useResources } from "./rule-queries.ts";
import { isRecord, readRule, textOf, valueAt } from "./rule-yaml.ts";

/** The versions one can send requests of a host to: its subsets by DestinationRule, and the versions that run. */
export function useSubsets(namespace: string): (host: string) => readonly string[] {
  const resources = useResources().data?.resources;
  const workloads = useWorkloads().data?.workloads;
  return useMemo(() => {
    const named = new Map<string, Set<string>>();
    const add = (service: string, subset: string): void => {
      if (subset === "") return;
      const known = named.get(service);
      if (known === undefined) named.set(service, new Set([subset]));
      else known.add(subset);
    };
    for (const document of resources ?? []) {
      if (document.kind !== "DestinationRule") continue;
      const rule = readRule(document.yaml);
      if (rule.kind === "fault") continue;
      const host = serviceOf(textOf(valueAt(rule.value, ["spec", "host"])), document.namespace);
      const subsets = valueAt(rule.value, ["spec", "subsets"]);
      if (!Array.isArray(subsets)) continue;
      for (const one of subsets) if (isRecord(one)) add(host, textOf(one["name"]));
    }
    for (const { namespace: home, service, version } of workloads ?? []) {
      add(`${home}/${service}`, version ?? "");
    }
    return (host) => [...(named.get(serviceOf(host, namespace)) ?? [])].sort(byNumber);
  }, [resources, workloads, namespace]);
}

/** `reviews`, `reviews.shop`, `reviews.shop.svc.cluster.local` → `shop/reviews`, seen from a namespace. */
function serviceOf(host: string, namespace: string): string {
  const [name = "", own] = host.split(".");
  return `${own ?? namespace}/${name}`;
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
