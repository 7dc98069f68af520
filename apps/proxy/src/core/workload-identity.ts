import type { SecureContext } from "node:tls";
import type { PeerTrust } from "./peer-trust.ts";

/** A hosted workload's certificate as the data path needs it. Both contexts are replaced on rotation. */
export interface WorkloadIdentity {
  /** `undefined` until the first certificate has come. */
  readonly spiffeId: string | undefined;
  /** What TLS cannot decide about a peer: asked after each handshake. */
  readonly trust: PeerTrust;
  /**
   * For the inbound listener: TLS 1.3, our chain, all trusted roots as CA. Ask for the client's
   * certificate (`requestCert`, `rejectUnauthorized`) when accepting.
   */
  readonly serverContext: SecureContext | undefined;
  /** For connections to other sidecars: our chain to show, the same roots to check theirs. */
  readonly clientContext: SecureContext | undefined;
  /** Grows with every rotation and change of trust: connections of an older one take nothing new. */
  readonly generation: number;
}

/** ALPN of HTTP/1.1 between sidecars, as Istio names it: what every sidecar speaks. */
export const MESH_ALPN = "istio-http/1.1";

/** ALPN of the multiplexed leg between two of Heddle's sidecars, preferred where both have it. */
export const MUX_ALPN = "heddle-mux/1";
/** ALPN of HTTP/2 between sidecars: no sidecar of Heddle's asks for it, other proxies may. */
export const MESH_HTTP2_ALPN = "istio-h2";
/** The same for opaque connections. */
export const MESH_TCP_ALPN = "istio";
