/** Above this, arrivals are dropped: a load that waits for answers is not open, and memory is not endless. */
const MAX_IN_FLIGHT = 1000;
/** A stalled process makes up for arrivals it missed, but not for more than this. */
const MAX_BACKLOG_MS = 1000;

/**
 * Calls `arrive` at a constant rate, whatever the calls before do (open loop): the n-th at n/rate after
 * the start. Returns what stops it.
 */
export function startOpenLoop(ratePerSecond: number, arrive: () => Promise<unknown>): () => void {
  const intervalMs = 1000 / ratePerSecond;
  let nextMs = performance.now() + intervalMs;
  let inFlight = 0;
  let timer: NodeJS.Timeout | undefined;
  const tick = () => {
    const nowMs = performance.now();
    if (nowMs - nextMs > MAX_BACKLOG_MS) nextMs = nowMs;
    for (; nextMs <= nowMs; nextMs += intervalMs) {
      if (inFlight >= MAX_IN_FLIGHT) continue;
      inFlight++;
      void arrive().finally(() => inFlight--);
    }
    timer = setTimeout(tick, Math.max(0, nextMs - performance.now()));
  };
  timer = setTimeout(tick, intervalMs);
  return () => clearTimeout(timer);
}
