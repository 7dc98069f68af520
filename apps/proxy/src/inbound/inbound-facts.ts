import type { FieldBlock, RequestParser } from "@heddle/http1";
import type {
  ConnectionAuthorizationFacts,
  RateLimitFacts,
  RequestAuthorizationFacts,
  TokenClaims,
  TokenFacts,
} from "@heddle/mesh";
import type { InboundCaller } from "./inbound-caller.ts";

/** What rules may look at of a connection. */
export function connectionFacts(
  { peer, address, localAddress, serverName }: InboundCaller,
  destinationPort: number,
): ConnectionAuthorizationFacts {
  return {
    peerIdentity: peer?.labels.principal,
    sourceAddress: address,
    remoteAddress: address,
    destinationAddress: localAddress,
    destinationPort,
    sni: serverName,
  };
}

/** What rules may look at of a request; one for all requests of an exchange, read only when a rule asks. */
export class InboundFacts implements RequestAuthorizationFacts, RateLimitFacts, TokenFacts {
  readonly head: RequestParser;
  readonly peerIdentity: string | undefined;
  readonly sourceWorkload: string | undefined;
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  readonly sni: string | undefined;
  readonly scheme: "http" | "https";
  /** How many entries of `x-forwarded-for`, from its end, proxies we believe have written. */
  trustedProxyCount = 0;
  /** Of the token that was verified. */
  claims: TokenClaims | undefined;

  constructor(head: RequestParser, caller: InboundCaller, destinationPort: number) {
    this.head = head;
    const labels = caller.peer?.labels;
    this.peerIdentity = labels?.principal;
    this.sourceWorkload = labels && `${labels.namespace}/${labels.workload}`;
    this.sourceAddress = caller.address;
    this.destinationAddress = caller.localAddress;
    this.destinationPort = destinationPort;
    this.sni = caller.serverName;
    this.scheme = labels === undefined ? "http" : "https";
  }

  get method(): string {
    return this.head.method;
  }

  get authority(): string {
    return this.head.authority ?? "";
  }

  /** As it is passed on: normalised, without the query. */
  get path(): string {
    const { path } = this.head;
    const mark = path.indexOf("?");
    return mark < 0 ? path : path.slice(0, mark);
  }

  get query(): string | undefined {
    const { path } = this.head;
    const mark = path.indexOf("?");
    return mark < 0 ? undefined : path.slice(mark + 1);
  }

  get port(): number {
    return this.destinationPort;
  }

  /**
   * The client in front of the proxies we believe, each of which appends whom it saw. With none to be
   * believed, or fewer entries than proxies, it is the peer itself (Envoy): anyone may send the field.
   */
  get remoteAddress(): string {
    if (this.trustedProxyCount === 0) return this.sourceAddress;
    const entries = this.header("x-forwarded-for")?.split(",") ?? [];
    const client = entries.at(-this.trustedProxyCount)?.trim();
    return client === undefined || client === "" ? this.sourceAddress : client;
  }

  header(name: string): string | undefined {
    return this.head.fields.find(name);
  }

  headerValues(name: string): string[] {
    return valuesOf(this.head.fields, name);
  }
}

/** All values of this lower-case name, one a field line. */
export function valuesOf(fields: FieldBlock, name: string): string[] {
  const values: string[] = [];
  for (let at = fields.indexOf(name, 0); at >= 0; at = fields.indexOf(name, at + 1)) {
    values.push(fields.valueAt(at));
  }
  return values;
}
