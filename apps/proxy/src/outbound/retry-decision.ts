import {
  admitRetry,
  hasRetryRoom,
  maySendAgain,
  type ResponseFacts,
  retriesFailure,
  retriesResponse,
  type TryFailure,
} from "@heddle/mesh";
import type { UpstreamFault } from "../transport/failure.ts";
import type { OutboundRequest } from "./outbound-request.ts";

/**
 * "retry"; or why not: "no" rule asks for it or it would not be safe, "limit": as often as the rule
 * allows (flag URX), "overflow": the budget is spent (flag UO).
 */
export type RetryVerdict = "retry" | "no" | "limit" | "overflow";

/** `undefined`: a fault that no rule can ask to try again. */
const TRY_FAILURES: Readonly<Record<UpstreamFault["kind"], TryFailure | undefined>> = {
  connect: "connect-failure",
  reset: "reset",
  closed: "reset",
  protocol: "reset",
  "try-timeout": "try-timeout",
  overflow: undefined,
};

function tryFailureOf(fault: UpstreamFault): TryFailure | undefined {
  return fault.kind === "reset" && fault.isRefused ? "refused" : TRY_FAILURES[fault.kind];
}

/** Whether a try that ended in `fault` is made again. `nowMs` is the clock's. */
export function decideAfterFault(
  request: OutboundRequest,
  fault: UpstreamFault,
  canRepeat: boolean,
  nowMs: number,
): RetryVerdict {
  const { retry } = request;
  const failure = tryFailureOf(fault);
  if (retry === undefined || failure === undefined) return "no";
  const { isIdempotent } = request;
  // A kept-alive connection that closed before a byte of the answer: RFC 9112 §9.3.1 lets a client go on.
  const isStale = fault.kind === "closed" && fault.isStale && isIdempotent;
  if (!isStale) {
    if (!retriesFailure(retry, failure)) return "no";
    if (!maySendAgain(retry.policy, isIdempotent, failure)) return "no";
  }
  return canRepeat ? admit(request, nowMs) : "no";
}

/** Whether a response is dropped and the request made again. */
export function decideAfterResponse(
  request: OutboundRequest,
  response: ResponseFacts,
  canRepeat: boolean,
  nowMs: number,
): RetryVerdict {
  const { retry } = request;
  if (retry === undefined || !retriesResponse(retry, response)) return "no";
  if (!maySendAgain(retry.policy, request.isIdempotent, "response")) return "no";
  return canRepeat ? admit(request, nowMs) : "no";
}

function admit(request: OutboundRequest, nowMs: number): RetryVerdict {
  const { destination, retry, retryCount } = request;
  if (destination === undefined || retry === undefined) return "no";
  const { attempts } = retry.policy;
  if (retryCount >= attempts) return attempts === 0 ? "no" : "limit";
  const { limits, policy, retryLedger, usage } = destination;
  const budget = policy.retryBudget;
  const hasRoom =
    budget === undefined
      ? limits === undefined || admitRetry(limits, usage) === "admitted"
      : hasRetryRoom(budget, usage.requests, usage.retries);
  return hasRoom && retryLedger.tryRetry(nowMs) ? "retry" : "overflow";
}
