/** What least-request needs to know of an endpoint: how many requests it is working on for us. */
export type Loaded = { readonly activeRequests: number };

/**
 * Least request of two choices, as Envoy's LEAST_REQUEST: two different endpoints are drawn (both
 * draws in [0, 1)), the one with fewer active requests is taken, the first on a tie. `avoid` (of a
 * failed try) is taken only when there is no other. `undefined`: the list is empty.
 */
export function pickEndpoint<T extends Loaded>(
  endpoints: readonly T[],
  firstDraw: number,
  secondDraw: number,
  avoid?: T,
): T | undefined {
  const count = endpoints.length;
  if (count < 2) return endpoints[0];
  const firstIndex = Math.floor(firstDraw * count);
  const offset = 1 + Math.floor(secondDraw * (count - 1));
  const first = endpoints[firstIndex] as T;
  const second = endpoints[(firstIndex + offset) % count] as T;
  if (first === avoid) return second;
  if (second === avoid) return first;
  return second.activeRequests < first.activeRequests ? second : first;
}
