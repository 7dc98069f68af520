import { FIELD, FieldNames, fieldMask } from "@heddle/http1";

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
});

/** What a trailer section may never bring along: framing, routing and what only heads may say. */
export const TRAILER_MASK = fieldMask(
  [FIELD.host, FIELD.contentLength, FIELD.trailer, FIELD.expect, ...Object.values(PROXY_FIELD)],
  { isHopByHop: true },
);
