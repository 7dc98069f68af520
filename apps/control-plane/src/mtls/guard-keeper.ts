import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { RevisionSummary } from "@heddle/contracts";
import { formatId } from "@heddle/mesh";
import { formatRef } from "@heddle/resources";
import { HeddleError, type Logger, toHeddleError } from "@heddle/runtime";
import {
  type ConfigDb,
  claimGuards,
  DatabaseUnavailableError,
  endGuard,
  type GuardProgress,
  releaseGuards,
  type StoredGuard,
  saveGuardProgress,
} from "@heddle/store";
import { workloadKeyOf } from "../registry/instance.ts";
import type { Registry } from "../registry/registry.ts";
import type { MeshConfig } from "../revisions/mesh-config.ts";
import { parseOne } from "../revisions/parse-one.ts";
import type { StreamHub } from "../stream/hub.ts";
import { GuardCount } from "./guard-count.ts";
import {
  cancelledWords,
  heldWords,
  overtakenWords,
  runningWords,
  scopeWords,
  takenBackWords,
} from "./guard-words.ts";
import type { TurnedAway } from "./turned-away.ts";

/** Another control plane takes a guard over that was not renewed for so long. */
const LEASE_MS = 5000;
const RENEW_EVERY_MS = 1000;
const LOOK_EVERY_MS = 200;
/** Proxies tell once a second: what happened at the window's end is known a little later. */
const LAST_COUNTS_MS = 1500;
const RETRY_MS = 500;

export type GuardOutcome = "held" | "taken-back" | "overtaken" | "cancelled";

/** The policy is no longer what the flip made it. */
class OvertakenError extends HeddleError {
  override readonly name = "OvertakenError";
  constructor() {
    super("HEDDLE_GUARD_OVERTAKEN", "the policy was changed while the guard watched");
  }
}

/** How a running guard stands. */
export type GuardStanding = GuardProgress & { readonly waitingFor: readonly string[] };

type Watch = {
  readonly guard: StoredGuard;
  readonly count: GuardCount;
  /** The database has said that this run holds it. */
  isHeld: boolean;
  isUnsaved: boolean;
  isEnding: boolean;
};

/**
 * Watches the flips that have a guard: counts whom the proxies refuse since, and restores the former policy
 * as soon as they are too many. A guard and its count are in the database, so that this control plane after
 * a restart, or another one, goes on with it.
 *
 *   running → taken-back (more than maxRefusals) | held (the window has passed, all proxies were heard of)
 *           | overtaken (the policy was changed) | cancelled
 */
export class GuardKeeper {
  /** Names this run as the holder of leases. */
  readonly runner = randomUUID();
  readonly leaseMs = LEASE_MS;
  readonly #db: ConfigDb;
  readonly #config: MeshConfig;
  readonly #registry: Registry;
  readonly #hub: StreamHub;
  readonly #turnedAway: TurnedAway;
  readonly #foreignStatusOf: (proxyId: string) => { readonly ackedRevision: number } | undefined;
  readonly #logger: Logger;
  readonly #onChange: () => void;
  readonly #onEnd: (outcome: GuardOutcome) => void;
  readonly #watches = new Map<string, Watch>();
  #looking: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
  #renewedAt = 0;
  #isClosed = false;

  constructor(parts: {
    readonly db: ConfigDb;
    readonly config: MeshConfig;
    readonly registry: Registry;
    readonly hub: StreamHub;
    readonly turnedAway: TurnedAway;
    /** How a proxy stands that is connected to another control plane. */
    readonly foreignStatusOf: (proxyId: string) => { readonly ackedRevision: number } | undefined;
    readonly logger: Logger;
    /** A guard began, counted or ended. */
    readonly onChange: () => void;
    readonly onEnd: (outcome: GuardOutcome) => void;
  }) {
    this.#db = parts.db;
    this.#config = parts.config;
    this.#registry = parts.registry;
    this.#hub = parts.hub;
    this.#turnedAway = parts.turnedAway;
    this.#foreignStatusOf = parts.foreignStatusOf;
    this.#logger = parts.logger;
    this.#onChange = parts.onChange;
    this.#onEnd = parts.onEnd;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** Takes up what is in the database and nobody watches, and goes on looking for that. */
  start(): void {
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#look();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#looking);
    await this.#renewing;
    if (this.#watches.size === 0) return;
    await releaseGuards(this.#db, this.runner).catch((error: unknown) => {
      this.#logger.warn({ err: toHeddleError(error) }, "leases of guards not released");
    });
  }

  /** A flip was made with this guard, or nobody watches it any more. */
  adopt(guard: StoredGuard): void {
    if (this.#watches.has(guard.id) || this.#isClosed) return;
    const watch: Watch = {
      guard,
      count: new GuardCount(guard),
      isHeld: false,
      isUnsaved: true,
      isEnding: false,
    };
    this.#watches.set(guard.id, watch);
    const guarded = this.#guardedBy(guard);
    for (const entry of this.#turnedAway.all()) {
      if (guarded.has(entry.workload)) watch.count.take(entry);
    }
    this.#judge(watch);
    this.#onChange();
  }

  /** A proxy has told whom it turned away. */
  onTurnedAway(proxyId: string): void {
    for (const watch of this.#watches.values()) {
      const guarded = this.#guardedBy(watch.guard);
      let hasGrown = false;
      for (const entry of this.#turnedAway.ofProxy(proxyId)) {
        if (guarded.has(entry.workload)) hasGrown = watch.count.take(entry) || hasGrown;
      }
      if (!hasGrown) continue;
      watch.isUnsaved = true;
      this.#judge(watch);
      this.#onChange();
    }
  }

  /** A change of a guarded policy by anybody ends its guard. */
  onRevision({ revision, resources }: RevisionSummary): void {
    for (const watch of this.#watches.values()) {
      const isTouched = resources.some(
        (one) => one.kind === "PeerAuthentication" && formatRef(one) === refOf(watch.guard),
      );
      if (isTouched && revision > watch.guard.revision && !watch.isEnding) {
        void this.#overtaken(watch, revision);
      }
    }
  }

  /** `undefined`: this control plane does not watch it. */
  standing(id: string, nowMs: number): GuardStanding | undefined {
    const watch = this.#watches.get(id);
    return watch && this.#standing(watch, nowMs);
  }

  /** The guard that runs on each workload, `namespace/name`; those without one are not in it. */
  byWorkload(): Map<string, string> {
    const guards = new Map<string, string>();
    for (const { guard } of this.#watches.values()) {
      for (const workload of this.#guardedBy(guard)) guards.set(workload, guard.id);
    }
    return guards;
  }

  /** STRICT stays. `false`: it had ended already. Throws `DatabaseUnavailableError`. */
  async cancel(guard: StoredGuard, by: string): Promise<boolean> {
    const watch = this.#watches.get(guard.id);
    const { refused, callers } = watch?.count ?? guard;
    const end = { refused, callers, words: cancelledWords(guard, by) };
    return this.#end(guard, "cancelled", end, undefined);
  }

  /** Before every other thing, so that a flip that hurts is taken back although the database is slow. */
  #look(): void {
    for (const watch of this.#watches.values()) this.#judge(watch);
    const now = performance.now();
    if (this.#renewing || now - this.#renewedAt < RENEW_EVERY_MS) return;
    this.#renewedAt = now;
    this.#renewing = this.#renew()
      .catch((error: unknown) => {
        if (error instanceof DatabaseUnavailableError) return; // said elsewhere; it goes on from memory
        this.#logger.error({ err: toHeddleError(error) }, "guards not renewed");
      })
      .finally(() => {
        this.#renewing = undefined;
      });
  }

  async #renew(): Promise<void> {
    const mine = await claimGuards(this.#db, this.runner, LEASE_MS);
    const ids = new Set(mine.map(({ id }) => id));
    for (const { guard, isEnding, isHeld } of this.#watches.values()) {
      // Another control plane has ended or taken it; one begun a moment ago is not in the answer yet.
      if (!ids.has(guard.id) && !isEnding && isHeld) this.#forget(guard);
    }
    for (const guard of mine) this.adopt(guard);
    const nowMs = Date.now();
    for (const watch of this.#watches.values()) {
      if (!ids.has(watch.guard.id)) continue;
      watch.isHeld = true;
      if (!watch.isUnsaved || watch.isEnding) continue;
      watch.isUnsaved = false;
      await saveGuardProgress(this.#db, watch.guard.id, this.#standing(watch, nowMs));
    }
  }

  #standing({ guard, count }: Watch, nowMs: number): GuardStanding {
    const { refused, callers } = count;
    const waitingFor = this.#waitingFor(guard);
    const words = runningWords(guard, { refused, callers }, waitingFor, nowMs);
    return { refused, callers, waitingFor, words };
  }

  #judge(watch: Watch): void {
    const { guard, count, isEnding } = watch;
    if (isEnding || this.#isClosed) return;
    const nowMs = Date.now();
    const document = this.#config.snapshot.documents.get(refOf(guard));
    if (document?.revision !== guard.revision && this.#config.snapshot.revision > guard.revision) {
      void this.#overtaken(watch, document?.revision);
    } else if (count.refused > guard.maxRefusals) void this.#takeBack(watch);
    else if (nowMs >= guard.startedAtMs + guard.windowMs + LAST_COUNTS_MS) {
      if (!this.#isInForce(guard)) void this.#overtaken(watch, this.#config.snapshot.revision);
      else if (this.#waitingFor(guard).length === 0) void this.#held(watch);
    }
  }

  async #takeBack(watch: Watch): Promise<void> {
    watch.isEnding = true;
    const { guard, count } = watch;
    const { refused, callers } = count;
    const words = takenBackWords(guard, { refused, callers }, Date.now());
    const progress = { refused, callers, words };
    await this.#untilDone(watch, async () => {
      const { revision } = await this.#config.change({
        author: `guard (set by ${guard.startedBy})`,
        source: "guard",
        reason: words,
        kind: "mtls",
        summary: `${scopeWords(guard.scope)} set back to ${guard.previousMode}`,
        startedAt: performance.now(),
        plan: ({ documents }) => {
          const document = documents.get(refOf(guard));
          if (document?.revision !== guard.revision) throw new OvertakenError();
          const { previousYaml } = guard;
          const after = previousYaml === undefined ? undefined : parseOne(previousYaml);
          return [{ ref: document.resource, after }];
        },
        guard: () => ({ kind: "take-back", id: guard.id, progress }),
      });
      this.#logger.warn({ guard: guard.id, revision }, words);
      this.#ended(guard, "taken-back");
    });
  }

  async #held(watch: Watch): Promise<void> {
    watch.isEnding = true;
    const { refused, callers } = watch.count;
    const words = heldWords(watch.guard, { refused, callers });
    await this.#untilDone(watch, async () => {
      await this.#end(watch.guard, "held", { refused, callers, words }, undefined);
    });
  }

  async #overtaken(watch: Watch, revision: number | undefined): Promise<void> {
    watch.isEnding = true;
    const { refused, callers } = watch.count;
    const words = overtakenWords(watch.guard, revision);
    await this.#untilDone(watch, async () => {
      await this.#end(watch.guard, "overtaken", { refused, callers, words }, revision);
    });
  }

  /** The end of a guard waits for the database, as all changes do. */
  async #untilDone(watch: Watch, step: () => Promise<void>): Promise<void> {
    for (let attempt = 1; !this.#isClosed; attempt++) {
      try {
        return await step();
      } catch (error) {
        if (error instanceof OvertakenError) {
          const { revision } = this.#config.snapshot;
          return this.#overtaken(watch, revision > watch.guard.revision ? revision : undefined);
        }
        if (attempt === 1 || attempt % 60 === 0) {
          const { id } = watch.guard;
          this.#logger.error({ err: toHeddleError(error), guard: id, attempt }, "guard not ended");
        }
        await wait(RETRY_MS);
      }
    }
  }

  async #end(
    guard: StoredGuard,
    status: "held" | "overtaken" | "cancelled",
    progress: GuardProgress,
    endRevision: number | undefined,
  ): Promise<boolean> {
    const end = { ...progress, status, endedAtMs: Date.now(), endRevision };
    const isEnded = await endGuard(this.#db, guard.id, end);
    if (isEnded) {
      this.#logger.info({ guard: guard.id, status }, progress.words);
      this.#ended(guard, status);
    } else this.#forget(guard);
    return isEnded;
  }

  #ended(guard: StoredGuard, outcome: GuardOutcome): void {
    this.#onEnd(outcome);
    this.#forget(guard);
  }

  #forget(guard: StoredGuard): void {
    this.#watches.delete(guard.id);
    this.#onChange();
  }

  /** Those the flip made STRICT, and those that came under its policy since. */
  #guardedBy(guard: StoredGuard): Set<string> {
    const guarded = new Set(guard.workloads);
    const strictBefore = new Set(guard.strictBefore);
    for (const instance of this.#registry.instances()) {
      const workload = workloadKeyOf(instance);
      if (guarded.has(workload) || strictBefore.has(workload)) continue;
      const { policy } = this.#config.snapshot.workloads.effectiveMtls(instance);
      if (policy && formatId(policy) === formatId(guard.policy)) guarded.add(workload);
    }
    return guarded;
  }

  /** Whether any workload still goes by the guarded policy; another one may have been put before it. */
  #isInForce(guard: StoredGuard): boolean {
    const flipped = [...this.#registry.instances()].filter((one) =>
      guard.workloads.includes(workloadKeyOf(one)),
    );
    return (
      flipped.length === 0 ||
      flipped.some((one) => {
        const { policy } = this.#config.snapshot.workloads.effectiveMtls(one);
        return policy !== undefined && formatId(policy) === formatId(guard.policy);
      })
    );
  }

  /** Of a proxy at whichever control plane; 0: it is not connected. */
  #ackedRevision(proxyId: string): number {
    const status = this.#hub.find(proxyId)?.status() ?? this.#foreignStatusOf(proxyId);
    return status?.ackedRevision ?? 0;
  }

  /** Proxies whose refusals, if any, are not known: not connected, or not yet at the flip. */
  #waitingFor(guard: StoredGuard): string[] {
    const guarded = this.#guardedBy(guard);
    const proxies = new Set(
      [...this.#registry.instances()]
        .filter((one) => guarded.has(workloadKeyOf(one)))
        .map(({ proxyId }) => proxyId),
    );
    return [...proxies]
      .filter((id) => this.#ackedRevision(id) < guard.revision)
      .map((id) => this.#registry.findProxy(id)?.name ?? id)
      .sort();
  }
}

function refOf({ policy }: StoredGuard): string {
  return `PeerAuthentication ${formatId(policy)}`;
}
