import type { ControlMessage, ProxyMessage } from "@heddle/contracts";
import { formatId, type WorkloadId } from "@heddle/mesh";
import type { Logger } from "@heddle/runtime";
import { createCertificateRequest } from "./certificate-request.ts";
import type { HeldIdentity } from "./held-identity.ts";
import { fitsKey, type KeyAndCertificate } from "./key-and-certificate.ts";

/** Timers follow another clock than certificates do, so the latter is looked at this often at least. */
const LONGEST_SLEEP_MS = 1_000;
const SHORTEST_SLEEP_MS = 20;
/** A request without an answer is made again after this long. */
const ANSWER_DEADLINE_MS = 10_000;

type CertificateMessage = Extract<ControlMessage, { type: "certificate" }>;
/** `null`: the proxy's own certificate. */
export type Holder = WorkloadId | null;

type Kept = {
  readonly holder: Holder;
  readonly identity: HeldIdentity;
  renewAtMs: number;
  request: OpenRequest | undefined;
};

/** `keyPem` is absent while the key is being made. */
type OpenRequest = { keyPem: string | undefined; readonly madeAtMs: number };

export type KeeperParts = {
  /** Whether somebody is there to ask. */
  readonly canSend: () => boolean;
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
  #isRunning = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  keep(holder: Holder, identity: HeldIdentity): void {
    const renewAtMs = identity.renewAtMs(this.#parts.draw());
    this.#kept.set(keyOf(holder), { holder, identity, renewAtMs, request: undefined });
  }

  start(): void {
    this.#isRunning = true;
    this.check();
  }

  stop(): void {
    this.#isRunning = false;
    clearTimeout(this.#timer);
  }

  /** The stream is open: earlier requests got lost with the one before. */
  connected(): void {
    for (const kept of this.#kept.values()) kept.request = undefined;
    this.check();
  }

  check(): void {
    const nowMs = Date.now();
    if (this.#parts.canSend()) {
      for (const kept of this.#kept.values()) if (nowMs >= dueAtMs(kept)) this.#ask(kept, nowMs);
    }
    this.#schedule();
  }

  /** Wakes when the next certificate is due, not at a fixed pace: one may live for seconds only. */
  #schedule(): void {
    clearTimeout(this.#timer);
    if (!this.#isRunning) return;
    const nextMs = this.#parts.canSend()
      ? Math.min(...[...this.#kept.values()].map(dueAtMs)) - Date.now()
      : LONGEST_SLEEP_MS;
    const sleepMs = Math.max(SHORTEST_SLEEP_MS, Math.min(nextMs, LONGEST_SLEEP_MS));
    this.#timer = setTimeout(() => this.check(), sleepMs);
    this.#timer.unref();
  }

  /**
   * Puts a certificate into use. One that fits no open request (an answer that comes after a second
   * request was made) or no rule leaves the old one in use and the request open.
   */
  receive({ workload, chainPem, trustBundlePem }: CertificateMessage): void {
    const keyPem = this.#kept.get(keyOf(workload))?.request?.keyPem;
    if (keyPem === undefined || !fitsKey(chainPem, keyPem)) {
      const holder = keyOf(workload);
      this.#parts.logger.info({ holder }, "ignored a certificate that fits no open request");
      return;
    }
    this.install(workload, { keyPem, chainPem, trustBundlePem });
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
    this.#schedule();
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
    this.#schedule();
  }

  #ask(kept: Kept, nowMs: number): void {
    const request: OpenRequest = { keyPem: undefined, madeAtMs: nowMs };
    kept.request = request;
    this.#send(kept, request).catch((error: unknown) => {
      this.#parts.logger.error(
        { holder: keyOf(kept.holder), err: error },
        "a certificate could not be asked for",
      );
    });
  }

  async #send(kept: Kept, request: OpenRequest): Promise<void> {
    const commonName = kept.holder?.name ?? "heddle-proxy";
    const { keyPem, csrPem } = await createCertificateRequest(commonName, kept.identity.spiffeId);
    if (kept.request !== request) return; // a stream later: another request has taken its place
    request.keyPem = keyPem;
    this.#parts.send({ type: "csr", workload: kept.holder, csrPem });
  }
}

/** When to ask (again). */
function dueAtMs({ renewAtMs, request }: Kept): number {
  return request ? Math.max(renewAtMs, request.madeAtMs + ANSWER_DEADLINE_MS) : renewAtMs;
}

function keyOf(holder: Holder): string {
  return holder === null ? "proxy" : formatId(holder);
}
