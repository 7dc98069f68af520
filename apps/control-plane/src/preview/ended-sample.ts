import type { RecordedRequest, ServiceId, SimulatedEnd } from "@heddle/mesh";
import type { WeightedSample } from "./observed-traffic.ts";

/** A sampled request's way to a workload. */
export type Arrival = { readonly workload: string; readonly request: RecordedRequest };

/** One sampled request's one end. */
export type EndedSample = {
  readonly sample: WeightedSample;
  readonly service: ServiceId;
  readonly end: SimulatedEnd;
  /** Where it would come to; `undefined`: nowhere. */
  readonly arrival: Arrival | undefined;
};
