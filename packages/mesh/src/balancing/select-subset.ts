import type { Endpoint } from "../routing/route.ts";

/** The endpoints that carry all of `labels`; no labels select every endpoint (Istio's empty subset). */
export function selectSubset<T extends Pick<Endpoint, "labels">>(
  endpoints: readonly T[],
  labels: Readonly<Record<string, string>>,
): readonly T[] {
  const wanted = Object.entries(labels);
  return endpoints.filter((endpoint) =>
    wanted.every(([key, value]) => endpoint.labels[key] === value),
  );
}
