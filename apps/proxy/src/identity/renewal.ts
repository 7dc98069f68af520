const FIRST_MS = 10_000;
const LONGEST_MS = 300_000;
const SHORTEST_MS = 1_000;
/** Of what is left of the certificate, at most a sixth is waited. */
const TRIES_LEFT = 6;
/** After its end the pace is that of its last minute: whoever renews it may be back any moment. */
const LAST_MS = 60_000;

/**
 * How long after a failed try to renew a certificate the next one comes: doubling from 10 s to 5 min, but
 * several times within what is left of the old one (`restMs`), and each drawn from the upper half of its span
 * (`draw` in [0, 1)).
 */
export function renewalDelayMs(failures: number, restMs: number, draw: number): number {
  const doubled = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10));
  const patience = (restMs > 0 ? restMs : LAST_MS) / TRIES_LEFT;
  return Math.min(doubled, Math.max(SHORTEST_MS, patience)) * (0.5 + draw / 2);
}
