import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
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

type Files = Readonly<Record<"ca" | "cert" | "key", string | undefined>>;

/**
 * TLS begun here for an app that speaks plaintext: `SIMPLE` and `MUTUAL` of a DestinationRule. The
 * files it names are read once, and in the background again while connections are made, at most every
 * two seconds; one that cannot be read any more changes nothing.
 */
export class ClientTlsContext {
  /** Grows when a file has changed: connections made before are not used again. */
  generation = 0;
  readonly #tls: ClientTls;
  #context: SecureContext | undefined;
  #problem = "";
  #files: Files | undefined;
  #lookAtMs = 0;
  #isReading = false;

  constructor(tls: ClientTls) {
    this.#tls = tls;
    this.#attempt(() => this.#take(this.#map((path) => readFileSync(path, "utf8"))));
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
      check: ({ subjectAltName = "" }) =>
        skipsVerification ? undefined : this.#check(name, subjectAltName),
    };
  }

  /** Looks at the files again if it is time to; what has changed counts from the next connection on. */
  refresh(nowMs: number): void {
    if (nowMs < this.#lookAtMs || this.#isReading) return;
    this.#lookAtMs = nowMs + LOOK_MS;
    this.#isReading = true;
    void this.#readAgain().finally(() => {
      this.#isReading = false;
    });
  }

  async #readAgain(): Promise<void> {
    const { ca, cert, key } = this.#map((path) => readFile(path, "utf8"));
    const texts = await Promise.all([ca, cert, key]).catch((error: Error) => error);
    this.#attempt(() => {
      if (texts instanceof Error) throw texts;
      this.#take({ ca: texts[0], cert: texts[1], key: texts[2] });
    });
  }

  #map<T>(read: (path: string) => T): Readonly<Record<keyof Files, T | undefined>> {
    const { caCertificatesFile, clientCertificateFile, privateKeyFile } = this.#tls;
    const readIf = (path: string | undefined) => (path === undefined ? undefined : read(path));
    return {
      ca: readIf(caCertificatesFile),
      cert: readIf(clientCertificateFile),
      key: readIf(privateKeyFile),
    };
  }

  #take(files: Files): void {
    if (JSON.stringify(files) === JSON.stringify(this.#files)) return;
    const { ca, cert, key } = files;
    this.#context = createSecureContext({
      minVersion: "TLSv1.2",
      ca: ca ?? systemAuthorities(),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    });
    this.#files = files;
    this.generation++;
  }

  #attempt(load: () => void): void {
    try {
      load();
    } catch (error) {
      this.#problem = `TLS of the DestinationRule cannot be set up: ${(error as Error).message}`;
    }
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

/** Those of the operating system; where it has none, those that come with the runtime. */
function systemAuthorities(): string[] {
  const own = [...getCACertificates("system"), ...getCACertificates("extra")];
  return own.length > 0 ? own : [...getCACertificates("bundled")];
}
