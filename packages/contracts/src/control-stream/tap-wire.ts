import { z } from "zod";
import { TapFilter } from "../console-api/taps.ts";
import { NameWire } from "./names.ts";

/** What a proxy is to tell of, and for how long; it ends that by its own clock, whoever is still there. */
export const TapOrder = z.object({
  id: z.string().min(1).max(64),
  /** Of the workloads it hosts. */
  workloads: z.array(NameWire),
  filter: TapFilter,
  /** What is more is counted, not told. */
  maxPerSecond: z.number().int().min(1).max(1000),
  /** From the arrival on: clocks of two hosts may differ. */
  remainingMs: z.number().int().min(0).max(600_000),
});
export type TapOrder = z.infer<typeof TapOrder>;
