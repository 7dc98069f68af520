import type { FaultAbort, FaultInjection } from "./fault-injection.ts";

/** How long this request is held, in ms, given a draw in [0, 1); 0: not at all. */
export function decideDelayMs(fault: FaultInjection, draw: number): number {
  const { delay } = fault;
  return delay !== undefined && draw < delay.ratio ? delay.delayMs : 0;
}

/**
 * How this request is ended, given a draw in [0, 1) of its own: delay and abort are rolled apart.
 * `undefined`: it is not.
 */
export function decideAbort(fault: FaultInjection, draw: number): FaultAbort | undefined {
  const { abort } = fault;
  return abort !== undefined && draw < abort.ratio ? abort : undefined;
}
