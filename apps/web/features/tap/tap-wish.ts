import type { GraphNode, TapRequest } from "@heddle/contracts";

/**
 * What to watch from a panel: with a caller its calls to the node, else what the node gets and sends. Where a
 * destination has a sidecar it tells, else its caller's. `undefined`: neither has one.
 */
export function tapWishOf(
  node: GraphNode | undefined,
  caller?: GraphNode,
): Pick<TapRequest, "targets" | "filter"> | undefined {
  if (node === undefined) return undefined;
  const target = targetOf(node);
  if (caller === undefined) return target && { targets: [target] };
  if (target !== undefined) {
    return { targets: [target], filter: { direction: "inbound", from: peerOf(caller) } };
  }
  const sender = targetOf(caller);
  if (sender === undefined) return undefined;
  return { targets: [sender], filter: { direction: "outbound", to: peerOf(node) } };
}

function targetOf({ kind, namespace, workload, service }: GraphNode) {
  if (kind === "workload" && workload !== undefined) return { namespace, workload };
  if (kind === "service" && service !== undefined) return { namespace, service };
  return undefined;
}

/** Who calls without a sidecar proves no name; it is `unknown` to the one it calls. */
function peerOf({ kind, namespace, workload, service, label }: GraphNode) {
  if (kind === "outside") return { namespace: "unknown", name: "unknown" };
  return {
    namespace: namespace === "" ? "unknown" : namespace,
    name: workload ?? service ?? label,
  };
}
