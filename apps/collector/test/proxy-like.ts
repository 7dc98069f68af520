import {
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";

/** Builds what a proxy pushes, with OpenTelemetry's own serializers: not with code the collector shares. */
type MetricsInput = Parameters<typeof ProtobufMetricsSerializer.serializeRequest>[0];
type SpansInput = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0];
type HrTime = [seconds: number, nanos: number];

export type Format = "protobuf" | "json";

/** Requests of one kind on one edge, as one proxy counted them in a window. */
export type Counted = {
  readonly from: string; // namespace/workload, or an address
  readonly to: string; // namespace/workload
  readonly reporter: "source" | "destination";
  readonly code?: number;
  readonly failedBy?: string;
  readonly latenciesMs: readonly number[];
  readonly bytes?: number;
  readonly flags?: string;
  /** Makes it a gRPC call. */
  readonly grpcStatus?: string;
  /** Host of a destination outside the mesh, instead of `to`'s service. */
  readonly host?: string;
};

/** Opaque connections of one kind on one edge. */
export type CountedTcp = Pick<
  Counted,
  "from" | "to" | "reporter" | "flags" | "failedBy" | "host"
> & {
  readonly opened?: number;
  readonly closed?: number;
  /** As Istio says it: by the destination, to the caller. */
  readonly sentBytes?: number;
  readonly receivedBytes?: number;
  readonly open?: number;
};

/** One of Heddle's own counters. */
export type CountedEvent = {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly outcome: string;
  readonly count: number;
  readonly host?: string;
};

export type MetricsWindow = {
  readonly proxy: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly counted: readonly Counted[];
  readonly tcp?: readonly CountedTcp[];
  readonly events?: readonly CountedEvent[];
  readonly refused?: readonly CountedRefusal[];
  /** Served in a dry run, though STRICT would refuse them. */
  readonly wouldBeRefused?: readonly CountedRefusal[];
};

type CountedRefusal = { readonly from: string; readonly to: string; readonly count: number };

export function metricsBody(window: MetricsWindow, format: Format = "protobuf"): Uint8Array {
  const startTime = hrTime(window.startMs);
  const endTime = hrTime(window.endMs);
  const point = (labels: object, value: unknown) => ({
    startTime,
    endTime,
    attributes: labels,
    value,
  });
  const sum = (name: string, dataPoints: object[]) => ({
    descriptor: { name, description: "", unit: "1", valueType: 0, type: "COUNTER" },
    aggregationTemporality: 0,
    dataPointType: 3,
    isMonotonic: true,
    dataPoints,
  });
  const { counted, refused = [], wouldBeRefused = [], tcp = [], events = [] } = window;
  const refusals = (name: string, ones: readonly CountedRefusal[]) =>
    sum(
      name,
      ones.map(({ from, to, count }) => {
        const [namespace, workload] = to.split("/");
        return point(
          {
            destination_workload: workload,
            destination_workload_namespace: namespace,
            heddle_source_address: from,
            reason: "plaintext",
          },
          count,
        );
      }),
    );
  const tcpSum = (name: string, value: (one: CountedTcp) => number | undefined) =>
    sum(
      name,
      tcp.map((one) => point(tcpLabelsOf(one), value(one) ?? 0)),
    );
  const metrics = [
    sum(
      "istio_requests_total",
      counted.map((one) => point(labelsOf(one), one.latenciesMs.length)),
    ),
    sum(
      "istio_request_bytes",
      counted.map((one) => point(labelsOf(one), one.bytes ?? 0)),
    ),
    {
      descriptor: {
        name: "istio_request_duration_milliseconds",
        description: "",
        unit: "ms",
        valueType: 1,
        type: "HISTOGRAM",
      },
      aggregationTemporality: 0,
      dataPointType: 1,
      dataPoints: counted.map((one) => point(labelsOf(one), histogramOf(one.latenciesMs))),
    },
    tcpSum("istio_tcp_connections_opened_total", (one) => one.opened),
    tcpSum("istio_tcp_connections_closed_total", (one) => one.closed),
    tcpSum("istio_tcp_sent_bytes_total", (one) => one.sentBytes),
    tcpSum("istio_tcp_received_bytes_total", (one) => one.receivedBytes),
    {
      ...sum(
        "heddle_tcp_connections_open",
        tcp.flatMap((one) => (one.open === undefined ? [] : [point(tcpLabelsOf(one), one.open)])),
      ),
      dataPointType: 2,
    },
    ...events.map(({ name, from, to, outcome, count, host }) => {
      const [sourceNamespace, source] = from.split("/");
      const [namespace, workload = ""] = to.split("/");
      const labels = {
        source_workload: source,
        source_workload_namespace: sourceNamespace,
        destination_service_name: host ?? serviceOf(workload),
        destination_service_namespace: namespace,
        destination_workload: workload,
        destination_workload_namespace: namespace,
        outcome,
      };
      return sum(name, [point(labels, count)]);
    }),
    refusals("heddle_mtls_refused_total", refused),
    refusals("heddle_mtls_would_refuse_total", wouldBeRefused),
  ];
  const input = {
    resource: {
      attributes: { "service.name": "heddle-proxy", "service.instance.id": window.proxy },
    },
    scopeMetrics: [{ scope: { name: "heddle" }, metrics }],
  } as unknown as MetricsInput;
  const serializer = format === "json" ? JsonMetricsSerializer : ProtobufMetricsSerializer;
  return serializer.serializeRequest(input) ?? new Uint8Array();
}

export type SentSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: "client" | "server";
  readonly from: string;
  readonly to: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly status: number;
  readonly path: string;
  readonly attributes?: Readonly<Record<string, string>>;
};

const KINDS = { server: 1, client: 2 } as const; // of the API, one less than OTLP's

export function spansBody(spans: readonly SentSpan[], format: Format = "protobuf"): Uint8Array {
  const input = spans.map((span) => {
    const owner = span.kind === "client" ? span.from : span.to;
    const [namespace, workload] = owner.split("/");
    return {
      name: `GET ${span.to.split("/")[1]}`,
      kind: KINDS[span.kind],
      spanContext: () => ({ traceId: span.traceId, spanId: span.spanId, traceFlags: 1 }),
      ...(span.parentSpanId !== undefined && {
        parentSpanContext: { traceId: span.traceId, spanId: span.parentSpanId, traceFlags: 1 },
      }),
      startTime: hrTime(span.startMs),
      endTime: hrTime(span.startMs + span.durationMs),
      status: { code: span.status >= 500 ? 2 : 0 },
      attributes: {
        "http.request.method": "GET",
        "url.path": span.path,
        "http.response.status_code": span.status,
        "heddle.source_workload": span.from,
        "heddle.destination_workload": span.to,
        "heddle.flags": "-",
        ...span.attributes,
      },
      links: [],
      events: [],
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
      ended: true,
      resource: {
        attributes: {
          "service.name": serviceOf(workload ?? ""),
          "service.namespace": namespace,
          "heddle.workload": owner,
        },
      },
      instrumentationScope: { name: "heddle" },
    };
  }) as unknown as SpansInput;
  const serializer = format === "json" ? JsonTraceSerializer : ProtobufTraceSerializer;
  return serializer.serializeRequest(input) ?? new Uint8Array();
}

/** Sends a body as a proxy does. */
export function push(
  port: number,
  signal: "metrics" | "traces",
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/v1/${signal}`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf", ...headers },
    body: Buffer.from(body),
  });
}

/** `reviews-v2` is version v2 of reviews. */
function serviceOf(workload: string): string {
  return workload.replace(/-v\d+$/, "");
}

function versionOf(workload: string): string {
  return /-(v\d+)$/.exec(workload)?.[1] ?? "latest";
}

function tcpLabelsOf(one: CountedTcp): Record<string, string> {
  const { response_code: _, ...rest } = labelsOf({ ...one, latenciesMs: [] });
  return { ...rest, request_protocol: "tcp" };
}

function labelsOf(one: Counted): Record<string, string> {
  const [destinationNamespace = "", destination = ""] = one.to.split("/");
  const isOutside = !one.from.includes("/");
  const [sourceNamespace = "unknown", source = "unknown"] = isOutside ? [] : one.from.split("/");
  return {
    reporter: one.reporter,
    source_workload: source,
    source_workload_namespace: sourceNamespace,
    source_canonical_service: isOutside ? "unknown" : serviceOf(source),
    source_canonical_revision: isOutside ? "unknown" : versionOf(source),
    source_principal: isOutside
      ? "unknown"
      : `spiffe://cluster.local/ns/${sourceNamespace}/sa/${source}`,
    destination_workload: destination,
    destination_workload_namespace: destinationNamespace,
    destination_canonical_service: serviceOf(destination),
    destination_canonical_revision: versionOf(destination),
    destination_service:
      one.host ?? `${serviceOf(destination)}.${destinationNamespace}.svc.cluster.local`,
    destination_service_name: one.host ?? serviceOf(destination),
    destination_service_namespace: destinationNamespace,
    request_protocol: one.grpcStatus === undefined ? "http" : "grpc",
    ...(one.grpcStatus !== undefined && { grpc_response_status: one.grpcStatus }),
    response_code: String(one.code ?? 200),
    response_flags: one.flags ?? "-",
    connection_security_policy:
      one.reporter === "source" ? "unknown" : isOutside ? "none" : "mutual_tls",
    heddle_failed_by: one.failedBy ?? "",
    ...(isOutside && { heddle_source_address: one.from }),
  };
}

/** An exponential histogram of scale 4 made the plain way, one logarithm a value. */
function histogramOf(latenciesMs: readonly number[]) {
  const indexes = latenciesMs.map((ms) => Math.ceil(Math.log2(ms) * 16) - 1);
  const offset = indexes.length > 0 ? Math.min(...indexes) : 0;
  const bucketCounts = new Array<number>(
    indexes.length > 0 ? Math.max(...indexes) - offset + 1 : 0,
  ).fill(0);
  for (const index of indexes)
    bucketCounts[index - offset] = (bucketCounts[index - offset] ?? 0) + 1;
  return {
    count: latenciesMs.length,
    sum: latenciesMs.reduce((total, ms) => total + ms, 0),
    min: 0,
    max: 0,
    scale: 4,
    zeroCount: 0,
    positive: { offset, bucketCounts },
    negative: { offset: 0, bucketCounts: [] },
  };
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
