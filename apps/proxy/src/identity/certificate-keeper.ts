import type { ControlMessage, ProxyMessage } from "@heddle/contracts";
import { formatId, type WorkloadId } from "@heddle/mesh";
import type { Logger } from "@heddle/runtime";
import { createCertificateRequest } from "./certificate-request.ts";
import type { HeldIdentity } from "./held-identity.ts";
import type { KeyAndCertificate } from "./key-and-certificate.ts";

const CHECK_MS = 1_000;
/** A request without an answer is made again after this long. */
const ANSWER_DEADLINE_MS = 10_000;

type CertificateMessage = Extract<ControlMessage, { type: "certificate" }>;
/** `null`: the proxy's own certificate. */
export type Holder = WorkloadId | null;

type Kept = {
  readonly holder: Holder;
  readonly identity: HeldIdentity;
  renewAtMs: number;
  request: { readonly keyPem: string; readonly sentAtMs: number } | undefined;
};

export type KeeperParts = {
  readonly send: (message: ProxyMessage) => boolean;
  /** A new certificate is in use: keep it. */
  readonly onInstalled: (holder: Holder, material: KeyAndCertificate) => void;
  readonly logger: Logger;
  readonly draw: () => number;
};

/** Asks for certificates when there is none and at half of a certificate's life, and installs what comes. */
export class CertificateKeeper {
  readonly #parts: KeeperParts;
  readonly #kept = new Map<string, Kept>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  keep(holder: Holder, identity: HeldIdentity): void {
    const renewAtMs = identity.renewAtMs(this.#parts.draw());
    this.#kept.set(keyOf(holder), { holder, identity, renewAtMs, request: undefined });
  }

  start(): void {
    this.#timer = setInterval(() => this.check(), CHECK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The stream is open: earlier requests got lost with the one before. */
  connected(): void {
    for (const kept of this.#kept.values()) kept.request = undefined;
    this.check();
  }

  check(): void {
    const nowMs = Date.now();
    for (const kept of this.#kept.values()) {
      const isAsked = kept.request && nowMs - kept.request.sentAtMs < ANSWER_DEADLINE_MS;
      if (nowMs >= kept.renewAtMs && !isAsked) void this.#ask(kept, nowMs);
    }
  }

  /** Puts a certificate into use. One that fits no open request or no rule leaves the old one in use. */
  receive(message: CertificateMessage): void {
    const kept = this.#kept.get(keyOf(message.workload));
    const name = keyOf(message.workload);
    if (!kept?.request) {
      this.#parts.logger.warn({ holder: name }, "a certificate came that was not asked for");
      return;
    }
    const { chainPem, trustBundlePem } = message;
    this.install(kept.holder, { keyPem: kept.request.keyPem, chainPem, trustBundlePem });
  }

  install(holder: Holder, material: KeyAndCertificate): void {
    const kept = this.#kept.get(keyOf(holder));
    if (!kept) return;
    kept.request = undefined;
    try {
      kept.identity.install(material);
    } catch (error) {
      kept.renewAtMs = Date.now() + ANSWER_DEADLINE_MS;
      this.#parts.logger.error(
        { holder: keyOf(holder), err: error },
        "a certificate is not usable",
      );
      return;
    }
    kept.renewAtMs = kept.identity.renewAtMs(this.#parts.draw());
    this.#parts.onInstalled(holder, material);
    this.#parts.logger.info(
      { holder: keyOf(holder), notAfter: new Date(kept.identity.notAfterMs ?? 0).toISOString() },
      "certificate in use",
    );
  }

  /** The mesh's roots have changed; every identity trusts the new ones from the next handshake on. */
  trust(trustBundlePem: string): void {
    for (const { holder, identity } of this.#kept.values()) {
      try {
        if (!identity.trust(trustBundlePem) || !identity.material) continue;
        this.#parts.onInstalled(holder, identity.material);
      } catch (error) {
        // Our own certificate is not of the new root: a fresh one is due.
        this.#parts.logger.warn(
          { holder: keyOf(holder), err: error },
          "the trust bundle has changed",
        );
        const kept = this.#kept.get(keyOf(holder));
        if (kept) kept.renewAtMs = 0;
      }
    }
  }

  async #ask(kept: Kept, nowMs: number): Promise<void> {
    kept.request = { keyPem: "", sentAtMs: nowMs }; // while the key is being made
    const commonName = kept.holder?.name ?? "heddle-proxy";
    const { keyPem, csrPem } = await createCertificateRequest(commonName, kept.identity.spiffeId);
    const isSent = this.#parts.send({ type: "csr", workload: kept.holder, csrPem });
    kept.request = isSent ? { keyPem, sentAtMs: nowMs } : undefined;
  }
}

function keyOf(holder: Holder): string {
  return holder === null ? "proxy" : formatId(holder);
}
