/** A workload: one deployable version of one service in one namespace, e.g. `shop/reviews-v2`. */
export type WorkloadId = { readonly namespace: string; readonly name: string };

/** A service: the name callers use, e.g. `shop/reviews`. Its workloads are its versions. */
export type ServiceId = { readonly namespace: string; readonly name: string };

/** `namespace/name`: the text form of a workload or a service, used as a map key and in URLs. */
export function formatId(id: WorkloadId | ServiceId): string {
  return `${id.namespace}/${id.name}`;
}

/** Takes `namespace/name` apart. `undefined`: not exactly two non-empty parts. */
export function parseId(
  text: string,
): { readonly namespace: string; readonly name: string } | undefined {
  const slash = text.indexOf("/");
  const namespace = text.slice(0, slash);
  const name = text.slice(slash + 1);
  if (slash < 1 || name === "" || name.includes("/")) return undefined;
  return { namespace, name };
}
