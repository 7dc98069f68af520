import type { SecureContext } from "node:tls";
import { trustDomainOf } from "@heddle/mesh";
import type { WorkloadIdentity } from "../core/workload-identity.ts";
import { findAnchor, parseCertificates } from "./certificate-chain.ts";
import {
  type CertificateFacts,
  checkCertificate,
  type KeyAndCertificate,
  toSecureContext,
} from "./key-and-certificate.ts";
import { MeshTrust } from "./mesh-trust.ts";

/** Later than this share of its life a certificate should have been replaced (see `renewAtMs`). */
const LATE_SHARE = 0.6;
const MAX_PATIENCE_MS = 30_000;

/**
 * The certificate a workload (or the proxy itself) holds now. `install` replaces it as a whole:
 * connections that stand keep theirs, the next handshake uses the new one.
 */
export class HeldIdentity implements WorkloadIdentity {
  readonly trust: MeshTrust;
  spiffeId: string | undefined;
  serverContext: SecureContext | undefined;
  clientContext: SecureContext | undefined;
  generation = 0;
  #material: KeyAndCertificate | undefined;
  #facts: CertificateFacts | undefined;
  #isInstalling = false;

  constructor(trust = new MeshTrust()) {
    this.trust = trust;
    trust.onChange(({ isNewContext }) => {
      if (isNewContext && !this.#isInstalling) this.#renewContexts();
    });
  }

  get material(): KeyAndCertificate | undefined {
    return this.#material;
  }

  get notAfterMs(): number | undefined {
    return this.#facts?.notAfterMs;
  }

  /** Whether peers of the own domain can follow the certificate to a root they trust; false also without one. */
  get isAnchored(): boolean {
    if (this.#material === undefined) return false;
    const chain = parseCertificates(this.#material.chainPem, "certificate");
    return findAnchor(chain, this.trust.ownRoots) !== undefined;
  }

  /** Throws `CertificateMismatchError` and keeps the old certificate when the new one is not usable. */
  install(material: KeyAndCertificate): void {
    const facts = checkCertificate(material, this.trust.isTold ? this.trust.ownRoots : []);
    this.#isInstalling = true;
    try {
      this.trust.assume(trustDomainOf(facts.uri) ?? "", material.trustBundlePem);
    } finally {
      this.#isInstalling = false;
    }
    this.#material = material;
    this.#facts = facts;
    this.spiffeId = facts.uri;
    this.#renewContexts();
  }

  #renewContexts(): void {
    const material = this.#material;
    if (material === undefined) return;
    const { rootsPem, ownBundlePem } = this.trust;
    this.serverContext = toSecureContext(material, rootsPem);
    this.clientContext = toSecureContext(material, rootsPem);
    this.#material = { ...material, trustBundlePem: ownBundlePem };
    this.generation += 1;
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

  /** When a renewal that has not come counts as late; `undefined`: there is nothing to renew. */
  get lateAtMs(): number | undefined {
    if (!this.#facts) return undefined;
    const { notBeforeMs, notAfterMs } = this.#facts;
    const lifeMs = notAfterMs - notBeforeMs;
    return notBeforeMs + lifeMs * LATE_SHARE + Math.min(MAX_PATIENCE_MS, lifeMs / 20);
  }
}
