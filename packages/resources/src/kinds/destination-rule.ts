import { z } from "zod";
import type { DestinationRule } from "../documents/routing-documents.ts";
import { fields, warnIf } from "../schema/field-status.ts";
import { readHost } from "../service-host.ts";
import { documentOf } from "./document-schema.ts";
import { dnsLabel, labels, selectorLabels } from "./fields.ts";
import { exportTo, readVisibility, wildcardHost } from "./hosts.ts";
import { withoutUndefined } from "./http-match.ts";
import { toLeveledPolicy, trafficPolicy } from "./traffic-policy.ts";

const subset = fields({
  name: dnsLabel.refine((name) => name !== "", "subset name cannot be empty"),
  labels: labels.optional(),
  trafficPolicy: trafficPolicy.optional(),
});

const subsets = z.array(subset).superRefine((list, context) => {
  list.forEach(({ name }, index) => {
    if (list.findIndex((other) => other.name === name) === index) return;
    const message = `duplicate subset names: ${name}; name each subset once`;
    context.addIssue({ code: "custom", path: [index, "name"], message });
  });
});

const spec = warnIf(
  fields({
    host: wildcardHost,
    trafficPolicy: trafficPolicy.optional(),
    subsets: subsets.optional(),
    exportTo,
    workloadSelector: fields({ matchLabels: selectorLabels.optional() }).optional(),
  }),
  ({ workloadSelector }) =>
    workloadSelector !== undefined && Object.keys(workloadSelector.matchLabels ?? {}).length === 0
      ? "workload selector specified without labels: the rule holds for every workload of its namespace"
      : undefined,
);

export const DestinationRuleSchema = documentOf(spec)
  .superRefine(({ metadata: { namespace }, spec }, context) => {
    const { fault, visibleTo } = readVisibility(spec.exportTo, namespace, false);
    const issue = (message: string) =>
      context.addIssue({ code: "custom", path: ["spec", "exportTo"], message });
    if (fault) return issue(fault);
    if (spec.workloadSelector === undefined || (spec.exportTo ?? []).length === 0) return undefined;
    if (visibleTo === "*" || !visibleTo.includes(namespace)) {
      issue(
        "destination rule with workload selector cannot have exportTo beyond current namespace",
      );
    } else if (visibleTo.length > 1) {
      issue("destination rule with workload selector cannot have multiple entries in exportTo");
    }
    return undefined;
  })
  .transform(({ metadata: { namespace, name }, spec }): DestinationRule => {
    const { workloadSelector, trafficPolicy } = spec;
    return {
      kind: "DestinationRule",
      namespace,
      name,
      ...readHost(spec.host, namespace),
      visibleTo: workloadSelector
        ? [namespace]
        : readVisibility(spec.exportTo, namespace, false).visibleTo,
      workloadSelector: workloadSelector && (workloadSelector.matchLabels ?? {}),
      trafficPolicy: trafficPolicy && toLeveledPolicy(trafficPolicy),
      subsets: (spec.subsets ?? []).map((one) =>
        withoutUndefined({
          name: one.name,
          labels: one.labels ?? {},
          trafficPolicy: one.trafficPolicy && toLeveledPolicy(one.trafficPolicy),
        }),
      ),
    };
  });
