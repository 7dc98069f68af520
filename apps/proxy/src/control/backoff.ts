const FAST_TRIES = 4;
const FAST_MS = 100;
const FIRST_MS = 500;
const MAX_MS = 30_000;

/**
 * How long to wait before try number `attempt` (0: the first again). A few come fast, so that a mere
 * restart of the control plane is hardly noticed; then from 0.5 s doubling to 30 s. Each is drawn from
 * the upper half of its span (`draw` in [0, 1)), so that a thousand proxies do not come back at once.
 */
export function retryDelayMs(attempt: number, draw: number): number {
  const span =
    attempt < FAST_TRIES ? FAST_MS : Math.min(MAX_MS, FIRST_MS * 2 ** (attempt - FAST_TRIES));
  return span * (0.5 + draw / 2);
}
