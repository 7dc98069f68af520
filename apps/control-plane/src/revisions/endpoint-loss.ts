import { formatId, type ServiceId } from "@heddle/mesh";
import { HeddleError } from "@heddle/runtime";
import { exceeds } from "../registry/loss-guard.ts";

/** How many endpoints a service has, and would have. */
export type EndpointCount = {
  readonly service: ServiceId;
  readonly before: number;
  readonly after: number;
};

/** Those of which more endpoints would go than may go without a yes. */
export function findLosses(
  counts: readonly EndpointCount[],
  maxLossPercent: number,
): EndpointCount[] {
  return counts.filter(({ before, after }) => exceeds(before - after, before, maxLossPercent));
}

/** One sentence for all of them. */
export function describeLosses(losses: readonly EndpointCount[]): string {
  const named = losses.slice(0, 5).map(({ service, before, after }) => {
    return `${formatId(service)} would have ${after} of its ${before} endpoints left`;
  });
  const more = losses.length > named.length ? ` (and ${losses.length - named.length} more)` : "";
  return `${named.join(", ")}${more}`;
}

/** A change that would take most endpoints of services in use, and whose author has not said that this is meant. */
export class EndpointLossError extends HeddleError {
  override readonly name = "EndpointLossError";
  readonly losses: readonly EndpointCount[];
  constructor(losses: readonly EndpointCount[], maxLossPercent: number) {
    super(
      "HEDDLE_ENDPOINT_LOSS",
      `${describeLosses(losses)}, while proxies send requests there. More than ${maxLossPercent} % is not lost by accident: repeat the change with acceptEndpointLoss (heddle: --accept-endpoint-loss) if this is meant.`,
    );
    this.losses = losses;
  }
}
