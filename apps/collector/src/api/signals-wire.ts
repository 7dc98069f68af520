import type { SignalsWire } from "@heddle/contracts";
import type { GoldenSignals } from "@heddle/mesh";

/** "No data" is a field that is not there. */
export function toSignalsWire(signals: GoldenSignals): SignalsWire {
  const { errorRatio, p50Ms, p95Ms, p99Ms } = signals;
  return {
    requests: signals.requests,
    requestsPerSecond: signals.requestsPerSecond,
    errors: signals.errors,
    ...(errorRatio !== undefined && { errorRatio }),
    ...(p50Ms !== undefined && { p50Ms }),
    ...(p95Ms !== undefined && { p95Ms }),
    ...(p99Ms !== undefined && { p99Ms }),
    requestBytesPerSecond: signals.requestBytesPerSecond,
    responseBytesPerSecond: signals.responseBytesPerSecond,
  };
}
