import { FIELD, type FieldBlock, fieldMask, type OutBuffer } from "@heddle/http1";
import {
  type CompiledHeaderChanges,
  EXPECTED_TIMEOUT_HEADER,
  expectedTimeoutMs,
  type FormatFacts,
  formatGrpcTimeout,
  GRPC_TIMEOUT_HEADER,
  ORIGINAL_PATH_HEADER,
} from "@heddle/mesh";
import { CONTROL_FIELDS, PROXY_FIELD } from "../transport/proxy-fields.ts";
import type { TraceContext } from "../transport/trace-context.ts";
import type { OutboundRequest } from "./outbound-request.ts";

const OWN_FIELDS = [
  FIELD.host,
  PROXY_FIELD.traceparent,
  PROXY_FIELD.requestId,
  PROXY_FIELD.forwardedProto,
  // What an app claims about certificates is worth nothing; the receiving sidecar says what it saw.
  PROXY_FIELD.clientCert,
  PROXY_FIELD.attemptCount,
  PROXY_FIELD.peerMetadata,
  PROXY_FIELD.peerMetadataId,
  PROXY_FIELD.origin,
  PROXY_FIELD.flags,
  PROXY_FIELD.overloaded,
  // gRPC's is rewritten where a deadline holds, and any server's business where none does.
  ...CONTROL_FIELDS.filter((id) => id !== PROXY_FIELD.grpcTimeout),
];
const REQUEST_MASK = fieldMask(OWN_FIELDS, { isHopByHop: true });
/** A broken or missing traceparent ends the trace, and with it the state that belonged to it. */
const NEW_TRACE_MASK = fieldMask([...OWN_FIELDS, PROXY_FIELD.tracestate], { isHopByHop: true });

/** How the head of a copy differs. */
type CopyMarks = { readonly host: string; readonly isSampled: false };

/** Request line and fields of one try, or of a copy; neither framing nor end. */
export function writeRequestHead(
  out: OutBuffer,
  request: OutboundRequest,
  trace: TraceContext,
  facts: FormatFacts,
  copy?: CopyMarks,
): void {
  const { head, routeTarget, attemptCount } = request;
  const host = copy === undefined ? hostField(request) : copy.host;
  out.text(`${head.method} ${request.target} HTTP/1.1\r\nhost: ${host}\r\n`);
  const changes = routeTarget?.requestHeaders;
  if (request.hasGrpcTimeout) head.fields.dropId(PROXY_FIELD.grpcTimeout);
  if (changes !== undefined) dropFields(head.fields, changes.dropped);
  out.fields(head.fields, trace.hasParent ? REQUEST_MASK : NEW_TRACE_MASK);
  trace.write(out, copy === undefined);
  out.text(
    attemptCount === 1
      ? "x-forwarded-proto: http\r\nx-envoy-attempt-count: 1\r\n"
      : `x-forwarded-proto: http\r\nx-envoy-attempt-count: ${attemptCount}\r\n`,
  );
  if (request.route?.rewritePath !== undefined) out.field(ORIGINAL_PATH_HEADER, head.path);
  if (request.bound !== undefined || request.retry?.policy.perTryTimeoutMs !== undefined) {
    writeTimeouts(out, request);
  }
  if (changes !== undefined) appendFields(out, changes, facts);
}

/** A local port's Host names the port; the service behind it wants its own. */
export function hostField({ routeTarget, fixedHost, head }: OutboundRequest): string {
  return routeTarget?.authority ?? fixedHost ?? head.authority ?? "";
}

/** How long somebody waits, for the next hop to keep to. */
function writeTimeouts(out: OutBuffer, request: OutboundRequest): void {
  const { bound, retry, view } = request;
  if (view === undefined) return; // nobody outside the mesh is told
  const remainingMs = bound && bound.atMs - performance.now();
  const expectedMs = expectedTimeoutMs(remainingMs, retry?.policy.perTryTimeoutMs);
  if (expectedMs !== undefined) out.field(EXPECTED_TIMEOUT_HEADER, String(expectedMs));
  if (remainingMs !== undefined && request.hasGrpcTimeout) {
    out.field(GRPC_TIMEOUT_HEADER, formatGrpcTimeout(remainingMs));
  }
}

/** Marks every field of one of these names, so that no copy passes it on. */
export function dropFields(fields: FieldBlock, names: readonly string[]): void {
  for (const name of names) {
    for (let index = fields.indexOf(name, 0); index >= 0; index = fields.indexOf(name, index + 1)) {
      fields.ids[index] = FIELD.dropped;
    }
  }
}

/** Writes what header operations add; a value that comes out empty is left out. */
export function appendFields(
  out: OutBuffer,
  { appended }: CompiledHeaderChanges,
  facts: FormatFacts,
): void {
  for (const { name, value } of appended) {
    const text = typeof value === "string" ? value : value(facts);
    if (text !== "") out.field(name, text);
  }
}
