import type { HeldCertificate } from "@heddle/contracts";
import { formatId, formatSpiffeId } from "@heddle/mesh";
import type { Logger } from "@heddle/runtime";
import {
  type ConfigDb,
  DatabaseUnavailableError,
  type HeldReport,
  type StoredCertificate,
  saveIssuedCertificates,
} from "@heddle/store";
import { proxyUri } from "./certificate-authority.ts";
import { CsrRefusedError } from "./sign-certificate.ts";

const FLUSH_EVERY_MS = 500;
/** A holder asks for two in a certificate's life; one that asks so often has lost its way. */
const MAX_PER_HOLDER = 256;
/** More than a fleet asks for in an hour: the database has been away for long. */
const MAX_UNSAVED = 200_000;

/**
 * Who was given which certificate, and who uses which: noted at once, written down in batches. Nobody who is given
 * a certificate waits for the database.
 */
export class CertificateLedger {
  readonly #db: ConfigDb;
  readonly #logger: Logger;
  readonly #trustDomain: string;
  readonly #lifetimeMs: number;
  /** Ends of the unexpired certificates of each holder, given out by this process. */
  readonly #endsOfHolder = new Map<string, number[]>();
  #issued: StoredCertificate[] = [];
  #held: HeldReport[] = [];
  #flushing: Promise<void> = Promise.resolve();
  #isFailing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: {
    db: ConfigDb;
    logger: Logger;
    trustDomain: string;
    certificateTtlSeconds: number;
  }) {
    this.#db = parts.db;
    this.#logger = parts.logger;
    this.#trustDomain = parts.trustDomain;
    this.#lifetimeMs = parts.certificateTtlSeconds * 1000;
  }

  start(): void {
    this.#timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS);
  }

  /** Throws `CsrRefusedError` when a holder has more unexpired certificates than it can have a use for. */
  admit(proxyId: string, workload: HeldCertificate["workload"]): void {
    const nowMs = Date.now();
    const key = holderKey(proxyId, workload);
    const ends = (this.#endsOfHolder.get(key) ?? []).filter((endMs) => endMs > nowMs);
    if (ends.length === 0) this.#endsOfHolder.delete(key);
    else this.#endsOfHolder.set(key, ends);
    if (ends.length < MAX_PER_HOLDER) return;
    throw new CsrRefusedError(
      `${ends.length} certificates of this holder have not ended; the next one when one has`,
    );
  }

  issued(certificate: StoredCertificate): void {
    const key = holderKey(certificate.proxyId, certificate.workload ?? null);
    const ends = this.#endsOfHolder.get(key);
    if (ends) ends.push(certificate.notAfterMs);
    else this.#endsOfHolder.set(key, [certificate.notAfterMs]);
    this.#issued.push(certificate);
    this.#bound();
  }

  /** All that a proxy uses. */
  holds(proxyId: string, certificates: readonly HeldCertificate[]): void {
    this.#held.push({
      proxyId,
      certificates: certificates.map((one) => this.#report(proxyId, one)),
    });
    this.#bound();
  }

  /** What a proxy uses from now on for one of its workloads, or for itself. */
  installed(proxyId: string, certificate: HeldCertificate): void {
    const certificates = [this.#report(proxyId, certificate)];
    this.#held.push({ proxyId, certificates, holder: certificate.workload });
    this.#bound();
  }

  /** Writes down what was noted so far. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #write(): Promise<void> {
    const issued = this.#issued;
    const held = this.#held;
    if (issued.length + held.length === 0) return;
    this.#issued = [];
    this.#held = [];
    try {
      await saveIssuedCertificates(this.#db, { issued, held });
      this.#isFailing = false;
    } catch (error) {
      this.#issued = [...issued, ...this.#issued];
      this.#held = [...held, ...this.#held];
      if (!this.#isFailing || !(error instanceof DatabaseUnavailableError)) {
        this.#logger.warn({ err: error }, "certificates not written down; trying again");
      }
      this.#isFailing = true;
    }
  }

  #report(proxyId: string, { workload, serialNumber }: HeldCertificate) {
    const trustDomain = this.#trustDomain;
    return {
      serialNumber,
      workload: workload ?? undefined,
      identity:
        workload === null
          ? proxyUri(trustDomain, proxyId)
          : formatSpiffeId({ trustDomain, workload }),
      assumedNotAfterMs: Date.now() + this.#lifetimeMs,
    };
  }

  #bound(): void {
    const excess = this.#issued.length + this.#held.length - MAX_UNSAVED;
    if (excess <= 0) return;
    this.#issued.splice(0, MAX_UNSAVED / 10);
    this.#held.splice(0, MAX_UNSAVED / 10);
    this.#logger.error("the database is away for so long that certificates are not written down");
  }
}

function holderKey(proxyId: string, workload: HeldCertificate["workload"]): string {
  return workload === null ? proxyId : `${proxyId} ${formatId(workload)}`;
}
