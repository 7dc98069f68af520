import type { SecureContext } from "node:tls";

/** A hosted workload's certificate as the data path needs it. Both contexts are replaced on rotation. */
export interface WorkloadIdentity {
  /** `undefined` until the first certificate has come. */
  readonly spiffeId: string | undefined;
  /** Peers of another trust domain are refused. Empty until the control plane or the disk has said it. */
  readonly trustDomain: string;
  /**
   * For the inbound listener: TLS 1.3, our chain, the trust bundle as CA. Ask for the client's
   * certificate (`requestCert`, `rejectUnauthorized`) when accepting.
   */
  readonly serverContext: SecureContext | undefined;
  /** For connections to other sidecars: our chain to show, the trust bundle to check theirs. */
  readonly clientContext: SecureContext | undefined;
  /** Grows with every rotation: a session cached under an older one is not offered again. */
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
