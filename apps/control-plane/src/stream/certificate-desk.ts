import type { ControlMessage, HeldCertificate, ProxyMessage } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import { type Logger, toHeddleError } from "@heddle/runtime";
import { CannotSignError } from "../certificates/authority-errors.ts";
import type { CertificateAuthority } from "../certificates/certificate-authority.ts";
import type { CertificateLedger } from "../certificates/certificate-ledger.ts";
import { CsrRefusedError } from "../certificates/sign-certificate.ts";
import type { ControlPlaneMetrics } from "../metrics.ts";
import type { Registry } from "../registry/registry.ts";
import type { StreamRefusal } from "./stream-refusals.ts";

// A proxy of 1000 workloads asks for 1000 certificates at its start; more at a time is a fault.
const MAX_CSRS_AT_ONCE = 1100;

type Hello = Extract<ProxyMessage, { type: "hello" }>;
type Csr = Extract<ProxyMessage, { type: "csr" }>;

export type CertificateDeskParts = {
  readonly authority: CertificateAuthority;
  readonly registry: Registry;
  readonly ledger: CertificateLedger;
  readonly metrics: ControlPlaneMetrics;
  readonly logger: Logger;
  readonly send: (message: ControlMessage) => void;
  /** What was asked for is against the protocol: the stream ends. */
  readonly refuse: (code: StreamRefusal, message: string) => void;
};

/** Answers one proxy's certificate requests, and keeps the ledger of what it uses. */
export class CertificateDesk {
  readonly #proxyId: string;
  readonly #parts: CertificateDeskParts;
  #underWay = 0;
  /** It tells which certificates it uses; for one that does not, what it is sent counts as used. */
  #tellsWhatItHolds = false;
  /** Numbers of certificates that were sent and not yet said to be in use. */
  readonly #sent = new Set<string>();

  constructor(proxyId: string, parts: CertificateDeskParts) {
    this.#proxyId = proxyId;
    this.#parts = parts;
  }

  greet(hello: Hello): void {
    this.#tellsWhatItHolds = hello.certificates !== undefined;
    if (hello.certificates) this.#parts.ledger.holds(this.#proxyId, heldBy(hello));
  }

  noteInstalled({ workload, serialNumber }: HeldCertificate): void {
    if (!this.#sent.delete(serialNumber)) return; // none of ours, or said twice
    this.#parts.ledger.installed(this.#proxyId, { workload, serialNumber });
  }

  async answer(request: Csr): Promise<void> {
    const { authority, ledger, metrics, refuse, send } = this.#parts;
    if (this.#underWay >= MAX_CSRS_AT_ONCE) {
      return refuse("HEDDLE_TOO_MANY_CSRS", "too many certificate requests at once");
    }
    this.#underWay += 1;
    metrics.csrs.inc();
    try {
      ledger.admit(this.#proxyId, request.workload);
      const issued = await this.#issue(request);
      if (!issued) return;
      metrics.certificates.inc();
      const { workload } = request;
      ledger.issued({ ...issued, proxyId: this.#proxyId, workload: workload ?? undefined });
      const { serialNumber } = issued;
      if (this.#tellsWhatItHolds) this.#sent.add(serialNumber);
      else ledger.installed(this.#proxyId, { workload, serialNumber });
      send({
        type: "certificate",
        workload: request.workload,
        chainPem: issued.chainPem,
        trustBundlePem: authority.trustBundlePem,
        notAfterMs: issued.notAfterMs,
      });
    } catch (error) {
      this.#refuseCsr(error);
    } finally {
      this.#underWay -= 1;
    }
  }

  #refuseCsr(error: unknown): void {
    const { logger, send } = this.#parts;
    if (error instanceof CsrRefusedError || error instanceof CannotSignError) {
      send({ type: "refused", code: error.code, message: error.message });
      return;
    }
    logger.error({ err: toHeddleError(error), proxyId: this.#proxyId }, "certificate not issued");
    const message = "the certificate could not be issued; try again";
    send({ type: "refused", code: "HEDDLE_UNEXPECTED", message });
  }

  async #issue({ workload, csrPem }: Csr) {
    const { authority, registry, refuse } = this.#parts;
    if (workload === null) {
      const own = await authority.issueProxy(this.#proxyId, csrPem);
      registry.noteOwnKey(this.#proxyId, own.keyHash);
      return own;
    }
    const instanceId = `${this.#proxyId}/${workload.namespace}/${workload.name}`;
    const instance = registry.findInstance(instanceId);
    if (!instance) {
      const name = `${workload.namespace}/${workload.name}`;
      refuse("HEDDLE_WORKLOAD_NOT_ALLOWED", `this proxy does not host ${name}`);
      return undefined;
    }
    const { service, version } = instance;
    const issued = await authority.issueWorkload({ ...workload, service, version }, csrPem);
    registry.noteCertificate(instanceId, issued.notAfterMs);
    return issued;
  }
}

/** What it says it uses, of what it hosts: at most one certificate each, and its own. */
function heldBy({ workloads, certificates = [] }: Hello): HeldCertificate[] {
  const hosted = new Set(workloads.map((one) => `${one.namespace}/${one.workload}`));
  const byHolder = new Map<string, HeldCertificate>();
  for (const held of certificates) {
    const holder = held.workload === null ? "" : formatId(held.workload);
    if (holder === "" || hosted.has(holder)) byHolder.set(holder, held);
  }
  return [...byHolder.values()];
}
