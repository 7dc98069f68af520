import type { ControlMessage, ProxyMessage } from "@heddle/contracts/control-stream";
import { formatId, type WorkloadId } from "@heddle/mesh";
import type { Logger } from "@heddle/runtime";
import { createCertificateRequest } from "./certificate-request.ts";
import type { HeldIdentity } from "./held-identity.ts";
import { fitsKey, type KeyAndCertificate } from "./key-and-certificate.ts";
import { renewalDelayMs } from "./renewal.ts";

/** Timers follow another clock than certificates do, so the latter is looked at this often at least. */
const LONGEST_SLEEP_MS = 1_000;
const SHORTEST_SLEEP_MS = 20;
/** A request without an answer counts as failed after this long. */
const ANSWER_DEADLINE_MS = 10_000;

/** A certificate is used this long at least: clocks may differ by more than half of its life. */
const SHORTEST_USE_MS = 1_000;

type CertificateMessage = Extract<ControlMessage, { type: "certificate" }>;
/** `null`: the proxy's own certificate. */
export type Holder = WorkloadId | null;

/**
 * How a certificate stands: `late` when its successor should be here, `expired` when peers refuse it. In both
 * the proxy goes on with it and goes on asking.
 */
export type CertificateStanding = {
  readonly holder: string;
  readonly state: "none" | "current" | "late" | "expired";
  readonly notAfterMs: number | undefined;
  /** Why the last try to renew it has failed; `undefined`: none has since the last success. */
  readonly problem: string | undefined;
  readonly failures: number;
};

type Kept = {
  readonly holder: Holder;
  readonly identity: HeldIdentity;
  /** At half of its life, or after the pause that follows a failed try. */
  renewAtMs: number;
  /** The control plane wants a new one by then; infinite: it does not. */
  wantedAtMs: number;
  request: OpenRequest | undefined;
  failures: number;
  problem: string | undefined;
  told: CertificateStanding["state"];
};

/** `keyPem` is absent while the key is being made. */
type OpenRequest = { keyPem: string | undefined; readonly madeAtMs: number };

export type KeeperParts = {
  /** Whether somebody is there to ask. */
  readonly canSend: () => boolean;
  readonly send: (message: ProxyMessage) => boolean;
  /** A new certificate is in use, or others are trusted: keep it. */
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
    this.#kept.set(keyOf(holder), {
      holder,
      identity,
      renewAtMs: identity.renewAtMs(this.#parts.draw()),
      wantedAtMs: Number.POSITIVE_INFINITY,
      request: undefined,
      failures: 0,
      problem: undefined,
      told: "none",
    });
    identity.trust.onChange(({ isNewContext }) => {
      if (isNewContext) this.#onTrust(holder);
    });
  }

  start(): void {
    this.#isRunning = true;
    this.check();
  }

  stop(): void {
    this.#isRunning = false;
    clearTimeout(this.#timer);
  }

  /** How each certificate stands, for whoever asks the proxy. */
  standings(nowMs: number): CertificateStanding[] {
    return [...this.#kept.values()].map((kept) => {
      const { holder, identity, failures } = kept;
      const state = stateOf(identity, nowMs);
      const isOverdue = state === "late" || state === "expired";
      const problem = isOverdue && !this.#parts.canSend() ? AWAY : kept.problem;
      return { holder: keyOf(holder), state, notAfterMs: identity.notAfterMs, problem, failures };
    });
  }

  /** The stream is open: earlier requests got lost with the one before. */
  connected(): void {
    for (const kept of this.#kept.values()) kept.request = undefined;
    this.check();
  }

  /** Another authority signs now: new certificates are due at a moment drawn for each within the time. */
  renew(holder: Holder, withinMs: number): void {
    for (const kept of this.#kept.values()) {
      if (holder !== null && keyOf(kept.holder) !== keyOf(holder)) continue;
      const atMs = Date.now() + this.#parts.draw() * withinMs;
      kept.wantedAtMs = Math.min(kept.wantedAtMs, atMs);
    }
    this.#schedule();
  }

  /** The control plane has said no to a request; which one of those under way, it does not say. */
  refused(reason: string): void {
    const nowMs = Date.now();
    for (const kept of this.#kept.values()) {
      if (kept.request !== undefined) this.#fail(kept, nowMs, `refused: ${reason}`);
    }
    this.#schedule();
  }

  check(): void {
    const nowMs = Date.now();
    const canSend = this.#parts.canSend();
    for (const kept of this.#kept.values()) {
      const { request } = kept;
      if (request !== undefined && nowMs >= request.madeAtMs + ANSWER_DEADLINE_MS) {
        this.#fail(kept, nowMs, `no answer within ${ANSWER_DEADLINE_MS / 1000} s`);
      }
      if (canSend && nowMs >= dueAtMs(kept)) this.#ask(kept, nowMs);
      this.#tell(kept, nowMs);
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
    const nowMs = Date.now();
    try {
      kept.identity.install(material);
    } catch (error) {
      this.#fail(kept, nowMs, (error as Error).message);
      const fields = { holder: keyOf(holder), err: error };
      this.#parts.logger.error(fields, "a certificate is not usable");
      this.#schedule();
      return;
    }
    kept.request = undefined;
    kept.failures = 0;
    kept.problem = undefined;
    const renewAtMs = kept.identity.renewAtMs(this.#parts.draw());
    kept.renewAtMs = Math.max(renewAtMs, nowMs + SHORTEST_USE_MS);
    this.#schedule();
    this.#parts.onInstalled(holder, kept.identity.material ?? material);
    this.#parts.logger.info(
      { holder: keyOf(holder), notAfter: new Date(kept.identity.notAfterMs ?? 0).toISOString() },
      "certificate in use",
    );
    this.#tell(kept, nowMs);
  }

  /** Others are trusted from the next handshake on. If our own certificate is not of them, a fresh one is due. */
  #onTrust(holder: Holder): void {
    const kept = this.#kept.get(keyOf(holder));
    const material = kept?.identity.material;
    if (kept === undefined || material === undefined) return;
    this.#parts.onInstalled(holder, material);
    if (kept.identity.isAnchored) return;
    kept.wantedAtMs = 0;
    const fields = { holder: keyOf(holder) };
    this.#parts.logger.warn(fields, "the own certificate is not of a trusted root any more");
    this.#schedule();
  }

  #ask(kept: Kept, nowMs: number): void {
    const request: OpenRequest = { keyPem: undefined, madeAtMs: nowMs };
    kept.request = request;
    if (nowMs >= kept.wantedAtMs) kept.wantedAtMs = Number.POSITIVE_INFINITY;
    this.#send(kept, request).catch((error: unknown) => {
      const fields = { holder: keyOf(kept.holder), err: error };
      this.#parts.logger.error(fields, "a certificate could not be asked for");
      if (kept.request === request) this.#fail(kept, Date.now(), (error as Error).message);
    });
  }

  async #send(kept: Kept, request: OpenRequest): Promise<void> {
    const commonName = kept.holder?.name ?? "heddle-proxy";
    const { keyPem, csrPem } = await createCertificateRequest(commonName, kept.identity.spiffeId);
    if (kept.request !== request) return; // a stream later: another request has taken its place
    request.keyPem = keyPem;
    this.#parts.send({ type: "csr", workload: kept.holder, csrPem });
  }

  #fail(kept: Kept, nowMs: number, problem: string): void {
    kept.request = undefined;
    kept.failures += 1;
    kept.problem = problem;
    const restMs = (kept.identity.notAfterMs ?? 0) - nowMs;
    kept.renewAtMs = nowMs + renewalDelayMs(kept.failures, restMs, this.#parts.draw());
  }

  /** Says once when a certificate becomes late, when it ends, and when all is well again. */
  #tell(kept: Kept, nowMs: number): void {
    const { identity } = kept;
    const state = stateOf(identity, nowMs);
    if (state === kept.told) return;
    const before = kept.told;
    kept.told = state;
    const { logger } = this.#parts;
    const fields = {
      holder: keyOf(kept.holder),
      notAfter: new Date(identity.notAfterMs ?? 0).toISOString(),
      reason: kept.problem ?? (this.#parts.canSend() ? "no answer yet" : AWAY),
    };
    if (state === "late") {
      logger.warn(fields, "the certificate could not be renewed yet; serving with it, trying on");
    } else if (state === "expired") {
      logger.error(fields, "the certificate has ended: peers refuse it; trying on to renew it");
    } else if (before !== "none") {
      logger.info({ holder: fields.holder }, "the certificate is renewed again");
    }
  }
}

const AWAY = "no control plane to ask";

function stateOf(identity: HeldIdentity, nowMs: number): CertificateStanding["state"] {
  const { lateAtMs } = identity;
  if (lateAtMs === undefined) return "none";
  if (!identity.isValid(nowMs)) return "expired";
  return nowMs >= lateAtMs ? "late" : "current";
}

/** When to ask (again); never while an answer is awaited. */
function dueAtMs({ renewAtMs, wantedAtMs, request }: Kept): number {
  if (request !== undefined) return request.madeAtMs + ANSWER_DEADLINE_MS;
  return Math.min(renewAtMs, wantedAtMs);
}

function keyOf(holder: Holder): string {
  return holder === null ? "proxy" : formatId(holder);
}
