import type { ChangeSource, Propagation, ResourceChange, RevisionSummary } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import {
  type Fault,
  formatRef,
  type ParsedResource,
  parseResources,
  type ResourceRef,
} from "@heddle/resources";
import { type Logger, toHeddleError } from "@heddle/runtime";
import {
  type ConfigDb,
  commitRevision,
  DatabaseUnavailableError,
  loadDocuments,
  recordPropagation,
  type StoredDocument,
} from "@heddle/store";
import {
  type ConfigSnapshot,
  compileSnapshot,
  type MeshDocument,
} from "../snapshot/config-snapshot.ts";
import type { MeshView } from "../snapshot/mesh-view.ts";
import {
  type Delivery,
  type PendingDelivery,
  type StreamHub,
  toPropagation,
} from "../stream/hub.ts";
import { ConfigFaultsError, RevisionConflictError, TooManyChangesError } from "./change-errors.ts";
import { checkDocuments } from "./check-documents.ts";
import { describeChange } from "./diff-documents.ts";
import { type ChangedResource, servicesShaped, summarizeChange } from "./summarize-change.ts";

/** One document as it is to be. `after` undefined: deleted; `createdAtMs`: an older birth to keep. */
export type PlannedDocument = {
  readonly ref: ResourceRef;
  readonly after: ParsedResource | undefined;
  readonly createdAtMs?: number | undefined;
};

/** A change, planned against the documents as they stand when its turn comes. */
export type ChangeRequest = {
  readonly author: string;
  readonly source: ChangeSource;
  readonly reason: string | undefined;
  readonly kind: RevisionSummary["kind"];
  readonly restoredRevision?: number;
  readonly dryRun?: boolean;
  /** `performance.now()` when the request arrived. */
  readonly startedAt: number;
  /** Optimistic lock by document; 0: must not exist. */
  readonly expected?: readonly (ResourceRef & { readonly revision: number })[];
  /** A sentence of its own instead of one made from the difference. */
  readonly summary?: string;
  readonly plan: (snapshot: ConfigSnapshot) => readonly PlannedDocument[];
};

export type ChangeOutcome = {
  /** 0: dry run, or nothing to change. */
  readonly revision: number;
  readonly changes: readonly ResourceChange[];
  readonly warnings: readonly string[];
  readonly savedAt: number;
  readonly delivery: PendingDelivery | undefined;
};

const MAX_WAITING = 200;
const RELOAD_EVERY_MS = 2000;

/**
 * The mesh's documents: in memory to be served, in the database to be kept. Changes form one line;
 * each is parsed, checked and written in one transaction before any proxy hears of it.
 */
export class MeshConfig {
  readonly #db: ConfigDb;
  readonly #mesh: MeshView;
  readonly #hub: StreamHub;
  readonly #logger: Logger;
  readonly #onRevision: (revision: RevisionSummary) => void;
  readonly #onPropagated: (propagation: Propagation) => void;
  /** Documents in the database that this version refuses, with their revisions; they can be replaced. */
  readonly #unreadable = new Map<string, number>();
  #line: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** The database went away during a commit: whether that was written shows only on reading it again. */
  #isUncertain = false;
  #reloadTimer: NodeJS.Timeout | undefined;

  constructor(parts: {
    db: ConfigDb;
    mesh: MeshView;
    hub: StreamHub;
    logger: Logger;
    onRevision: (revision: RevisionSummary) => void;
    onPropagated: (propagation: Propagation) => void;
  }) {
    this.#db = parts.db;
    this.#mesh = parts.mesh;
    this.#hub = parts.hub;
    this.#logger = parts.logger;
    this.#onRevision = parts.onRevision;
    this.#onPropagated = parts.onPropagated;
  }

  get snapshot(): ConfigSnapshot {
    return this.#mesh.snapshot;
  }

  /** Reads the documents from the database and pushes what differs from those in memory. */
  async load(): Promise<void> {
    const { documents, revision } = await loadDocuments(this.#db);
    this.#unreadable.clear();
    const parsed = documents.flatMap((stored) => this.#parseStored(stored) ?? []);
    this.#take(revision, new Map(parsed.map((one) => [formatRef(one.resource), one])));
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

  close(): void {
    clearTimeout(this.#reloadTimer);
  }

  async #carryOut(request: ChangeRequest): Promise<ChangeOutcome> {
    if (this.#isUncertain) await this.load();
    const outcome = await this.#attempt(request);
    if (outcome) return outcome;
    // Another control plane was faster. Plan again on its documents: `expected` still protects the caller.
    await this.load();
    const again = await this.#attempt(request);
    if (again) return again;
    throw new RevisionConflictError([]);
  }

  /** `undefined`: the documents in the database are not those in memory. */
  async #attempt(request: ChangeRequest): Promise<ChangeOutcome | undefined> {
    const { snapshot } = this;
    const planned = request.plan(snapshot).filter((one) => {
      return snapshot.documents.get(formatRef(one.ref))?.yaml !== one.after?.yaml;
    });
    checkExpected(request.expected ?? [], snapshot);
    const nowMs = Date.now();
    const next = new Map(snapshot.documents);
    for (const one of planned) {
      const key = formatRef(one.ref);
      if (one.after) next.set(key, toDocument(one, one.after, snapshot.documents.get(key), nowMs));
      else next.delete(key);
    }
    const candidate = compileSnapshot(snapshot.revision, next, snapshot);
    const warnings = this.#check(candidate, planned);
    const changes = planned.map((one) => describeChange(this.#textsOf(one)));
    if (request.dryRun === true || planned.length === 0) {
      const savedAt = performance.now();
      return { revision: 0, changes, warnings, savedAt, delivery: undefined };
    }
    const summary = this.#summarize(request, planned, nowMs);
    const revision = await this.#commit(summary, planned, next);
    if (revision === undefined) return undefined;
    const savedAt = performance.now();
    for (const { ref } of planned) {
      const document = next.get(formatRef(ref));
      if (document) next.set(formatRef(ref), { ...document, revision });
    }
    for (const { ref } of planned) this.#unreadable.delete(formatRef(ref));
    const delivery = this.#take(revision, next, candidate);
    void this.#follow(delivery, { ...summary, revision }, request.startedAt, savedAt);
    return { revision, changes, warnings, savedAt, delivery };
  }

  #check(candidate: ConfigSnapshot, planned: readonly PlannedDocument[]): readonly string[] {
    const changed = new Set(planned.map(({ ref }) => formatRef(ref)));
    const { faults, warnings } = checkDocuments(candidate, this.snapshot, changed, {
      trustDomain: this.#mesh.trustDomain,
      isServed: (service) => this.#mesh.hasEndpoints(service),
      workloads: () => this.#mesh.workloadsWithLabels(),
      versionsOf: (service) => this.#mesh.versionsOf(service),
    });
    if (faults.length > 0) throw new ConfigFaultsError(faults);
    return warnings;
  }

  async #commit(
    summary: Omit<RevisionSummary, "revision">,
    planned: readonly PlannedDocument[],
    next: ReadonlyMap<string, MeshDocument>,
  ): Promise<number | undefined> {
    const changes = planned.map((one) => ({
      ...this.#textsOf(one),
      expectedRevision: this.#revisionOf(one.ref),
      createdAtMs: next.get(formatRef(one.ref))?.createdAtMs ?? summary.createdAtMs,
    }));
    try {
      return await commitRevision(
        this.#db,
        {
          ...summary,
          reason: summary.reason,
          restoredRevision: summary.restoredRevision,
        },
        changes,
      );
    } catch (error) {
      this.#isUncertain = true;
      this.#reloadSoon();
      throw error;
    }
  }

  #revisionOf(ref: ResourceRef): number {
    const key = formatRef(ref);
    return this.snapshot.documents.get(key)?.revision ?? this.#unreadable.get(key) ?? 0;
  }

  /** Makes the documents the ones in force, and pushes what they change, in one turn of the event loop. */
  #take(
    revision: number,
    documents: ReadonlyMap<string, MeshDocument>,
    previous: ConfigSnapshot = this.snapshot,
  ): PendingDelivery {
    const next = compileSnapshot(revision, documents, previous);
    return this.#hub.publish(this.#mesh.replaceSnapshot(next));
  }

  /** Everything about a revision that nobody has to wait for. */
  async #follow(
    delivery: PendingDelivery,
    summary: RevisionSummary,
    startedAt: number,
    savedAt: number,
  ): Promise<void> {
    this.#onRevision(summary);
    const settled: Delivery = await delivery.settle();
    const propagation: Propagation = toPropagation(settled, startedAt, savedAt);
    this.#onPropagated(propagation);
    try {
      await recordPropagation(this.#db, summary.revision, propagation);
    } catch (error) {
      this.#logger.warn(
        { err: toHeddleError(error), revision: summary.revision },
        "propagation not recorded",
      );
    }
  }

  #summarize(
    request: ChangeRequest,
    planned: readonly PlannedDocument[],
    createdAtMs: number,
  ): Omit<RevisionSummary, "revision"> {
    const changed = planned.map(
      ({ ref, after }): ChangedResource => ({
        before: this.snapshot.documents.get(formatRef(ref))?.resource,
        after: after?.resource,
      }),
    );
    return {
      createdAtMs,
      author: request.author,
      source: request.source,
      ...(request.reason === undefined ? {} : { reason: request.reason }),
      summary: request.summary ?? summarizeChange(changed),
      kind: request.kind,
      ...(request.restoredRevision === undefined
        ? {}
        : { restoredRevision: request.restoredRevision }),
      resources: planned.map(({ ref: { kind, namespace, name } }) => ({ kind, namespace, name })),
      services: servicesShaped(changed, {
        selectedBy: (policy) => this.#mesh.servicesSelectedBy(policy),
        keyOf: (ref, namespace) => formatId(this.snapshot.hosts.ofRef(ref, namespace)),
      }),
    };
  }

  #textsOf({ ref, after }: PlannedDocument) {
    return {
      kind: ref.kind,
      namespace: ref.namespace,
      name: ref.name,
      before: this.snapshot.documents.get(formatRef(ref))?.yaml,
      after: after?.yaml,
    };
  }

  #reloadSoon(): void {
    if (this.#reloadTimer) return;
    this.#reloadTimer = setTimeout(() => {
      this.#reloadTimer = undefined;
      if (!this.#isUncertain) return;
      const turn = this.#line.then(() => (this.#isUncertain ? this.load() : undefined));
      this.#line = turn.catch((error: unknown) => {
        if (!(error instanceof DatabaseUnavailableError)) {
          this.#logger.error({ err: toHeddleError(error) }, "documents not read again");
        }
        this.#reloadSoon();
      });
    }, RELOAD_EVERY_MS);
    this.#reloadTimer.unref();
  }

  /** `undefined`: it was taken by an earlier version of Heddle and is refused by this one. */
  #parseStored(stored: StoredDocument): MeshDocument | undefined {
    const { kind, namespace, name, yaml, revision, createdAtMs, updatedAtMs } = stored;
    const parsed = parseResources(yaml);
    const [only] = parsed.ok ? parsed.resources : [];
    if (only) return { resource: only.resource, yaml, revision, createdAtMs, updatedAtMs };
    const document = `${kind} ${namespace}/${name}`;
    const faults = parsed.ok ? [] : parsed.faults;
    this.#unreadable.set(document, revision);
    this.#logger.error(
      { document, revision, faults },
      "stored document not understood; without it",
    );
    return undefined;
  }
}

/** Parses a text that must hold exactly one good document. Throws `ConfigFaultsError`. */
export function parseOne(yaml: string): ParsedResource {
  const outcome = parseResources(yaml);
  if (!outcome.ok) throw new ConfigFaultsError(outcome.faults);
  const [only, ...others] = outcome.resources;
  if (!only || others.length > 0) {
    const fault: Fault = { field: "text", message: "expected exactly one document" };
    throw new ConfigFaultsError([fault]);
  }
  return only;
}

function toDocument(
  planned: PlannedDocument,
  after: ParsedResource,
  before: MeshDocument | undefined,
  nowMs: number,
): MeshDocument {
  return {
    resource: after.resource,
    yaml: after.yaml,
    revision: 0, // known once it is committed
    createdAtMs: planned.createdAtMs ?? before?.createdAtMs ?? nowMs,
    updatedAtMs: nowMs,
  };
}

function checkExpected(
  expected: readonly (ResourceRef & { readonly revision: number })[],
  snapshot: ConfigSnapshot,
): void {
  const stale = expected.flatMap((one): Fault[] => {
    const revision = snapshot.documents.get(formatRef(one))?.revision ?? 0;
    if (revision === one.revision) return [];
    const message = `is at revision ${revision}, expected ${one.revision}`;
    return [{ field: formatRef(one), message }];
  });
  if (stale.length > 0) throw new RevisionConflictError(stale);
}
