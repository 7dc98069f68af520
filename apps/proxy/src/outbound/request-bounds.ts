import { EXPECTED_TIMEOUT_HEADER, GRPC_TIMEOUT_HEADER, hopTimeoutMs } from "@heddle/mesh";
import type { DeadlineRegistry } from "../core/deadline-registry.ts";
import type { TraceContext } from "../transport/trace-context.ts";
import type { OutboundRequest } from "./outbound-request.ts";

type BoundBy = "rule" | "caller" | "chain";

/** When a request is over (`performance.now()`), and who says so. */
export class Bound {
  readonly atMs: number;
  readonly #by: BoundBy;
  readonly #timeoutMs: number;

  constructor(atMs: number, by: BoundBy, timeoutMs: number) {
    this.atMs = atMs;
    this.#by = by;
    this.#timeoutMs = timeoutMs;
  }

  describe(): string {
    const ms = Math.round(this.#timeoutMs);
    switch (this.#by) {
      case "rule":
        return `no complete answer within the rule's timeout of ${ms} ms`;
      case "caller":
        return `no complete answer within the ${ms} ms the caller waits (${EXPECTED_TIMEOUT_HEADER}, ${GRPC_TIMEOUT_HEADER} or x-envoy-upstream-rq-timeout-ms)`;
      case "chain":
        return `no complete answer within the ${ms} ms that were left of the request this call is made for`;
    }
  }
}

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
