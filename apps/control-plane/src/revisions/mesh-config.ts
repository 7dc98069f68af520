import { setTimeout as wait } from "node:timers/promises";
import type { Propagation, RevisionSummary } from "@heddle/contracts";
import { type Fault, formatRef } from "@heddle/resources";
import { type Logger, toHeddleError } from "@heddle/runtime";
import {
  type ConfigDb,
  commitRevision,
  DatabaseUnavailableError,
  findCommitted,
  findPushReports,
  findRevisions,
  findRunningPush,
  type GuardStep,
  type NewRevision,
  type PushStep,
  recordPropagation,
} from "@heddle/store";
import { mergeReports } from "../pushes/push-report.ts";
import type { PushStage } from "../pushes/push-stage.ts";
import {
  type ConfigSnapshot,
  compileSnapshot,
  type MeshDocument,
} from "../snapshot/config-snapshot.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import { type PendingDelivery, toPropagation } from "../stream/hub.ts";
import { ConfigFaultsError, RevisionConflictError, TooManyChangesError } from "./change-errors.ts";
import type { ChangeOutcome, ChangeRequest } from "./change-request.ts";
import { type CheckOutcome, checkDocuments } from "./check-documents.ts";
import { type CodedWarning, coded } from "./coded-warning.ts";
import { EndpointLossError, findLosses } from "./endpoint-loss.ts";
import { PlannedChange } from "./planned-change.ts";
import { StoredDocuments } from "./stored-documents.ts";
import { toSummary } from "./to-summary.ts";

/** What Heddle takes back by itself was in force before, and is not asked about. */
const OWN_SOURCES: ReadonlySet<ChangeRequest["source"]> = new Set(["guard", "timer"]);
const MAX_WAITING = 200;
const RELOAD_EVERY_MS = 2000;
/** So often a change is planned anew when other control planes are faster each time. */
const MAX_ATTEMPTS = 20;
const RESOLVE_ATTEMPTS = 3;
const RESOLVE_PAUSE_MS = 200;
/** So many revisions of other control planes are told one by one. */
const MAX_TOLD = 200;

/** What the mesh's documents work with. */
export type MeshConfigParts = {
  readonly db: ConfigDb;
  readonly mesh: MeshView;
  readonly stage: PushStage;
  readonly logger: Logger;
  /** Names this control plane among those over the same database. */
  readonly replicaId: string;
  /** More than this share of a service's endpoints, 0 to 100, no change takes unasked. */
  readonly maxLossPercent: number;
  /** Those to which proxies of any control plane send requests, `namespace/name`. */
  readonly usedServices: () => Iterable<string>;
  /** Made here or by another control plane; in force, and on its way to the proxies. */
  readonly onRevision: (revision: RevisionSummary) => void;
  /** A change made here is on its way: other control planes are to tell of their proxies. */
  readonly onCommitted: (revision: number, delivery: PendingDelivery) => void;
  /** Taken over from other control planes, and on its way to the proxies connected here. */
  readonly onTakenOver: (revision: number, delivery: PendingDelivery) => void;
  readonly onPropagated: (propagation: Propagation) => void;
};

/**
 * The mesh's documents: in memory to be served, in the database to be kept. Changes form one line, here and
 * over all control planes: each is parsed, checked and written in one transaction before any proxy hears of
 * it, and only if nobody has changed anything since what it was checked against.
 */
export class MeshConfig {
  readonly #parts: MeshConfigParts;
  readonly #stored: StoredDocuments;
  #line: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isCatchingUp = false;
  /** The database went away during a commit: whether that was written shows only on reading it again. */
  #isUncertain = false;
  #reloadTimer: NodeJS.Timeout | undefined;

  constructor(parts: MeshConfigParts) {
    this.#parts = parts;
    this.#stored = new StoredDocuments(parts.db, parts.logger);
  }

  get snapshot(): ConfigSnapshot {
    return this.#parts.mesh.snapshot;
  }

  /** Reads the documents from the database and pushes what differs from those in memory. */
  async load(): Promise<void> {
    const { revision, documents } = await this.#stored.load();
    await this.#notePush();
    this.#take(revision, documents);
    this.#isUncertain = false;
  }

  /**
   * Carries a change out. Throws `ConfigFaultsError`, `RevisionConflictError`,
   * `DatabaseUnavailableError` (nothing was pushed) or what `plan` throws.
   */
  async change(request: ChangeRequest): Promise<ChangeOutcome> {
    if (this.#waiting >= MAX_WAITING) throw new TooManyChangesError(MAX_WAITING);
    this.#waiting += 1;
    const turn = this.#line.then(() => this.#carryOut(request));
    this.#line = turn.catch(() => undefined); // its caller hears of it; the next goes on
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Takes what sources of the registry name in the place of what they named before. Makes no revision. */
  async takeSourced(sourced: ReadonlyMap<string, MeshDocument>): Promise<void> {
    const turn = this.#line.then(() => this.#replaceSourced(sourced));
    this.#line = turn.catch(() => undefined); // its caller hears of it; the next goes on
    await turn;
  }

  #replaceSourced(sourced: ReadonlyMap<string, MeshDocument>): void {
    const { snapshot } = this;
    const next = compileSnapshot(snapshot.revision, snapshot.documents, snapshot, sourced);
    this.#parts.stage.publish(next);
  }

  /** What speaks against documents of sources in the place of those before; `changed`: their refs. */
  checkSourced(
    sourced: ReadonlyMap<string, MeshDocument>,
    changed: ReadonlySet<string>,
  ): readonly Fault[] {
    const { snapshot } = this;
    const next = compileSnapshot(snapshot.revision, snapshot.documents, snapshot, sourced);
    return this.#findFaults(next, changed).faults;
  }

  /** Another control plane has committed this revision: it is taken over unless that was done already. */
  hear(revision: number): void {
    if (revision <= this.snapshot.revision || this.#isCatchingUp) return;
    this.#isCatchingUp = true;
    const turn = this.#line.then(() => {
      this.#isCatchingUp = false; // what is committed from now on is heard of again
      return this.#catchUp();
    });
    this.#line = turn.catch((error: unknown) => {
      if (error instanceof DatabaseUnavailableError) return; // the next look around finds it again
      this.#parts.logger.error({ err: toHeddleError(error) }, "revision not taken over");
    });
  }

  close(): void {
    clearTimeout(this.#reloadTimer);
  }

  // ---- One change ----

  async #carryOut(request: ChangeRequest): Promise<ChangeOutcome> {
    if (this.#isUncertain) await this.#catchUp();
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const outcome = await this.#attempt(request);
      if (outcome) return outcome;
      // Another control plane was faster. Plan again on its documents: `expected` still protects the caller.
      await this.#catchUp();
    }
    throw new RevisionConflictError([]);
  }

  /** `undefined`: the documents in the database are not those in memory. */
  async #attempt(request: ChangeRequest): Promise<ChangeOutcome | undefined> {
    const { snapshot } = this;
    const { stage } = this.#parts;
    const planned = new PlannedChange(request, snapshot, Date.now());
    const candidate = compileSnapshot(snapshot.revision, planned.next, snapshot);
    const warnings = [
      ...this.#check(candidate, planned.keys),
      ...coded([], this.#checkLoss(candidate, request)),
    ];
    const { changes } = planned;
    if (planned.isEmpty) {
      const savedAt = performance.now();
      return { revision: 0, changes, warnings, savedAt, delivery: undefined };
    }
    const summary = planned.summarize(this.#parts.mesh);
    const guard = request.guard?.(snapshot, planned.documents);
    const push = stage.plan(request, planned.documents, candidate);
    const revision = await this.#commit(summary, planned, { guard, push });
    if (revision === undefined) return undefined;
    const savedAt = performance.now();
    planned.stamp(revision);
    this.#stored.onReplaced(planned.keys);
    stage.noteCommitted(push, revision, request.author);
    const delivery = this.#take(revision, planned.next, candidate);
    this.#parts.onCommitted(revision, delivery);
    void this.#follow(delivery, { ...summary, revision }, request.startedAt, savedAt);
    return { revision, changes, warnings, savedAt, delivery, push: stage.refOf(revision) };
  }

  #check(candidate: ConfigSnapshot, changed: ReadonlySet<string>): readonly CodedWarning[] {
    const { faults, warnings } = this.#findFaults(candidate, changed);
    if (faults.length > 0) throw new ConfigFaultsError(faults);
    return warnings;
  }

  #findFaults(candidate: ConfigSnapshot, changed: ReadonlySet<string>): CheckOutcome {
    const { mesh } = this.#parts;
    return checkDocuments(candidate, this.snapshot, changed, {
      trustDomain: mesh.trustDomain,
      isServed: (service) => mesh.hasEndpoints(service),
      workloads: () => mesh.workloadsWithLabels(),
      versionsOf: (service) => mesh.versionsOf(service),
    });
  }

  /** Throws `EndpointLossError` unless it is meant; of what is only tried out, it warns. */
  #checkLoss(candidate: ConfigSnapshot, request: ChangeRequest): string[] {
    const { mesh, usedServices, maxLossPercent } = this.#parts;
    if (request.acceptsEndpointLoss === true || OWN_SOURCES.has(request.source)) return [];
    const counts = mesh.countEndpoints(candidate, usedServices);
    const losses = findLosses(counts, maxLossPercent);
    if (losses.length === 0) return [];
    const error = new EndpointLossError(losses, maxLossPercent);
    if (request.dryRun !== true) throw error;
    return [error.message];
  }

  async #commit(
    summary: Omit<RevisionSummary, "revision">,
    planned: PlannedChange,
    steps: { readonly guard: GuardStep | undefined; readonly push: PushStep | undefined },
  ): Promise<number | undefined> {
    const { documents, revision: baseRevision } = this.snapshot;
    const changes = planned.forStore(
      (ref) => documents.get(formatRef(ref))?.revision ?? this.#stored.revisionOfUnreadable(ref),
    );
    const { reason, restoredRevision } = summary;
    const { replicaId, db } = this.#parts;
    const made = { ...summary, reason, restoredRevision, baseRevision, replicaId };
    try {
      return await commitRevision(db, made, changes, steps.guard, steps.push);
    } catch (error) {
      const found = await this.#findCommitted(made);
      if (found !== undefined) return found;
      this.#isUncertain = true;
      this.#reloadSoon();
      throw error;
    }
  }

  /** The answer was lost: a database that is back at once says whether the revision was written. */
  async #findCommitted(made: NewRevision): Promise<number | undefined> {
    for (let attempt = 1; attempt <= RESOLVE_ATTEMPTS; attempt++) {
      try {
        return await findCommitted(this.#parts.db, made);
      } catch (error) {
        if (!(error instanceof DatabaseUnavailableError)) throw error;
        await wait(RESOLVE_PAUSE_MS);
      }
    }
    return undefined;
  }

  /** Makes the documents the ones in force, and pushes what they change, in one turn of the event loop. */
  #take(
    revision: number,
    documents: ReadonlyMap<string, MeshDocument>,
    previous: ConfigSnapshot = this.snapshot,
  ): PendingDelivery {
    return this.#parts.stage.publish(compileSnapshot(revision, documents, previous));
  }

  /** Everything about a revision that nobody has to wait for. */
  async #follow(
    delivery: PendingDelivery,
    summary: RevisionSummary,
    startedAt: number,
    savedAt: number,
  ): Promise<void> {
    const { db, logger, onPropagated, onRevision } = this.#parts;
    onRevision(summary);
    const propagation = toPropagation(await delivery.settle(), startedAt, savedAt);
    onPropagated(propagation);
    try {
      await recordPropagation(db, summary.revision, propagation);
    } catch (error) {
      logger.warn(
        { err: toHeddleError(error), revision: summary.revision },
        "propagation not recorded",
      );
    }
  }

  // ---- What other control planes have done ----

  /** Takes over what was committed since; one's own uncertain commit shows here, too. */
  async #catchUp(): Promise<void> {
    const before = this.snapshot;
    const { revision, documents } = await this.#stored.loadSince(before.revision, before.documents);
    // Read after the documents: a push that has begun by one of them is known when they are published.
    await this.#notePush();
    this.#isUncertain = false;
    if (revision === before.revision) return void this.#parts.stage.settle();
    const delivery = this.#take(revision, documents);
    this.#parts.onTakenOver(revision, delivery);
    void this.#tellOf(before.revision, revision);
  }

  /** Which canaried push runs, and who has it first as far as control planes have told. */
  async #notePush(): Promise<void> {
    const { db, stage } = this.#parts;
    const running = await findRunningPush(db);
    const reports = running ? await findPushReports(db, running.id) : [];
    stage.note(running);
    stage.adoptFirst(mergeReports(reports).first.map(({ proxyId }) => proxyId));
  }

  async #tellOf(after: number, until: number): Promise<void> {
    try {
      const page = { limit: MAX_TOLD, before: until + 1, service: undefined };
      const revisions = await findRevisions(this.#parts.db, page);
      for (const one of revisions.reverse()) {
        if (one.revision > after) this.#parts.onRevision(toSummary(one));
      }
    } catch (error) {
      this.#parts.logger.warn({ err: toHeddleError(error) }, "revisions taken over but not told");
    }
  }

  // ---- After an uncertain commit ----

  #reloadSoon(): void {
    if (this.#reloadTimer) return;
    this.#reloadTimer = setTimeout(() => {
      this.#reloadTimer = undefined;
      if (!this.#isUncertain) return;
      const turn = this.#line.then(() => (this.#isUncertain ? this.#catchUp() : undefined));
      this.#line = turn.catch((error: unknown) => {
        if (!(error instanceof DatabaseUnavailableError)) {
          this.#parts.logger.error({ err: toHeddleError(error) }, "documents not read again");
        }
        this.#reloadSoon();
      });
    }, RELOAD_EVERY_MS);
    this.#reloadTimer.unref();
  }
}
