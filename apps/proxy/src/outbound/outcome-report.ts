import type { EventCounter } from "../core/traffic-recorder.ts";
import { isGrpcFailure } from "../transport/grpc-answer.ts";
import type { Outcome } from "../transport/http-exchange.ts";
import type { TraceContext } from "../transport/trace-context.ts";
import type { OutboundRequest } from "./outbound-request.ts";
import type { OutboundSide } from "./outbound-side.ts";

/** What of an exchange is measured, not decided. */
export type Measured = {
  readonly startMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
};

/** Leaves an exchange in the metrics, and, sampled or failed, in a span. */
export function reportOutcome(
  side: OutboundSide,
  request: OutboundRequest,
  trace: TraceContext,
  measured: Measured,
  { status, flag, failedBy, grpcStatus }: Outcome,
): void {
  const { recorder, workload } = side.parts;
  const { live, view } = request;
  const durationMs = performance.now() - measured.startMs;
  const table =
    live === undefined || request.destination?.isOriginal === true
      ? side.seriesOfHost(view?.fqdn ?? outsideName(request), view?.service)
      : side.seriesOfWorkload(live, request.destination?.fqdn ?? "");
  const series = table.seriesOf(status, flag, failedBy, grpcStatus);
  recorder.record(series, durationMs, measured.requestBytes, measured.responseBytes);
  const isGood = status !== 0 && status < 500 && !isGrpcFailure(grpcStatus);
  if (!trace.isSampled && isGood) return;
  recorder.span({
    kind: "client",
    workload,
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentSpanId: trace.parentSpanId,
    startEpochMs: performance.timeOrigin + measured.startMs,
    durationMs,
    method: request.method,
    service: view?.service.name ?? request.authority,
    path: request.path,
    status,
    sourceWorkload: side.source,
    destinationWorkload:
      live === undefined ? "unknown" : `${live.workload.namespace}/${live.workload.name}`,
    flags: flag,
    failedBy,
    grpcStatus,
    requestId: trace.requestId,
  });
}

function outsideName({ outside, authority }: OutboundRequest): string {
  return outside?.host ?? (authority === "" ? "unknown" : authority);
}

type CountedName =
  | "heddle_retries_total"
  | "heddle_mirrored_requests_total"
  | "heddle_faults_total";

/** Heddle's own counters of a workload's way out, by destination and outcome. */
export class EventCounts {
  readonly #side: Pick<OutboundSide, "parts">;
  readonly #counters = new Map<string, EventCounter>();

  constructor(side: Pick<OutboundSide, "parts">) {
    this.#side = side;
  }

  add(
    name: CountedName,
    service: { readonly namespace: string; readonly name: string },
    outcome: string,
  ): void {
    const key = `${name} ${service.namespace}/${service.name} ${outcome}`;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      const { recorder, workload } = this.#side.parts;
      counter = recorder.counter(name, {
        source_workload: workload.id.name,
        source_workload_namespace: workload.id.namespace,
        destination_service_name: service.name,
        destination_service_namespace: service.namespace,
        outcome,
      });
      this.#counters.set(key, counter);
    }
    counter.add(1);
  }
}
