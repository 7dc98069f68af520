import { z } from "zod";
import type { PolicyTarget } from "../documents/document.ts";
import { fields, warnIf, withoutEffect } from "../schema/field-status.ts";
import { selectorLabels } from "./fields.ts";

const GROUP = /^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const KIND = /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/;

const NO_WAYPOINT =
  "it is for waypoints and gateways, and Heddle has none: the policy holds for nothing; select workloads by selector";

const targetRef = fields({
  group: z.string().max(253).regex(GROUP).optional(),
  kind: z.string().min(1).max(63).regex(KIND),
  name: z.string().min(1).max(253),
  namespace: z
    .string()
    .refine(
      (namespace) => namespace === "",
      "cross namespace referencing is not currently supported; leave it out",
    )
    .optional(),
});

/** WorkloadSelector of security and telemetry policies. */
export const selector = warnIf(
  fields({ matchLabels: selectorLabels.optional() }),
  ({ matchLabels }) =>
    Object.keys(matchLabels ?? {}).length === 0
      ? "workload selector specified without labels: it holds for every workload of the namespace"
      : undefined,
);

/** The fields by which a policy says for whom it holds; `checkTarget` and `readTarget` go with them. */
export const targetFields = {
  selector: selector.optional(),
  targetRef: withoutEffect(NO_WAYPOINT, targetRef.optional()),
  targetRefs: withoutEffect(NO_WAYPOINT, z.array(targetRef).max(16).optional()),
};
type Written = {
  readonly selector?: z.output<typeof selector> | undefined;
  readonly targetRef?: z.output<typeof targetRef> | undefined;
  readonly targetRefs?: readonly z.output<typeof targetRef>[] | undefined;
};

export function checkTarget(written: Written, context: z.RefinementCtx): void {
  const given = [written.selector, written.targetRef, written.targetRefs];
  if (given.filter((one) => one !== undefined).length > 1) {
    context.addIssue("only one of targetRefs or selector can be set");
  }
}

export function readTarget({ selector, targetRef, targetRefs = [] }: Written): PolicyTarget {
  const refs = [...(targetRef ? [targetRef] : []), ...targetRefs];
  return {
    selector: readSelector(selector),
    targetRefs: refs.map(({ group = "", kind, name }) => ({ group, kind, name })),
  };
}

/** `undefined`: everything. */
export function readSelector(written: Written["selector"]) {
  const labels = written?.matchLabels ?? {};
  return Object.keys(labels).length === 0 ? undefined : labels;
}
