import type { TestAuthority } from "@heddle/testkit";

/**
 * What stands between client and upstream: one plaintext proxy, or two with mutual TLS between them
 * ("pair"). For HTTP/1.1, for HTTP/1.1 by the last of fifty rules or through two filters, for gRPC over
 * h2c, for opaque TCP.
 */
export type Shape =
  | "hop"
  | "pair"
  | "rules"
  | "filters"
  | "grpc"
  | "grpc-pair"
  | "tcp"
  | "tcp-pair";

/** What Heddle itself is called as a peer, without the rules or filters that are measured. */
export const PLAIN_HEDDLE = "plain-heddle";

export function isPair(shape: Shape): boolean {
  return shape.endsWith("pair");
}

/** Rules before the one that holds: half ask for a path, half for a field. */
export const RULES = Array.from({ length: 49 }, (_, index) =>
  index % 2 === 0 ? { prefix: `/shop/v${index}/` } : { field: "x-canary", value: `c${index}` },
);

/** A proxy, or a chain of them, ready to be measured; no pids: the way without a proxy. */
export type Contestant = {
  readonly name: string;
  readonly port: number;
  /** What the Host field must say. */
  readonly host: string;
  /** Process trees that do the work, one for each proxy. */
  readonly pids: readonly number[];
};

/** What every contestant is given. */
export type Surroundings = {
  /** For configuration and data; goes with the run. */
  readonly folder: string;
  /** Answers HTTP/1.1 with 1 KiB, gRPC by echo, TCP with bytes without end. */
  readonly upstreamPorts: { readonly http: number; readonly grpc: number; readonly tcp: number };
  readonly authority: TestAuthority;
  readonly files: CertificateFiles;
  /** Where Heddle's telemetry goes. */
  readonly otlpUrl: string;
};

/** The same key and certificates for whoever reads them from files. */
export type CertificateFiles = {
  readonly key: string;
  readonly chain: string;
  /** Key and chain in one file, as HAProxy wants them. */
  readonly bundle: string;
  readonly roots: string;
  /** The name in the certificate's subject. */
  readonly commonName: string;
};
