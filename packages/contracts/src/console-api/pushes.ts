import { z } from "zod";

/**
 * Canaried pushes: a risky change reaches a few proxies first, and the others when those stay well. Times are epoch ms.
 * `GET /pushes` → `PushesResponse`; `POST /pushes/{id}/finish`, `…/stop` (operator) with `PushRequest` → `CanariedPush`.
 */

/** `canaried`: a risky change goes to some proxies first; `all`: to every proxy at once. */
export const PushMode = z.enum(["canaried", "all"]);

/**
 * `running`: the first proxies have it, the others run what was before; `finished`: all have it; `stopped`: it was
 * taken back, by revision `endRevision`; `overtaken`: a later change of the same documents (`endRevision`) went to all.
 */
export const PushStatus = z.enum(["running", "finished", "stopped", "overtaken"]);

/** What proxies have counted: requests that have ended, and of these the failed and those that were not let in. */
export const PushTally = z.object({
  requests: z.number().int(),
  errors: z.number().int(),
  denied: z.number().int(),
});

/**
 * `waiting`: not answered yet; `acked`: it runs the change; `nacked`: it has refused it (`reason`); `gone`: its stream
 * has ended without a goodbye; `left`: it has said goodbye, which says nothing about the change.
 */
export const FirstProxyState = z.enum(["waiting", "acked", "nacked", "gone", "left"]);
export const FirstProxy = z.object({
  proxyId: z.string(),
  name: z.string(),
  workloads: z.array(z.string()), // namespace/name
  state: FirstProxyState,
  sinceMs: z.number(),
  reason: z.string().optional(),
});

export const CanariedPush = z.object({
  id: z.string(),
  status: PushStatus,
  /** The one it began with, then those that joined it while it ran; rising. */
  revisions: z.array(z.number().int()).min(1),
  /** The documents that are held back from the others. */
  resources: z.array(z.object({ kind: z.string(), namespace: z.string(), name: z.string() })),
  startedAtMs: z.number(),
  startedBy: z.string(),
  /** Why it was taken for risky, one sentence: "It concerns 40 of 52 proxies." */
  why: z.string(),
  /** Connected proxies that the change concerns, first ones and others. */
  proxiesConcerned: z.number().int(),
  /** So long the first proxies are watched, from the moment the last of them runs it. */
  windowMs: z.number().int(),
  /** While it runs: since when all first proxies run it; absent: some do not yet. */
  watchedSinceMs: z.number().optional(),
  first: z.array(FirstProxy),
  /** What was counted since it began: at the first proxies, at the others of the same workloads; and there before. */
  counts: z.object({ first: PushTally, others: PushTally, before: PushTally }),
  /** How it stands, or how it ended, in one sentence. */
  words: z.string(),
  endedAtMs: z.number().optional(),
  /** Who has finished or stopped it; absent: Heddle itself. */
  endedBy: z.string().optional(),
  endRevision: z.number().int().optional(),
});
export const PushesResponse = z.object({ pushes: z.array(CanariedPush) }); // the running one first, then the newest

export const PushRequest = z.object({ reason: z.string().max(2000).optional() });

/** Of a change: the push it is part of. Of a proxy: its place in the one that runs. */
export const PushRef = z.object({
  id: z.string(),
  /** So many proxies have it first, and so many wait. */
  first: z.number().int(),
  heldBack: z.number().int(),
});
/** `first`: it runs the change before the others; `held-back`: it runs what was before. */
export const ProxyPushStage = z.object({ id: z.string(), stage: z.enum(["first", "held-back"]) });

export type PushMode = z.infer<typeof PushMode>;
export type PushStatus = z.infer<typeof PushStatus>;
export type PushTally = z.infer<typeof PushTally>;
export type FirstProxyState = z.infer<typeof FirstProxyState>;
export type FirstProxy = z.infer<typeof FirstProxy>;
export type CanariedPush = z.infer<typeof CanariedPush>;
export type PushesResponse = z.infer<typeof PushesResponse>;
export type PushRef = z.infer<typeof PushRef>;
export type ProxyPushStage = z.infer<typeof ProxyPushStage>;
