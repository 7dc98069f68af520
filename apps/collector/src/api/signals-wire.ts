import type { FailureKindWire, SignalsWire, TcpSignalsWire } from "@heddle/contracts";
import type { CountedFailure, GoldenSignals, TcpSignals } from "@heddle/mesh";

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

export function toTcpWire(signals: TcpSignals): Omit<TcpSignalsWire, "open"> {
  const { opened, openedPerSecond, failed, sentBytesPerSecond, receivedBytesPerSecond } = signals;
  return { opened, openedPerSecond, failed, sentBytesPerSecond, receivedBytesPerSecond };
}

export function toFailureWire(failure: CountedFailure): FailureKindWire {
  const { failedBy, flags, code, grpcStatus, count } = failure;
  return { failedBy, flags, code, ...(grpcStatus !== "" && { grpcStatus }), count };
}
