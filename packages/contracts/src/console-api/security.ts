import { z } from "zod";
import { TurnedAwayReason } from "../control-stream/messages.ts";
import { ApplyResponse, MtlsModeWire, RequestSource } from "./mesh-state.ts";

/** mTLS on its way to STRICT: who would be refused, the ladder, guarded flips. Times are epoch ms. */

/** What a policy without a narrower one over it holds for. */
export const MtlsScope = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("workload"), namespace: z.string(), workload: z.string() }),
  z.object({ kind: z.literal("namespace"), namespace: z.string() }),
  z.object({ kind: z.literal("mesh") }),
]);

/** After the flip: more than `maxRefusals` refused callers' tries within `windowMs`, and it is taken back. */
export const MtlsGuardRequest = z.object({
  windowMs: z.number().int().min(5_000).max(86_400_000),
  maxRefusals: z.number().int().min(0).max(1_000_000),
});

/** `PUT /mtls/{namespace}/{workload}`, `PUT /mtls/{namespace}`, `PUT /mtls`. */
export const MtlsSetRequest = z.object({
  mode: MtlsModeWire,
  /** With mode PERMISSIVE: count what STRICT would refuse, refuse nothing. Absent: no dry run. */
  dryRun: z.boolean().optional(),
  /** With mode STRICT. */
  guard: MtlsGuardRequest.optional(),
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
});

/** Who may stand behind an address. */
export const CallerName = z.object({
  kind: z.enum(["workload", "WorkloadEntry"]),
  namespace: z.string(),
  name: z.string(),
});

/** A caller that was refused since a guarded flip, and because of it. */
export const GuardCaller = z.object({
  workload: z.string(), // the one called, namespace/name
  sourceAddress: z.string(),
  label: z.string(), // as `PreflightCaller.label`
  reason: TurnedAwayReason,
  refused: z.number().int(),
  lastSeenMs: z.number(),
});

/**
 * `running` until the window has passed and every proxy concerned has been heard of. Then `held`: STRICT
 * stays. `taken-back`: the former mode is in force again. `overtaken`: the policy was changed by somebody
 * else meanwhile. `cancelled`: STRICT stays, nobody watches.
 */
export const MtlsGuardStatus = z.enum(["running", "held", "taken-back", "overtaken", "cancelled"]);
export const MtlsGuard = z.object({
  id: z.string(),
  scope: MtlsScope,
  policy: z.string(), // of the PeerAuthentication, namespace/name
  previousMode: MtlsModeWire,
  revision: z.number().int(), // of the flip
  startedBy: z.string(),
  startedAtMs: z.number(),
  endsAtMs: z.number(),
  windowMs: z.number().int(),
  maxRefusals: z.number().int(),
  /** Those the flip made STRICT, namespace/name. */
  workloads: z.array(z.string()),
  status: MtlsGuardStatus,
  refused: z.number().int(),
  /** Most refusals first, at most 20. */
  callers: z.array(GuardCaller),
  /** Proxies not connected whose workloads it watches: no data is no proof. */
  waitingFor: z.array(z.string()),
  /** One sentence: how it stands or ended. */
  words: z.string(),
  endedAtMs: z.number().optional(),
  /** The revision that took it back or overtook it. */
  endRevision: z.number().int().optional(),
});
/** `GET /mtls/guards`: those that run, then those that ended in the last 7 days, newest first, at most 50. */
export const MtlsGuardsResponse = z.object({ guards: z.array(MtlsGuard) });
/** `GET /mtls/guards/{id}`; `DELETE` cancels. */
export const MtlsGuardResponse = z.object({ guard: MtlsGuard });

/** `guard` absent: none was asked for, or nothing changed. */
export const MtlsSetResponse = ApplyResponse.extend({ guard: MtlsGuard.optional() });

/** Somebody who sends a workload what STRICT refuses. */
export const PreflightCaller = z.object({
  namespace: z.string(),
  workload: z.string(), // the one called
  sourceAddress: z.string(),
  /** All that have this address; empty: nobody known. */
  names: z.array(CallerName),
  /** "legacy-billing", "one of cart-v1, reviews-v1 and 3 more", "not known". */
  label: z.string(),
  requests: z.number().int(), // accepted in the window; opaque connections count as one each
  requestsPerSecond: z.number(), // over the last 30 s
  refused: z.number().int(), // in the window
  /** Counted by the inbound proxies since the dry run began; absent: no dry run. */
  wouldBeRefused: z.number().int().optional(),
  /** Why, as its proxies say since they started; empty: they have not said yet. */
  reasons: z.array(TurnedAwayReason),
  lastSeenMs: z.number(),
});
export const PreflightWorkload = z.object({
  namespace: z.string(),
  workload: z.string(),
  mode: MtlsModeWire,
  /** The PeerAuthentication in force, namespace/name; absent: the default, PERMISSIVE. */
  policy: z.string().optional(),
  /** Absent: no dry run. */
  dryRunSinceMs: z.number().optional(),
});
/** `GET /mtls/preflight?namespace=&workload=&windowMs=`; without workload: all of the namespace, without either: all. */
export const PreflightResponse = z.object({
  windowMs: z.number().int(),
  /** What the collectors had counted up to; absent: none has in the last day, so `callers` says nothing. */
  countedUntilMs: z.number().optional(),
  workloads: z.array(PreflightWorkload),
  callers: z.array(PreflightCaller), // highest rate first
});

export const LadderRung = z.enum(["disabled", "permissive", "dry-run", "strict", "strict-for-all"]);
/** The one thing to do next. `command`: the line that does it; absent: nothing to type. */
export const LadderNext = z.object({
  act: z.enum(["dry-run", "bring-in-callers", "wait", "set-strict", "set-strict-for-all", "none"]),
  words: z.string(),
  command: z.string().optional(),
});
export const LadderWorkload = PreflightWorkload.extend({
  rung: LadderRung,
  /** Those that STRICT would refuse, as far as seen in the window; highest rate first. */
  callersInTheWay: z.array(PreflightCaller),
  next: LadderNext,
  /** The guard that runs on it. */
  guardId: z.string().optional(),
});
/** A namespace, or the mesh: STRICT for all when its own policy says so and none below it is weaker. */
export const LadderScope = z.object({
  scope: MtlsScope,
  /** Of its own policy; absent: it has none. */
  mode: MtlsModeWire.optional(),
  policy: z.string().optional(),
  isStrictForAll: z.boolean(),
  /** PeerAuthentications below it that let plaintext in, namespace/name. */
  weakerPolicies: z.array(z.string()),
  workloads: z.number().int(),
  workloadsToGo: z.number().int(),
  callersInTheWay: z.number().int(),
  next: LadderNext,
});
/** `GET /mtls/ladder?namespace=&windowMs=` (default: the last hour). */
export const LadderResponse = z.object({
  windowMs: z.number().int(),
  countedUntilMs: z.number().optional(),
  /** How many workloads stand on each; every workload stands on one. */
  rungs: z.record(LadderRung, z.number().int()),
  workloads: z.array(LadderWorkload), // riskiest first
  scopes: z.array(LadderScope), // the mesh, then namespaces by name
  workloadsToGo: z.number().int(),
  callersInTheWay: z.number().int(),
  next: LadderNext,
});

export type MtlsScope = z.infer<typeof MtlsScope>;
export type MtlsGuardRequest = z.infer<typeof MtlsGuardRequest>;
export type MtlsSetRequest = z.infer<typeof MtlsSetRequest>;
export type MtlsSetResponse = z.infer<typeof MtlsSetResponse>;
export type CallerName = z.infer<typeof CallerName>;
export type GuardCaller = z.infer<typeof GuardCaller>;
export type MtlsGuardStatus = z.infer<typeof MtlsGuardStatus>;
export type MtlsGuard = z.infer<typeof MtlsGuard>;
export type MtlsGuardsResponse = z.infer<typeof MtlsGuardsResponse>;
export type MtlsGuardResponse = z.infer<typeof MtlsGuardResponse>;
export type PreflightCaller = z.infer<typeof PreflightCaller>;
export type PreflightWorkload = z.infer<typeof PreflightWorkload>;
export type PreflightResponse = z.infer<typeof PreflightResponse>;
export type LadderRung = z.infer<typeof LadderRung>;
export type LadderNext = z.infer<typeof LadderNext>;
export type LadderWorkload = z.infer<typeof LadderWorkload>;
export type LadderScope = z.infer<typeof LadderScope>;
export type LadderResponse = z.infer<typeof LadderResponse>;
