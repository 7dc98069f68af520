import type { Listener } from "./core/listener.ts";

/** What the last listeners get at least, when the first have used up the time. */
const LEAST_MS = 500;

/**
 * Drains the listeners for callers, then those for the app: what is under way may need to call others
 * until it is answered. All within `timeoutMs`, give or take half a second.
 */
export async function drainInOrder(
  inbound: readonly Listener[],
  outbound: readonly Listener[],
  timeoutMs: number,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  await Promise.all(inbound.map((listener) => listener.drain(timeoutMs)));
  const leftMs = Math.max(Math.min(LEAST_MS, timeoutMs), endMs - performance.now());
  await Promise.all(outbound.map((listener) => listener.drain(leftMs)));
}
