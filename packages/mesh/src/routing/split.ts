import type { Route } from "./route.ts";

/** A route has several destinations and every weight is 0, so nobody could answer. */
export class InvalidSplitError extends Error {
  override readonly name = "InvalidSplitError";
  readonly code = "HEDDLE_INVALID_SPLIT";
  readonly route: string;
  constructor(route: string, destinationCount: number) {
    super(
      `route ${route}: total destination weight = 0 over ${destinationCount} destinations; give one of them a weight above 0`,
    );
    this.route = route;
  }
}

/** Upper ends of the destinations' shares in (0, 1], in list order; the last one with a weight is 1. */
export type Split = { readonly upperEnds: Float64Array };

/**
 * Works out the shares of a route: weight / sum of weights, as in Istio. One destination takes all,
 * whatever its weight. Throws `InvalidSplitError` when several destinations all weigh 0.
 */
export function compileSplit(route: Pick<Route, "name" | "destinations">): Split {
  const weights = route.destinations.map((destination) => destination.weight);
  if (weights.length === 1) return { upperEnds: Float64Array.of(1) };
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0)) throw new InvalidSplitError(route.name, weights.length);
  const upperEnds = new Float64Array(weights.length);
  const last = weights.findLastIndex((weight) => weight > 0);
  let sum = 0;
  for (const [index, weight] of weights.entries()) {
    sum += weight;
    upperEnds[index] = index >= last ? 1 : sum / total;
  }
  return { upperEnds };
}

/** Which destination a draw in [0, 1) falls on. A destination of weight 0 has no width: none does. */
export function pickDestination(split: Split, draw: number): number {
  const { upperEnds } = split;
  let index = 0;
  while (index < upperEnds.length - 1 && draw >= (upperEnds[index] as number)) index++;
  return index;
}
