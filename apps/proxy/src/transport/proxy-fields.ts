import { FIELD, type FieldBlock, FieldNames, fieldMask } from "@heddle/http1";

const REQUEST_CONTROLS = [
  "grpc-timeout",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-max-retries",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-hedge-on-per-try-timeout",
];

/** Every field a proxy reads, writes or withholds, besides those the codec knows. */
export const fieldNames = new FieldNames([
  "traceparent",
  "tracestate",
  "x-request-id",
  "x-forwarded-proto",
  "x-forwarded-client-cert",
  "x-envoy-attempt-count",
  "x-envoy-peer-metadata",
  "x-envoy-peer-metadata-id",
  "x-heddle-origin",
  "x-heddle-flags",
  "x-envoy-overloaded",
  "grpc-status",
  // Last: one comparison tells whether a field is one of them.
  ...REQUEST_CONTROLS,
]);

export const PROXY_FIELD = Object.freeze({
  traceparent: fieldNames.idOf("traceparent"),
  tracestate: fieldNames.idOf("tracestate"),
  requestId: fieldNames.idOf("x-request-id"),
  forwardedProto: fieldNames.idOf("x-forwarded-proto"),
  clientCert: fieldNames.idOf("x-forwarded-client-cert"),
  attemptCount: fieldNames.idOf("x-envoy-attempt-count"),
  peerMetadata: fieldNames.idOf("x-envoy-peer-metadata"),
  peerMetadataId: fieldNames.idOf("x-envoy-peer-metadata-id"),
  origin: fieldNames.idOf("x-heddle-origin"),
  flags: fieldNames.idOf("x-heddle-flags"),
  overloaded: fieldNames.idOf("x-envoy-overloaded"),
  grpcTimeout: fieldNames.idOf("grpc-timeout"),
  expectedTimeout: fieldNames.idOf("x-envoy-expected-rq-timeout-ms"),
});

/** gRPC's own; at home in heads and trailers. */
export const GRPC_STATUS_ID = fieldNames.idOf("grpc-status");

/** What a caller asks of the proxy for one request; not passed on. */
export const CONTROL_FIELDS: readonly number[] = REQUEST_CONTROLS.map((name) =>
  fieldNames.idOf(name),
);
const FIRST_CONTROL = Math.min(...CONTROL_FIELDS);

/** Whether any field asks something of the proxy: mostly none does, and this is all it costs. */
export function hasControls(fields: FieldBlock): boolean {
  const { ids, count } = fields;
  for (let index = 0; index < count; index++)
    if ((ids[index] as number) >= FIRST_CONTROL) return true;
  return false;
}

/** What a trailer section may never bring along: framing, routing and what only heads may say. */
export const TRAILER_MASK = fieldMask(
  [FIELD.host, FIELD.contentLength, FIELD.trailer, FIELD.expect, ...Object.values(PROXY_FIELD)],
  { isHopByHop: true },
);
