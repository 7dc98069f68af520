import type { CanariedPush, FirstProxy, WorkloadTally } from "@heddle/contracts";
import { judgePush, type PushVerdict } from "@heddle/mesh";
import { type Logger, toHeddleError } from "@heddle/runtime";
import {
  type ConfigDb,
  DatabaseUnavailableError,
  findPush,
  findPushes,
  findPushReports,
  findRunningPush,
  finishPush,
  forgetPushes,
  type StoredPush,
  savePushReport,
  savePushWords,
} from "@heddle/store";
import { workloadKeyOf } from "../registry/instance.ts";
import type { Registry } from "../registry/registry.ts";
import type { Replicas } from "../replicas/replicas.ts";
import type { SingletonTask } from "../replicas/singleton.ts";
import type { PlannedDocument } from "../revisions/change-request.ts";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import { parseOne } from "../revisions/parse-one.ts";
import type { ConfigSnapshot } from "../snapshot/config-snapshot.ts";
import type { StreamHub } from "../stream/hub.ts";
import { keyOf } from "./plan-push.ts";
import { PushEndedError } from "./push-errors.ts";
import { mergeReports, type PushReport, toCanariedPush } from "./push-report.ts";
import type { PushStage } from "./push-stage.ts";
import { PushTallies } from "./push-tallies.ts";

const LOOK_EVERY_MS = 250;
const JUDGE_EVERY_MS = 500;
/** Asked again before it is over; who does not hear of the end stops by itself. */
const TALLY_FOR_MS = 30_000;
const ASK_AGAIN_MS = 10_000;
/** Proxies that connect after the others were asked are asked this soon. */
const ASK_NEW_MS = 1_000;
const FORGET_EVERY_MS = 3_600_000;
const MEMORY_MS = 30 * 86_400_000;
const MAX_LISTED = 50;

type KeeperParts = {
  readonly db: ConfigDb;
  readonly config: MeshConfig;
  readonly stage: PushStage;
  readonly hub: StreamHub;
  readonly registry: Registry;
  readonly replicas: Replicas;
  readonly logger: Logger;
  /** A push began, went on or ended. */
  readonly onChange: () => void;
};

/** Who ends a push, if it is not Heddle itself. */
export type PushActor = {
  readonly name: string;
  readonly reason: string | undefined;
  readonly authorize: NonNullable<Parameters<MeshConfig["change"]>[0]["authorize"]>;
};

/**
 * Follows canaried pushes. Each control plane tells how its own proxies stand; the one that has the task judges what
 * all have told. A push and what was told of it are in the database: who comes after a killed one goes on with it.
 *
 *   running → finished (all get it) | stopped (taken back, in a revision) | overtaken (in a revision)
 */
export class PushKeeper {
  readonly #parts: KeeperParts;
  readonly #tallies = new PushTallies();
  /** Of first proxies that are, or were, connected here. */
  readonly #states = new Map<string, FirstProxy>();
  /** Control planes that have told something and are gone, with the moment (epoch ms) that was found. */
  readonly #deadSince = new Map<string, number>();
  #pushId: string | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** So many proxies were connected then. */
  #askedOf = 0;
  #toldText = "";
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** To be run by one control plane at a time. */
  get task(): SingletonTask {
    return { name: "canaried-pushes", everyMs: JUDGE_EVERY_MS, run: () => this.#judge() };
  }

  get forgetting(): SingletonTask {
    const run = () => forgetPushes(this.#parts.db, Date.now() - MEMORY_MS);
    return { name: "forget-pushes", everyMs: FORGET_EVERY_MS, run };
  }

  noteTally(proxyId: string, workloads: readonly WorkloadTally[]): void {
    if (!this.#parts.stage.running) return;
    const isFirst = this.#parts.stage.first.has(proxyId);
    const runsIt = this.#states.get(proxyId)?.state === "acked";
    this.#tallies.take(proxyId, isFirst ? (runsIt ? "first" : undefined) : "others", workloads);
  }

  /** The running one first, then the newest. */
  async list(): Promise<CanariedPush[]> {
    const { db } = this.#parts;
    const pushes = await findPushes(db, MAX_LISTED);
    return Promise.all(pushes.map((one) => this.#describe(one)));
  }

  /** `undefined`: there is none of this id. */
  async find(id: string): Promise<StoredPush | undefined> {
    return findPush(this.#parts.db, id);
  }

  /** All proxies get it now. Throws `PushEndedError`. */
  async finish(push: StoredPush, { name, reason }: Omit<PushActor, "authorize">): Promise<void> {
    const words = `Finished by ${name}${reason === undefined ? "." : `: ${reason}`}`;
    const isFinished = await this.#finish(push, words, name);
    if (!isFinished) throw new PushEndedError(push.id);
  }

  /** It is taken back. Throws `PushEndedError`, or what a change throws. */
  async stop(push: StoredPush, { name, reason, authorize }: PushActor): Promise<void> {
    const words = `Stopped by ${name}${reason === undefined ? "." : `: ${reason}`}`;
    await this.#takeBack(push, words, { name, authorize });
  }

  async describe(id: string): Promise<CanariedPush | undefined> {
    const push = await this.find(id);
    return push && this.#describe(push);
  }

  // ---- At every control plane ----

  /** Looks how the push that runs stands; nothing while none does. */
  look(): void {
    const { stage, logger } = this.#parts;
    if (!stage.running) return void (this.#pushId !== undefined && this.#forget());
    this.#looking ??= this.#follow(stage.running)
      .catch((error: unknown) => {
        if (error instanceof DatabaseUnavailableError) return; // everybody stays where he is
        logger.error({ err: toHeddleError(error) }, "canaried push not followed");
      })
      .finally(() => {
        this.#looking = undefined;
      });
  }

  async #follow({ id }: StoredPush): Promise<void> {
    const { db, config, stage, replicas, onChange } = this.#parts;
    if (this.#pushId !== id) this.#begin(id);
    const push = await findPush(db, id);
    if (stage.running?.id !== id) return;
    if (push?.status !== "running") {
      // The documents come first: others must not get for a moment what was just taken back.
      const { endRevision } = push ?? {};
      if (endRevision !== undefined && endRevision > config.snapshot.revision) {
        return config.hear(endRevision);
      }
      this.#release();
      return;
    }
    const reports = await findPushReports(db, id);
    if (stage.running?.id !== id) return;
    stage.adoptFirst(mergeReports(reports).first.map(({ proxyId }) => proxyId));
    stage.chooseIfNone();
    this.#askTallies();
    const report: PushReport = { first: this.#firstHere(), counts: this.#tallies.counts };
    const text = JSON.stringify(report);
    if (text === this.#toldText) return;
    this.#toldText = text;
    await savePushReport(db, id, replicas.id, report);
    onChange();
  }

  #begin(id: string): void {
    this.#forget();
    this.#pushId = id;
  }

  #forget(): void {
    this.#pushId = undefined;
    this.#tallies.clear();
    this.#states.clear();
    this.#deadSince.clear();
    this.#toldText = "";
    this.#askedAt = Number.NEGATIVE_INFINITY;
    this.#parts.onChange();
  }

  /** All run the same again, here. */
  #release(): void {
    this.#parts.stage.note(undefined);
    this.#parts.stage.settle();
    this.#forget();
  }

  #askTallies(): void {
    const { hub, stage } = this.#parts;
    const now = performance.now();
    const isNewer = hub.size > this.#askedOf;
    if (now - this.#askedAt < (isNewer ? ASK_NEW_MS : ASK_AGAIN_MS)) return;
    this.#askedAt = now;
    this.#askedOf = hub.size;
    for (const session of stage.concerned()) session.askTally(TALLY_FOR_MS);
  }

  /** How the first proxies stand that this control plane knows best. */
  #firstHere(): FirstProxy[] {
    const nowMs = Date.now();
    for (const proxyId of this.#parts.stage.first) {
      const now = this.#standingOf(proxyId);
      const before = this.#states.get(proxyId);
      if (now === undefined) this.#states.delete(proxyId);
      else if (now.state !== before?.state) {
        this.#states.set(proxyId, { ...this.#about(proxyId), ...now, sinceMs: nowMs });
      }
    }
    return [...this.#states.values()];
  }

  /** `undefined`: it is connected elsewhere, or never was here. */
  #standingOf(proxyId: string): Pick<FirstProxy, "state" | "reason"> | undefined {
    const { hub, registry, stage } = this.#parts;
    const session = hub.find(proxyId);
    if (session) {
      const { sync, lastNack, ackedRevision } = session.status();
      if (sync === "ERROR") return { state: "nacked", ...(lastNack && { reason: lastNack }) };
      const newest = stage.running?.revisions.at(-1) ?? 0;
      return { state: sync === "SYNCED" && ackedRevision >= newest ? "acked" : "waiting" };
    }
    const proxy = registry.findProxy(proxyId);
    if (proxy?.hasLeft) return { state: "left" };
    return this.#states.has(proxyId) && proxy?.isConnected !== true ? { state: "gone" } : undefined;
  }

  #about(proxyId: string): Pick<FirstProxy, "proxyId" | "name" | "workloads"> {
    const { registry } = this.#parts;
    const workloads = registry.instancesOfProxy(proxyId).map(workloadKeyOf);
    const name = registry.findProxy(proxyId)?.name ?? proxyId;
    return { proxyId, name, workloads: [...new Set(workloads)].sort() };
  }

  // ---- At one of them ----

  async #judge(): Promise<void> {
    const { db, stage, logger } = this.#parts;
    if (!stage.running) return; // one that this control plane has not heard of yet comes with its revision
    const push = await findRunningPush(db);
    if (!push) return;
    const report = await this.#reportOf(push.id);
    const verdict = verdictOf(push, report);
    if (verdict.kind === "go-on")
      return savePushWords(db, push.id, runningWords(push, report, verdict));
    if (verdict.kind === "finish") return void (await this.#finish(push, verdict.words, undefined));
    try {
      await this.#takeBack(push, verdict.words, undefined);
    } catch (error) {
      if (error instanceof PushEndedError) return;
      logger.error({ err: toHeddleError(error), push: push.id }, "canaried push not taken back");
      throw error;
    }
  }

  async #finish(push: StoredPush, words: string, endedBy: string | undefined): Promise<boolean> {
    const { db, stage, replicas, logger } = this.#parts;
    const outcome = mergeReports(await findPushReports(db, push.id));
    if (!(await finishPush(db, push.id, { words, endedBy, outcome }))) return false;
    logger.info({ push: push.id, revisions: push.revisions }, words);
    replicas.tell({ type: "pushes" });
    if (stage.running?.id === push.id) this.#release();
    return true;
  }

  async #takeBack(
    push: StoredPush,
    words: string,
    actor: Pick<PushActor, "name" | "authorize"> | undefined,
  ): Promise<void> {
    const { db, config, replicas, logger } = this.#parts;
    const outcome = mergeReports(await findPushReports(db, push.id));
    const which = push.revisions.length === 1 ? "Revision" : "Revisions";
    const { revision } = await config.change({
      author: actor?.name ?? `guard (push of ${push.startedBy})`,
      source: actor === undefined ? "guard" : "api",
      reason: words,
      kind: "restore",
      summary: `${which} ${push.revisions.join(", ")} taken back from the first proxies`,
      startedAt: performance.now(),
      acceptsEndpointLoss: true,
      ...(actor && { authorize: actor.authorize }),
      endsPush: { id: push.id, end: { status: "stopped", words, endedBy: actor?.name, outcome } },
      plan: (snapshot) => planTakingBack(push, snapshot),
    });
    if (revision === 0) return void (await this.#finish(push, words, actor?.name)); // nothing of it is left
    logger.warn({ push: push.id, revision }, words);
    replicas.tell({ type: "pushes" });
    this.look();
  }

  /** How the push that runs stands, over all control planes. */
  async #reportOf(id: string): Promise<PushReport> {
    const { db, replicas } = this.#parts;
    const rows = await findPushReports(db, id);
    for (const { replicaId } of rows) {
      if (replicaId === replicas.id || replicas.hears(replicaId)) this.#deadSince.delete(replicaId);
      else if (!this.#deadSince.has(replicaId)) this.#deadSince.set(replicaId, Date.now());
    }
    return mergeReports(rows, (replicaId) => this.#deadSince.get(replicaId));
  }

  async #describe(push: StoredPush): Promise<CanariedPush> {
    if (push.status !== "running")
      return toCanariedPush(push, { first: [], counts: [] }, undefined);
    const report = await this.#reportOf(push.id);
    const verdict = verdictOf(push, report);
    const watchedSinceMs = verdict.kind === "go-on" ? verdict.watchedSinceMs : undefined;
    return toCanariedPush(push, report, watchedSinceMs);
  }
}

function verdictOf(push: StoredPush, report: PushReport): PushVerdict {
  const first = report.first.map((one) => ({ ...one, reason: one.reason }));
  const { startedAtMs, windowMs } = push;
  return judgePush({ startedAtMs, windowMs, first, counts: report.counts }, Date.now());
}

function runningWords(
  { proxiesConcerned, windowMs }: StoredPush,
  { first }: PushReport,
  { watchedSinceMs }: Extract<PushVerdict, { kind: "go-on" }>,
): string {
  const acked = first.filter(({ state }) => state === "acked").length;
  const so = `${acked} of ${proxiesConcerned} proxies have it`;
  if (watchedSinceMs === undefined) return `${so}.`;
  const leftMs = Math.max(0, watchedSinceMs + windowMs - Date.now());
  return `${so}; watched for ${Math.ceil(leftMs / 1000)} s more.`;
}

/** What the others still run is in force again; what has moved on since stays. */
function planTakingBack(push: StoredPush, snapshot: ConfigSnapshot): PlannedDocument[] {
  return push.held.flatMap((one): PlannedDocument[] => {
    const document = snapshot.documents.get(keyOf(one));
    if (document !== undefined && !push.revisions.includes(document.revision)) return [];
    if (one.yaml !== undefined) {
      const after = parseOne(one.yaml);
      return [{ ref: after.resource, after, createdAtMs: one.createdAtMs }];
    }
    return document === undefined ? [] : [{ ref: document.resource, after: undefined }];
  });
}
