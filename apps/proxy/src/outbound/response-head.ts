import { type FieldBlock, type FieldMask, fieldMask, type OutBuffer } from "@heddle/http1";
import { PROXY_FIELD } from "../transport/proxy-fields.ts";
import type { UpstreamStream } from "../transport/upstream-stream.ts";
import type { ExchangeFacts } from "./exchange-facts.ts";
import type { OutboundRequest } from "./outbound-request.ts";
import { appendFields, dropFields } from "./request-head.ts";

/** A sidecar vouches for its failure headers; anyone else's are not believed. */
const SIDECAR_RESPONSE_MASK = fieldMask([], { isHopByHop: true });
const FOREIGN_RESPONSE_MASK = fieldMask([PROXY_FIELD.origin, PROXY_FIELD.flags], {
  isHopByHop: true,
});

/** What of a response's fields the app does not get. */
export function responseMaskOf(request: OutboundRequest): FieldMask {
  return request.isToSidecar ? SIDECAR_RESPONSE_MASK : FOREIGN_RESPONSE_MASK;
}

/** Takes out what the rule removes, or is about to write itself. */
export function dropReplaced(request: OutboundRequest, fields: FieldBlock): void {
  const { answerFields, routeTarget } = request;
  const changes = routeTarget?.responseHeaders;
  if (changes !== undefined) dropFields(fields, changes.dropped);
  if (answerFields === undefined) return;
  // What CORS says takes the place of what the app says; cookies stand side by side.
  const names = answerFields.map(([name]) => name).filter((name) => name !== "set-cookie");
  dropFields(fields, names);
}

/** Writes what a response gets on top: who failed, cookies and CORS, and what the rule adds. */
export function writeResponseFields(
  out: OutBuffer,
  request: OutboundRequest,
  facts: ExchangeFacts,
  { response }: UpstreamStream,
): void {
  const { fields, status } = response;
  if (request.isToSidecar) {
    request.responseOrigin = fields.findById(PROXY_FIELD.origin) ?? "";
    request.responseFlags = fields.findById(PROXY_FIELD.flags) ?? "-";
  }
  if (status >= 500 && request.responseOrigin === "") {
    out.field("x-heddle-origin", request.appName);
  }
  if (request.answerFields !== undefined) {
    for (const [name, value] of request.answerFields) out.field(name, value);
  }
  const changes = request.routeTarget?.responseHeaders;
  if (changes === undefined) return;
  facts.response = response;
  appendFields(out, changes, facts);
}
