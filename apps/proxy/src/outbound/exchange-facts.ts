import { hostname } from "node:os";
import type { FieldBlock } from "@heddle/http1";
import type { FormatFacts, FormatOperator } from "@heddle/mesh";
import type { OutboundRequest } from "./outbound-request.ts";

/** What of an exchange is not the request's own. */
export type ExchangeSide = {
  readonly traceId: string;
  readonly identity: string | undefined;
  /** The app's address, as far as it is known. */
  readonly clientAddress: string;
};

/** What header operations may name (`%REQ(x)%`, `%RESPONSE_FLAGS%`); worked out only when one does. */
export class ExchangeFacts implements FormatFacts {
  response: { readonly status: number; readonly fields: FieldBlock } | undefined;
  startTimeMs = 0;
  readonly #request: OutboundRequest;
  readonly #side: ExchangeSide;

  constructor(request: OutboundRequest, side: ExchangeSide) {
    this.#request = request;
    this.#side = side;
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
        return this.#cluster();
      case "UPSTREAM_REQUEST_ATTEMPT_COUNT":
        return String(request.attemptCount);
      case "ROUTE_NAME":
        return request.route?.name;
      case "TRACE_ID":
        return this.#side.traceId;
      case "HOSTNAME":
        return hostname();
      case "DOWNSTREAM_LOCAL_URI_SAN":
        return this.#side.identity;
      default:
        return this.#clientValue(operator);
    }
  }

  /** Istio's name of a cluster: `outbound|9080|v1|reviews.shop.svc.cluster.local`. */
  #cluster(): string | undefined {
    const { destination } = this.#request;
    if (destination === undefined) return undefined;
    const { port, subset, fqdn } = destination;
    return `outbound|${port ?? ""}|${subset ?? ""}|${fqdn}`;
  }

  /** The app's end of its connection: always this host; ports are not told apart. */
  #clientValue(operator: FormatOperator): string | undefined {
    if (operator.startsWith("DOWNSTREAM_") && operator.includes("REMOTE_ADDRESS")) {
      return this.#side.clientAddress;
    }
    return operator.startsWith("DOWNSTREAM_LOCAL_ADDRESS") ? this.#side.clientAddress : undefined;
  }
}
