import type { TokenClaims } from "../authentication/token-claims.ts";

/** What authorization may look at of a connection; each field is read only when a rule asks. */
export interface ConnectionAuthorizationFacts {
  /** SPIFFE id of the peer's verified certificate; `undefined`: plaintext, or no certificate. */
  readonly peerIdentity: string | undefined;
  /** IP address of the direct peer. */
  readonly sourceAddress: string;
  /** Of the client that proxies in front name (`x-forwarded-for`, believed as far as configured). */
  readonly remoteAddress: string;
  readonly destinationAddress: string;
  /** The workload's own port. */
  readonly destinationPort: number;
  readonly sni: string | undefined;
}

/** The same for an HTTP request. */
export interface RequestAuthorizationFacts extends ConnectionAuthorizationFacts {
  readonly method: string;
  /** Normalised, without the query string: what is forwarded. */
  readonly path: string;
  readonly authority: string;
  /** By lower-case name, repeated ones joined by `,`. */
  header(name: string): string | undefined;
  /** Of the verified token, `splitClaims` applied; `undefined`: the request brought none. */
  readonly claims?: TokenClaims | undefined;
}

/** Facts of a connection in the shape `authorize` takes; the `tcp` rules read no more. */
export function connectionOnly(facts: ConnectionAuthorizationFacts): RequestAuthorizationFacts {
  const { peerIdentity, sourceAddress, remoteAddress, destinationAddress, destinationPort, sni } =
    facts;
  return {
    peerIdentity,
    sourceAddress,
    remoteAddress,
    destinationAddress,
    destinationPort,
    sni,
    method: "",
    path: "",
    authority: "",
    header: () => undefined,
  };
}
