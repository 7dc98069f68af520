import type { MeshPeer } from "./peer-certificate.ts";

/** Who is at the other end of a connection, worked out once for all its requests. */
export type InboundCaller = {
  /** `undefined`: it speaks plaintext. */
  readonly peer: MeshPeer | undefined;
  /** Without port. */
  readonly address: string;
  /** Of ours that it has connected to, without port. */
  readonly localAddress: string;
  /** The name TLS asked for. */
  readonly serverName: string | undefined;
};
