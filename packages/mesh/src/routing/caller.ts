import type { SourceSelector } from "./route.ts";

/** Who sends a request, as far as rules may ask. */
export type Caller = {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
};

/** Whether a rule's `sourceNamespace` and `sourceLabels` mean this caller; parts left out hold. */
export function selectsCaller(selector: SourceSelector, caller: Caller): boolean {
  const { namespaces, labels } = selector;
  if (namespaces !== undefined && !namespaces.includes(caller.namespace)) return false;
  for (const key in labels) if (labels[key] !== caller.labels[key]) return false;
  return true;
}
