import {
  isFinished,
  type RotationEvent,
  type RotationOf,
  type RotationStep,
  stepRotation,
} from "@heddle/mesh";
import { type Logger, toHeddleError } from "@heddle/runtime";
import {
  type ConfigDb,
  changeAuthorities,
  DatabaseUnavailableError,
  findRevokedCertificates,
  findRotationMembers,
  type RevokedCertificate,
  type RotationQuestion,
  type StoredRotation,
} from "@heddle/store";
import type { Registry } from "../registry/registry.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import type { StreamHub } from "../stream/hub.ts";
import type { ProxySession } from "../stream/proxy-session.ts";
import { AuthorityConflictError } from "./authority-errors.ts";
import type { CertificateAuthority } from "./certificate-authority.ts";
import type { CertificateLedger } from "./certificate-ledger.ts";
import { certificateOf, KnownAuthorities, rootHashOf } from "./known-authorities.ts";
import { describeProgress, type RotationProgress } from "./rotation-words.ts";
import { writeRotation } from "./rotation-writes.ts";

const TICK_MS = 1_000;
/** While a rotation is under way. */
const ROTATING_TICK_MS = 400;
/**
 * So long nobody has been waited for before a step ends: handshakes that began with what held before are over.
 * Longer than other control planes take to notice a step.
 */
const SETTLE_MS = 2_000;
/** A proxy that was asked to renew and has not is asked again. */
const ASK_AGAIN_MS = 15_000;
/** What signing one certificate may take of a core; renewals are spread by it. */
const SIGNING_MS = 4;
const MAX_SPREAD_MS = 30_000;
/** An intermediate gives way at half of its life, a root in the last fifth of it (as Istio's). */
const INTERMEDIATE_DUE = 0.5;
const ROOT_DUE = 0.8;

export type KeeperParts = {
  readonly db: ConfigDb;
  readonly authority: CertificateAuthority;
  readonly ledger: CertificateLedger;
  readonly mesh: MeshView;
  readonly hub: StreamHub;
  readonly registry: Registry;
  readonly logger: Logger;
  /** Authorities or the roots to show and believe have changed: the listener takes them. */
  readonly onAuthorities: () => Promise<void>;
  /** Something that `GET /identity` tells has changed. */
  readonly onChange: () => void;
};

/**
 * Keeps the authority going: reads what other control planes did, tells proxies whom to believe, moves a rotation
 * on, begins one that is due. All state is in the database, so it goes on where a killed process stopped.
 */
export class AuthorityKeeper {
  readonly #parts: KeeperParts;
  readonly #asked = new WeakMap<ProxySession, { readonly step: string; readonly atMs: number }>();
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> = Promise.resolve();
  #revoked: readonly RevokedCertificate[] = [];
  #revokedSerials = new Set<string>();
  #progress: RotationProgress | undefined;
  #readySinceMs: number | undefined;
  #step = "";
  #isFailing = false;
  #isClosed = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Reads what holds, so that the first proxy is told the truth. */
  async open(): Promise<void> {
    await this.#readRevoked();
    this.#publishTrust();
  }

  start(): void {
    const waitMs = this.rotation ? ROTATING_TICK_MS : TICK_MS;
    this.#timer = setTimeout(() => void this.#next(), waitMs);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#ticking;
  }

  get rotation(): StoredRotation | undefined {
    return this.#parts.authority.known.rotation;
  }

  isRevoked(serialNumber: string): boolean {
    return this.#revokedSerials.has(serialNumber);
  }

  /** How far the present step is, as last looked at. */
  get progress(): RotationProgress {
    return this.#progress ?? { done: 0, total: 0, waiting: [] };
  }

  /** Nobody is waited for, and has not been for long enough. */
  get isReady(): boolean {
    return this.#readySinceMs !== undefined && Date.now() - this.#readySinceMs >= SETTLE_MS;
  }

  /** For the metrics. */
  get waiting(): { of: string; step: string; waiting: number } | undefined {
    const { rotation } = this;
    return (
      rotation && { of: rotation.of, step: rotation.step, waiting: this.progress.waiting.length }
    );
  }

  /** Looks at everything once; what fails is logged and tried again with the next tick. */
  tick(): Promise<void> {
    const tick = this.#ticking.then(() => this.#look());
    this.#ticking = tick.then(
      () => {
        this.#isFailing = false;
      },
      (error: unknown) => {
        if (this.#isFailing && error instanceof DatabaseUnavailableError) return;
        this.#isFailing = true;
        this.#parts.logger.warn({ err: toHeddleError(error) }, "the authority was not looked at");
      },
    );
    return this.#ticking;
  }

  /** Begins a rotation. Throws `AuthorityConflictError`. */
  async startRotation(
    of: RotationOf,
    options: {
      readonly by: string;
      readonly isStepwise: boolean;
      readonly reason: string | undefined;
    },
  ): Promise<void> {
    await this.#parts.authority.startRotation(of, options);
    this.#parts.logger.info({ of, by: options.by }, "rotation begun");
    await this.#changed();
    await this.tick();
  }

  /** An operator's wish. Throws `AuthorityConflictError` with the reason why it cannot be now. */
  async act(event: Exclude<RotationEvent, "tick">, by: string): Promise<void> {
    await this.tick();
    const { rotation } = this;
    if (!rotation) throw new AuthorityConflictError("no rotation is under way");
    await this.#move(rotation, event);
    this.#parts.logger.info({ id: rotation.id, event, by }, "rotation changed by hand");
    await this.tick();
  }

  /** A new root at once. Throws `AuthorityConflictError`. */
  async rescue(by: string): Promise<void> {
    await this.#parts.authority.rescue();
    this.#parts.logger.error({ by }, "the root was replaced without overlap");
    await this.#changed();
    for (const session of this.#parts.hub.sessions()) session.renew(null, 0);
  }

  /** Certificates were revoked: everybody is told at once. */
  async revoked(): Promise<void> {
    await this.#readRevoked();
    this.#publishTrust();
    this.#parts.onChange();
  }

  async #next(): Promise<void> {
    await this.tick();
    if (!this.#isClosed) this.start();
  }

  async #look(): Promise<void> {
    const { authority } = this.#parts;
    if (await authority.refresh()) await this.#changed();
    await this.#readRevoked();
    this.#publishTrust(); // also an ended root or revocation goes
    const { rotation } = authority.known;
    if (rotation) await this.#moveOn(rotation);
    else {
      this.#forgetProgress();
      await this.#startDue();
    }
  }

  async #moveOn(rotation: StoredRotation): Promise<void> {
    const key = `${rotation.id}/${rotation.step}`;
    if (key !== this.#step) this.#forgetProgress();
    this.#step = key;
    await this.#lookAtProgress(rotation);
    if (rotation.step === "signing" || rotation.step === "reverting") this.#askForRenewal(key);
    if (stepRotation(rotation, "tick", this.isReady).kind === "moved") {
      await this.#move(rotation, "tick");
    }
  }

  async #lookAtProgress(rotation: StoredRotation): Promise<void> {
    const { db, registry, ledger } = this.#parts;
    const question = questionOf(rotation, this.#parts.authority.known);
    if (!question) return;
    await ledger.flush();
    const nowMs = Date.now();
    const members = await findRotationMembers(db, question, nowMs);
    const progress = describeProgress(
      rotation.step,
      members,
      (proxyId) => registry.findProxy(proxyId)?.isConnected === true,
      nowMs,
    );
    if (JSON.stringify(progress) !== JSON.stringify(this.#progress)) this.#parts.onChange();
    this.#progress = progress;
    if (progress.waiting.length > 0) this.#readySinceMs = undefined;
    else this.#readySinceMs ??= nowMs;
  }

  /** Writes down what comes of an event, unless another control plane has moved the rotation meanwhile. */
  async #move(rotation: StoredRotation, event: RotationEvent): Promise<void> {
    const { isReady } = this;
    const step = await changeAuthorities(this.#parts.db, async (stored, writer) => {
      const now = stored.rotation;
      if (now?.id !== rotation.id || now.step !== rotation.step) return undefined;
      const outcome = stepRotation(now, event, isReady);
      if (outcome.kind === "refused") throw new AuthorityConflictError(outcome.reason);
      if (outcome.kind === "same") return undefined;
      await writeRotation(new KnownAuthorities(stored), now, outcome.rotation, writer);
      return outcome.rotation.step;
    });
    if (step !== undefined && step !== rotation.step) {
      this.#parts.logger.info({ id: rotation.id, of: rotation.of, step }, "rotation: next step");
    }
    await this.#parts.authority.refresh();
    await this.#changed();
  }

  async #changed(): Promise<void> {
    this.#publishTrust();
    await this.#parts.onAuthorities();
    this.#parts.onChange();
  }

  #publishTrust(): void {
    const { authority, mesh, hub } = this.#parts;
    const nowMs = Date.now();
    const rootPems = authority.known.believedRoots(nowMs).map(certificateOf);
    if (rootPems.length === 0) return; // proxies keep what they believe until there is a root again
    const revoked = this.#revoked.filter(({ notAfterMs }) => notAfterMs > nowMs);
    const touched = mesh.replaceTrust({ rootPems, revoked });
    if (touched.size > 0) hub.publish(touched);
  }

  async #readRevoked(): Promise<void> {
    this.#revoked = await findRevokedCertificates(this.#parts.db);
    this.#revokedSerials = new Set(this.#revoked.map(({ serialNumber }) => serialNumber));
  }

  #askForRenewal(step: string): void {
    const nowMs = Date.now();
    const waiting = this.progress.waiting.flatMap(
      ({ proxyId }) => this.#parts.hub.find(proxyId) ?? [],
    );
    const certificates = waiting.reduce((sum, session) => sum + session.hostedCount + 1, 0);
    const withinMs = Math.min(MAX_SPREAD_MS, certificates * SIGNING_MS);
    for (const session of waiting) {
      const asked = this.#asked.get(session);
      if (asked?.step === step && nowMs - asked.atMs < ASK_AGAIN_MS + withinMs) continue;
      this.#asked.set(session, { step, atMs: nowMs });
      session.renew(null, withinMs);
    }
  }

  #forgetProgress(): void {
    this.#progress = undefined;
    this.#readySinceMs = undefined;
    this.#step = "";
  }

  async #startDue(): Promise<void> {
    const { authority } = this.#parts;
    if (authority.isFromFiles) return;
    const { signer } = authority.known;
    const root = signer && authority.known.rootOf(signer);
    if (!signer || !root) return;
    const nowMs = Date.now();
    const of = isDue(root, ROOT_DUE, nowMs)
      ? "root"
      : isDue(signer, INTERMEDIATE_DUE, nowMs)
        ? "intermediate"
        : undefined;
    if (!of) return;
    const reason =
      of === "root" ? "four fifths of the root's life are over" : "half of its life is over";
    try {
      await authority.startRotation(of, { by: "heddle", isStepwise: false, reason });
    } catch (error) {
      if (error instanceof AuthorityConflictError) return; // another control plane was faster
      throw error;
    }
    this.#parts.logger.info({ of, reason }, "rotation begun: it is due");
    await this.#changed();
  }
}

function isDue(
  { notBeforeMs, notAfterMs }: { readonly notBeforeMs: number; readonly notAfterMs: number },
  share: number,
  nowMs: number,
): boolean {
  return nowMs >= notBeforeMs + (notAfterMs - notBeforeMs) * share;
}

/** What a proxy has done when it has done its part of a step. */
function questionOf(
  rotation: StoredRotation,
  known: KnownAuthorities,
): RotationQuestion | undefined {
  if (isFinished(rotation)) return undefined;
  const from = known.find(rotation.fromAuthorityId);
  const to = known.find(rotation.toAuthorityId);
  const oldRoot = from && known.rootOf(from);
  const newRoot = to && known.rootOf(to);
  if (!from || !to || !oldRoot || !newRoot) return undefined;
  const questions = {
    trusting: { kind: "believes", rootHash: rootHashOf(newRoot) },
    signing: { kind: "holds", issuerIds: signersOf(known, rotation.of, to.id, newRoot.id) },
    retiring: { kind: "disbelieves", rootHash: rootHashOf(oldRoot) },
    reverting: { kind: "holds", issuerIds: signersOf(known, rotation.of, from.id, oldRoot.id) },
  } as const satisfies Partial<Record<RotationStep, RotationQuestion>>;
  return questions[rotation.step as keyof typeof questions];
}

/** Whose signature does: of a root, that of any authority under it; old leaves the root itself has signed. */
function signersOf(
  known: KnownAuthorities,
  of: RotationOf,
  intermediateId: number,
  rootId: number,
): number[] {
  if (of === "intermediate") return [intermediateId];
  const under = known.all.filter((one) => one.parentId === rootId);
  return [rootId, ...under.map(({ id }) => id)];
}
