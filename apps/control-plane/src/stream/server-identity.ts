import { constants } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { serverNameOfRoot } from "@heddle/contracts";
import { type Logger, toHeddleError } from "@heddle/runtime";
import { CannotSignError } from "../certificates/authority-errors.ts";
import type { CertificateAuthority } from "../certificates/certificate-authority.ts";
import { certificateOf } from "../certificates/known-authorities.ts";

const CHECK_EVERY_MS = 1_000;

/**
 * What the listener for proxies shows: by default a chain that ends in the root of the day, and, to those who ask
 * by its name (SNI), one of an earlier or later root. Renewed at half of its life, and whenever authorities change.
 */
export class ServerIdentity {
  readonly #authority: CertificateAuthority;
  readonly #hosts: readonly string[];
  readonly #logger: Logger;
  readonly #byServerName = new Map<string, SecureContext>();
  #options: SecureContextOptions = {};
  #renewAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(authority: CertificateAuthority, hosts: readonly string[], logger: Logger) {
    this.#authority = authority;
    this.#hosts = hosts;
    this.#logger = logger;
  }

  static async create(
    authority: CertificateAuthority,
    hosts: readonly string[],
    logger: Logger,
  ): Promise<ServerIdentity> {
    const identity = new ServerIdentity(authority, hosts, logger);
    await identity.renew();
    return identity;
  }

  /** For the listener, beside `SNICallback`. */
  get options(): SecureContextOptions {
    return this.#options;
  }

  /** The chain for whoever asks by that name; `undefined`: the default one. */
  find(serverName: string): SecureContext | undefined {
    return this.#byServerName.get(serverName);
  }

  /** Calls back with the options whenever they are others. */
  start(onRenewed: (options: SecureContextOptions) => void): void {
    this.#timer = setInterval(() => {
      if (Date.now() < this.#renewAtMs) return;
      this.#renewAtMs = Date.now() + CHECK_EVERY_MS * 10; // should it fail: again then
      this.renew().then(
        () => onRenewed(this.#options),
        (error: unknown) => {
          this.#logger.error({ err: toHeddleError(error) }, "own certificate not renewed");
        },
      );
    }, CHECK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Makes all chains anew. Throws `CannotSignError`. */
  async renew(): Promise<void> {
    const [first, ...others] = await this.#authority.issueServers(this.#hosts);
    if (!first)
      throw new CannotSignError("no authority whose key is here may sign for the listener");
    const nowMs = Date.now();
    const ca = this.#authority.known.rememberedRoots(nowMs).map(certificateOf);
    const toOptions = (one: typeof first): SecureContextOptions => ({
      key: one.keyPem,
      cert: one.chainPem,
      ca,
      minVersion: "TLSv1.3",
      secureOptions: constants.SSL_OP_NO_TICKET, // a resumed session would not show the certificate
    });
    this.#options = toOptions(first);
    this.#byServerName.clear();
    for (const one of [first, ...others]) {
      const context = createSecureContext(toOptions(one));
      this.#byServerName.set(serverNameOfRoot(one.rootFingerprint), context);
    }
    const endMs = Math.min(...[first, ...others].map(({ notAfterMs }) => notAfterMs));
    this.#renewAtMs = nowMs + (endMs - nowMs) / 2;
  }
}
