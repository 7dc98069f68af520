import { Propagation } from "@heddle/contracts";
import type { Logger } from "@heddle/runtime";
import {
  type ConfigDb,
  findCountedUntil,
  findNeighbours,
  findTouchedTraffic,
  findUnjudgedRevisions,
  saveEffect,
  type TouchedScope,
  type UnjudgedRevision,
} from "@heddle/store";
import { effectWindow, floorStep, STEP_MS } from "./effect-window.ts";
import { judgeRevision } from "./judge-revision.ts";

/** After this a revision is judged by what there is: the collector was away, and will not count that time any more. */
const GIVE_UP_MS = 3_600_000;
/** Of a step that has ended, proxies may tell so much later. */
const LATE_MS = 5_000;
const MAX_AT_ONCE = 100;
/** What touches the whole mesh is dear to read: while its minutes pass it is judged once a minute. */
const DEAR_EVERY_MS = 60_000;

export type EffectParts = {
  readonly db: ConfigDb;
  readonly logger: Logger;
  readonly rootNamespace: () => string;
  /** Effects have changed. */
  readonly onChange: () => void;
};

/** Judges the revisions of the last hour whose effect is not final, and keeps what it found. */
export async function judgeEffects(
  { db, logger, rootNamespace, onChange }: EffectParts,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  const waiting = await findUnjudgedRevisions(db, {
    sinceMs: nowMs - GIVE_UP_MS - STEP_MS * 60,
    limit: MAX_AT_ONCE,
  });
  if (waiting.length === 0) return;
  const countedUntilMs = (await findCountedUntil(db, nowMs)) ?? 0;
  const knownUntilMs = floorStep(Math.min(nowMs, countedUntilMs) - LATE_MS);
  let changed = 0;
  for (const one of waiting) {
    if (signal.aborted) return;
    if (await judgeOne(db, one, scopeOf(one, rootNamespace()), { nowMs, knownUntilMs })) changed++;
  }
  if (changed === 0) return;
  logger.debug({ judged: changed }, "effects of revisions judged");
  onChange();
}

/** `false`: nothing new is known of it. */
async function judgeOne(
  db: ConfigDb,
  one: UnjudgedRevision,
  scope: TouchedScope,
  { nowMs, knownUntilMs }: { readonly nowMs: number; readonly knownUntilMs: number },
): Promise<boolean> {
  const propagation = Propagation.safeParse(one.propagation).data;
  const neighbours = await findNeighbours(db, one);
  const change = { createdAtMs: one.createdAtMs, spreadMs: propagation?.ackedAfterMs };
  const window = effectWindow(change, neighbours);
  const isFinal = knownUntilMs >= window.after.toMs || nowMs > one.createdAtMs + GIVE_UP_MS;
  if (!isFinal && !isWorthALook(one, scope, nowMs)) return false;
  const steps = await findTouchedTraffic(db, {
    scope,
    fromMs: window.before.fromMs,
    toMs: window.after.toMs,
  });
  const effect = judgeRevision(one.revision, window, steps, { knownUntilMs, isFinal, nowMs });
  const { verdict, because, requestsBefore, requestsAfter } = effect;
  return saveEffect(db, {
    revision: one.revision,
    verdict,
    isFinal,
    judgedAtMs: nowMs,
    summary: {
      verdict,
      isFinal,
      ...(because === undefined ? {} : { because }),
      requestsBefore,
      requestsAfter,
    },
    detail: effect,
  });
}

function isWorthALook(one: UnjudgedRevision, scope: TouchedScope, nowMs: number): boolean {
  if (one.judgedAtMs === undefined) return true;
  const everyMs = scope.kind === "services" ? STEP_MS : DEAR_EVERY_MS;
  return floorStep(nowMs) >= floorStep(one.judgedAtMs) + everyMs;
}

/** Whose traffic a revision touches: what its services receive; without services, what its namespaces send, or all. */
function scopeOf({ services, resources }: UnjudgedRevision, rootNamespace: string): TouchedScope {
  if (services.length > 0) return { kind: "services", services };
  const isForAll = resources.some(
    ({ kind, namespace }) => kind === "MeshConfig" || namespace === rootNamespace,
  );
  if (isForAll) return { kind: "mesh" };
  return { kind: "callers", namespaces: [...new Set(resources.map((one) => one.namespace))] };
}
