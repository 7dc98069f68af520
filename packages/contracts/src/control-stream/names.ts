import { z } from "zod";

/** `{ namespace, name }` of a service or workload. */
export const NameWire = z.object({ namespace: z.string().min(1), name: z.string().min(1) });

/**
 * A label every caller has beside its own: the name of its workload. Rules for one workload alone
 * (TrafficPolicy's `sources[].workload`) select callers by it.
 */
export const WORKLOAD_LABEL = "heddle.dev/workload";
