import { hopTimeoutMs } from "@heddle/mesh";
import type { DeadlineRegistry } from "../core/deadline-registry.ts";
import type { TraceContext } from "../transport/trace-context.ts";
import { Bound } from "./bound.ts";
import type { OutboundRequest } from "./outbound-request.ts";

/**
 * What bounds a request's time: the least of its route's timeout, what its caller says, and what is
 * left to the request in whose name the app makes it. `undefined`: nothing.
 */
export function findBound(
  request: OutboundRequest,
  trace: TraceContext,
  startMs: number,
  deadlines: DeadlineRegistry,
): Bound | undefined {
  const own = ownBound(request, startMs);
  if (deadlines.isEmpty || !trace.hasParent) return own;
  const chainMs = deadlines.find(trace.traceId, trace.parentSpanId ?? "");
  if (chainMs === undefined || (own !== undefined && own.atMs <= chainMs)) return own;
  return new Bound(chainMs, "chain", chainMs - startMs);
}

function ownBound(request: OutboundRequest, startMs: number): Bound | undefined {
  const ruleMs = request.route?.timeoutMs;
  const timeoutMs = request.hasControls
    ? hopTimeoutMs(ruleMs, (name) => request.header(name))
    : ruleMs;
  if (timeoutMs === undefined) return undefined;
  return new Bound(startMs + timeoutMs, timeoutMs === ruleMs ? "rule" : "caller", timeoutMs);
}
