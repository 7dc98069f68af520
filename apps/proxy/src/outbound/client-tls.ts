import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import {
  checkServerIdentity,
  createSecureContext,
  getCACertificates,
  type PeerCertificate,
  type SecureContext,
} from "node:tls";
import type { ClientTls } from "@heddle/mesh";
import type { ConnectTarget } from "../transport/connection.ts";

type TlsTarget = NonNullable<ConnectTarget["tls"]>;

/** How often files named by a rule are looked at, at most. */
const LOOK_MS = 2_000;
const ALPN = ["http/1.1"] as const;

/**
 * TLS begun here for an app that speaks plaintext: `SIMPLE` and `MUTUAL` of a DestinationRule. The
 * files it names are looked at again every two seconds as connections are made; a file that cannot be
 * read any more changes nothing.
 */
export class ClientTlsContext {
  /** Grows when a file has changed: connections made before are not used again. */
  generation = 0;
  readonly #tls: ClientTls;
  #context: SecureContext | undefined;
  #problem = "";
  #stamp = "";
  #lookAtMs = 0;

  constructor(tls: ClientTls) {
    this.#tls = tls;
  }

  /** How to speak to `host`; a text says why that cannot be done now. */
  target(host: string, nowMs: number): TlsTarget | string {
    this.refresh(nowMs);
    const context = this.#context;
    if (context === undefined) return this.#problem;
    const { sni, skipsVerification } = this.#tls;
    const name = sni ?? host;
    return {
      context,
      alpn: ALPN,
      servername: isIP(name) === 0 ? name : undefined,
      verifies: skipsVerification !== true,
      check: (names) => (skipsVerification ? undefined : this.#check(name, names)),
    };
  }

  refresh(nowMs: number): void {
    if (nowMs < this.#lookAtMs) return;
    this.#lookAtMs = nowMs + LOOK_MS;
    try {
      const stamp = this.#files.map(stampOf).join();
      if (stamp === this.#stamp && this.#context !== undefined) return;
      this.#context = createSecureContext(this.#read());
      this.#stamp = stamp;
      this.generation++;
    } catch (error) {
      this.#problem = `TLS of the DestinationRule cannot be set up: ${(error as Error).message}`;
    }
  }

  get #files(): string[] {
    const { caCertificatesFile, clientCertificateFile, privateKeyFile } = this.#tls;
    return [caCertificatesFile, clientCertificateFile, privateKeyFile].filter(
      (path) => path !== undefined,
    );
  }

  #read() {
    const { caCertificatesFile, clientCertificateFile, privateKeyFile } = this.#tls;
    const ca =
      caCertificatesFile === undefined
        ? [...getCACertificates("system"), ...getCACertificates("extra")]
        : [readFileSync(caCertificatesFile, "utf8")];
    return {
      minVersion: "TLSv1.2" as const,
      ca: ca.length > 0 ? ca : [...getCACertificates("bundled")],
      ...(clientCertificateFile && { cert: readFileSync(clientCertificateFile, "utf8") }),
      ...(privateKeyFile && { key: readFileSync(privateKeyFile, "utf8") }),
    };
  }

  /** One of the names the rule lists, else the name that was asked for. */
  #check(name: string, subjectAltName: string): Error | undefined {
    const { subjectAltNames = [] } = this.#tls;
    if (subjectAltNames.length === 0) return checkName(name, subjectAltName);
    if (subjectAltNames.some((wanted) => bears(subjectAltName, wanted))) return undefined;
    return new Error(
      `the server's certificate is for ${subjectAltName || "nobody"}, not for ${subjectAltNames.join(" or ")}`,
    );
  }
}

function checkName(name: string, subjectaltname: string): Error | undefined {
  return checkServerIdentity(name, { subjectaltname, subject: {} } as PeerCertificate);
}

/** Whether a certificate bears a name: a URI, an address or a host name (a wildcard's hosts too). */
function bears(subjectAltName: string, wanted: string): boolean {
  const isUri = subjectAltName.split(", ").includes(`URI:${wanted}`);
  return isUri || checkName(wanted, subjectAltName) === undefined;
}

function stampOf(path: string): string {
  const { mtimeMs, size, ino } = statSync(path);
  return `${path} ${mtimeMs} ${size} ${ino}`;
}
