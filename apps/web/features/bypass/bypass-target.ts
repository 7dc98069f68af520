import type { BypassTarget, GraphNode } from "@heddle/contracts";

/**
 * What can be taken off the rules from a panel: with a caller the calls of one to the other, else all of a workload.
 * `undefined`: nothing, since no sidecar of the mesh decides about it.
 */
export function bypassTargetOf(
  node: GraphNode | undefined,
  caller?: GraphNode,
): BypassTarget | undefined {
  if (node === undefined) return undefined;
  if (caller === undefined) {
    if (node.kind !== "workload" || node.workload === undefined) return undefined;
    return { kind: "workload", namespace: node.namespace, workload: node.workload };
  }
  if (caller.kind !== "workload" && caller.kind !== "service") return undefined;
  if (node.kind === "outside" || node.service === undefined) return undefined;
  const who =
    caller.workload === undefined
      ? { service: caller.service ?? caller.label }
      : { workload: caller.workload };
  return {
    kind: "pair",
    source: { namespace: caller.namespace, ...who },
    destination: { namespace: node.namespace, service: node.service },
  };
}

/** Whether two targets mean the same; whether authorization is lifted does not count. */
export function isSameTarget(a: BypassTarget, b: BypassTarget): boolean {
  if (a.kind === "workload" && b.kind === "workload") {
    return a.namespace === b.namespace && a.workload === b.workload;
  }
  if (a.kind !== "pair" || b.kind !== "pair") return false;
  return (
    a.source.namespace === b.source.namespace &&
    a.source.service === b.source.service &&
    a.source.workload === b.source.workload &&
    a.destination.namespace === b.destination.namespace &&
    a.destination.service === b.destination.service
  );
}
