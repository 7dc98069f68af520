import {
  type CompiledHeaderChanges,
  decideAbort,
  decideCors,
  decideDelayMs,
  type FaultAbort,
  type FormatFacts,
  httpStatusOfGrpc,
} from "@heddle/mesh";
import type { RouteView } from "../core/mesh-view.ts";
import type { OwnAnswer } from "../transport/failure.ts";
import { parseAuthority } from "./authority.ts";
import type { OutboundRequest } from "./outbound-request.ts";

type Field = readonly [name: string, value: string];

/** The answer of a route that needs no destination: a redirect or a direct response. */
export function answerOf(
  request: OutboundRequest,
  route: RouteView,
  facts: FormatFacts,
  origin: string,
): OwnAnswer | undefined {
  const { redirect, directResponse } = route;
  if (redirect !== undefined) {
    const location = redirect.location({
      scheme: request.scheme,
      authority: request.authority,
      port: parseAuthority(request.authority, 80)?.port,
      path: request.path,
      query: request.query,
    });
    return ownAnswer(redirect.status, [["location", location]], undefined, request, route, facts);
  }
  if (directResponse === undefined) return undefined;
  const { status, body } = directResponse;
  const fields: Field[] = body.length > 0 ? [["content-type", "text/plain"]] : [];
  if (status >= 500) fields.push(["x-heddle-origin", origin]);
  return ownAnswer(status, fields, Buffer.from(body), request, route, facts);
}

/** The preflight's answer; `undefined`: the request goes on, and its answer may get fields. */
export function applyCors(
  request: OutboundRequest,
  route: RouteView,
  facts: FormatFacts,
): OwnAnswer | undefined {
  const { cors } = route;
  if (cors === undefined) return undefined;
  const asked = request.header("access-control-request-method");
  const decision = decideCors(cors, request.method, request.header("origin"), asked);
  if (decision.kind === "answer") {
    return ownAnswer(200, decision.fields, undefined, request, route, facts);
  }
  if (decision.kind === "set") {
    for (const [name, value] of decision.fields) request.addAnswerField(name, value);
  }
  return undefined;
}

function ownAnswer(
  status: number,
  fields: readonly Field[],
  body: Buffer | undefined,
  request: OutboundRequest,
  { answerHeaders }: RouteView,
  facts: FormatFacts,
): OwnAnswer {
  return {
    status,
    fields: withChanges([...fields, ...(request.answerFields ?? [])], answerHeaders, facts),
    body,
    flag: request.flags,
    failedBy: status >= 500 ? "outbound-proxy" : "",
  };
}

function withChanges(
  fields: readonly Field[],
  changes: CompiledHeaderChanges | undefined,
  facts: FormatFacts,
): Field[] {
  if (changes === undefined) return [...fields];
  const kept = fields.filter(([name]) => !changes.dropped.includes(name));
  for (const { name, value } of changes.appended) {
    const text = typeof value === "string" ? value : value(facts);
    if (text !== "") kept.push([name, text]);
  }
  return kept;
}

/** What a fault does to one request, or to one try of it. */
export type InjectedFault = { readonly delayMs: number; readonly abort: FaultAbort | undefined };

/** Draws the fault of a route for `scope`; `undefined`: nothing happens. */
export function drawFault(
  route: RouteView,
  scope: "request" | "attempt",
): InjectedFault | undefined {
  const { fault } = route.route;
  if (fault === undefined || fault.scope !== scope) return undefined;
  const delayMs = decideDelayMs(fault, Math.random());
  const abort = decideAbort(fault, Math.random());
  return delayMs === 0 && abort === undefined ? undefined : { delayMs, abort };
}

/** How an abort reads in an answer. */
export function statusOfAbort(
  abort: FaultAbort,
  isGrpc: boolean,
): { status: number; fields: readonly Field[] } {
  if ("httpStatus" in abort) return { status: abort.httpStatus, fields: [] };
  if (!isGrpc) return { status: httpStatusOfGrpc(abort.grpcStatus), fields: [] };
  return { status: 200, fields: [["grpc-status", String(abort.grpcStatus)]] };
}
