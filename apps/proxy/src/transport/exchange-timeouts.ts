/** How long a client may take. */
export type ExchangeTimeouts = {
  /** Between requests. */
  readonly idleMs: number;
  /** From the first byte of a head to its last. */
  readonly headMs: number;
  /** Without a byte in either direction while a request is under way (Envoy's stream idle timeout). */
  readonly streamIdleMs: number;
};

export const DEFAULT_TIMEOUTS: ExchangeTimeouts = Object.freeze({
  idleMs: 3_600_000,
  headMs: 10_000,
  streamIdleMs: 300_000,
});
