import type { SecureContext } from "node:tls";
import type { WorkloadIdentity } from "../core/workload-identity.ts";
import {
  type CertificateFacts,
  checkCertificate,
  type KeyAndCertificate,
  toSecureContext,
} from "./key-and-certificate.ts";

const TRUST_DOMAIN = /^spiffe:\/\/([^/]+)\//;

/**
 * The certificate a workload (or the proxy itself) holds now. `install` replaces it as a whole:
 * connections that stand keep theirs, the next handshake uses the new one.
 */
export class HeldIdentity implements WorkloadIdentity {
  spiffeId: string | undefined;
  trustDomain = "";
  serverContext: SecureContext | undefined;
  clientContext: SecureContext | undefined;
  generation = 0;
  #material: KeyAndCertificate | undefined;
  #facts: CertificateFacts | undefined;

  get material(): KeyAndCertificate | undefined {
    return this.#material;
  }

  get notAfterMs(): number | undefined {
    return this.#facts?.notAfterMs;
  }

  /** Throws `CertificateMismatchError` and keeps the old certificate when the new one is not usable. */
  install(material: KeyAndCertificate): void {
    const facts = checkCertificate(material);
    const server = toSecureContext(material);
    const client = toSecureContext(material);
    this.#material = material;
    this.#facts = facts;
    this.spiffeId = facts.uri;
    this.trustDomain = TRUST_DOMAIN.exec(facts.uri)?.[1] ?? "";
    this.serverContext = server;
    this.clientContext = client;
    this.generation += 1;
  }

  /** Trusts another set of roots from the next handshake on; the own certificate stays. */
  trust(trustBundlePem: string): boolean {
    if (!this.#material || this.#material.trustBundlePem === trustBundlePem) return false;
    this.install({ ...this.#material, trustBundlePem });
    return true;
  }

  isValid(nowMs: number): boolean {
    return this.#facts !== undefined && nowMs < this.#facts.notAfterMs;
  }

  /**
   * When to ask for the next certificate: half of the life, ± a tenth so that many proxies started at
   * once do not ask at once (`draw` in [0, 1)). 0: at once, there is none.
   */
  renewAtMs(draw: number): number {
    if (!this.#facts) return 0;
    const { notBeforeMs, notAfterMs } = this.#facts;
    return notBeforeMs + (notAfterMs - notBeforeMs) * (0.4 + 0.2 * draw);
  }
}
