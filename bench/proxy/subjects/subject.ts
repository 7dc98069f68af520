import type { TestAuthority } from "@heddle/testkit";

/** What stands between client and upstream: one plaintext proxy, or two with mutual TLS between them. */
export type Shape = "hop" | "pair";

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
  readonly upstreamPort: number;
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
