import { hostname } from "node:os";
import type { FieldBlock } from "@heddle/http1";
import type { FormatFacts, FormatOperator } from "@heddle/mesh";
import type { TraceContext } from "../transport/trace-context.ts";
import type { OutboundRequest } from "./outbound-request.ts";
import type { OutboundSide } from "./outbound-side.ts";

/** Apps reach their sidecar over loopback alone. */
const APP_ADDRESS = "127.0.0.1";

/** What header operations may name (`%REQ(x)%`, `%RESPONSE_FLAGS%`); worked out only when one does. */
export class ExchangeFacts implements FormatFacts {
  response: { readonly status: number; readonly fields: FieldBlock } | undefined;
  readonly #request: OutboundRequest;
  readonly #trace: TraceContext;
  readonly #side: Pick<OutboundSide, "parts">;

  constructor(request: OutboundRequest, trace: TraceContext, side: Pick<OutboundSide, "parts">) {
    this.#request = request;
    this.#trace = trace;
    this.#side = side;
  }

  get startTimeMs(): number {
    return performance.timeOrigin + this.#request.startMs;
  }

  requestHeader(name: string): string | undefined {
    const request = this.#request;
    switch (name) {
      case ":method":
        return request.method;
      case ":path":
        return request.head.path;
      case ":authority":
        return request.authority;
      case ":scheme":
        return request.scheme;
      default:
        return request.header(name);
    }
  }

  responseHeader(name: string): string | undefined {
    if (this.response === undefined) return undefined;
    if (name === ":status") return String(this.response.status);
    return this.response.fields.find(name);
  }

  formatValue(operator: FormatOperator): string | undefined {
    const request = this.#request;
    switch (operator) {
      case "PROTOCOL":
        return `HTTP/1.${request.head.minorVersion}`;
      case "RESPONSE_CODE":
        return this.response && String(this.response.status);
      case "RESPONSE_FLAGS":
        return request.flags;
      case "UPSTREAM_HOST":
        return request.live && `${request.live.endpoint.address}:${request.live.port}`;
      case "UPSTREAM_CLUSTER":
        return request.clusterName;
      case "UPSTREAM_REQUEST_ATTEMPT_COUNT":
        return String(request.attemptCount);
      case "ROUTE_NAME":
        return request.route?.name;
      case "TRACE_ID":
        return this.#trace.traceId;
      case "HOSTNAME":
        return hostname();
      case "DOWNSTREAM_LOCAL_URI_SAN":
        return this.#side.parts.workload.identity.spiffeId;
      default:
        return this.#clientValue(operator);
    }
  }

  /** The app's end of its connection: always this host; ports are not told apart. */
  #clientValue(operator: FormatOperator): string | undefined {
    if (operator.startsWith("DOWNSTREAM_") && operator.includes("REMOTE_ADDRESS")) {
      return APP_ADDRESS;
    }
    return operator.startsWith("DOWNSTREAM_LOCAL_ADDRESS") ? APP_ADDRESS : undefined;
  }
}
