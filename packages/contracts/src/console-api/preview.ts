import { z } from "zod";
import { NameWire } from "../control-stream/names.ts";
import { SourceSelectorWire } from "../control-stream/route-wire.ts";
import { Finding } from "./analysis.ts";
import { FileStarts, RequestSource, ResourceChange, ResourceKind } from "./mesh-state.ts";

/**
 * What a change would do, asked before it is made (`POST /preview`); and bypasses (`/bypasses`). Times are epoch ms,
 * ratios 0–1, rates in requests per second over `windowMs`; a rate left out is not known, which is not 0.
 */

const DocumentName = z.object({ kind: ResourceKind, namespace: z.string(), name: z.string() });

/** A way back, as `POST /revisions/{revision}/restore` takes it. */
const RestorePreview = z.object({
  revision: z.number().int().min(1).max(2_147_483_647),
  scope: z.enum(["mesh", "documents"]).optional(),
  side: z.enum(["before", "after"]).optional(),
});

/** Needs only viewer; applies nothing; is not in the audit log. 429 above 60 a minute of one person. */
export const PreviewRequest = z.object({
  /** Documents as they are to be, as in `ApplyRequest`. */
  yaml: z.string().max(1_048_576).default(""),
  /** Documents that are to go; one that is not there is a fault. */
  deletes: z.array(DocumentName).max(1000).default([]),
  twins: z.enum(["refuse", "last"]).optional(),
  /** The files `yaml` was joined of: findings then name file and line. */
  files: FileStarts.optional(),
  /** Instead of documents: what going back would do. */
  restore: RestorePreview.optional(),
  /** How far back traffic is looked at. */
  windowMs: z.number().int().min(10_000).max(3_600_000).default(300_000),
});

/**
 * What stands against the change or is odd about it. `fault`: apply would refuse it. `warning`: apply would say it.
 * `traffic`: what the last minutes' traffic says against it.
 */
export const PreviewNote = z.object({
  level: z.enum(["fault", "warning", "traffic"]),
  /** `timeout-below-p99`, `requests-denied`, `no-endpoints`, …; absent: the message says it all. */
  code: z.string().optional(),
  /** "200 ms is below the p99 of v2 and v3: 1 of 60 would time out." */
  message: z.string(),
  document: DocumentName.optional(),
  /** `spec.http[1].timeout`: where in the document; absent: all of it, or the message says where. */
  path: z.string().optional(),
  /** Counted from 1, in the document's canonical YAML as `changes[].after` has it. */
  line: z.number().int().optional(),
  /** One click: put `value` at `path`. */
  fix: z.object({ label: z.string(), path: z.string(), value: z.string() }).optional(),
});

/** What becomes of a request. */
export const PreviewFate = z.enum([
  "forwarded",
  "redirected",
  "answered", // by the rule itself (directResponse)
  "denied", // 403, by an AuthorizationPolicy, or refused for its plaintext
  "not-found", // no route matches: 404
  "fault", // an injected abort
  "timed-out", // 504
  "no-endpoints", // 503: the rule sends it where nobody serves
  "rate-limited", // 429
]);

/**
 * One line of "Routes, before and after": a kind of request and one of the places it goes. Lines of one `request`
 * stand together, in the order in which the proxies try the routes.
 */
export const RouteLine = z.object({
  /** In words: `any`, `x-tester: 1`, `path starts with /api, GET`, `any, over 200 ms`. */
  request: z.string(),
  /** The route's name, after the change; of a removed route before it. */
  route: z.string(),
  /** `added`, `removed`: the route; `changed`: where its requests go, or what happens to them. */
  change: z.enum(["same", "changed", "added", "removed"]),
  fate: PreviewFate,
  /** `v3`, `shop/ratings v2`, `301 to https://…`, `504`, `503 injected`. */
  goesTo: z.string(),
  destination: z
    .object({ service: NameWire, subset: z.string().optional(), port: z.number().optional() })
    .optional(),
  /** Share of the requests of this kind that go here; absent: that side has no such limit (of `timed-out`). */
  beforeRatio: z.number().optional(),
  afterRatio: z.number().optional(),
  /** For lines that are no share: the timeout before and after, `1 s`, `200 ms`, `none`. */
  beforeText: z.string().optional(),
  afterText: z.string().optional(),
  beforePerSecond: z.number().optional(),
  afterPerSecond: z.number().optional(),
  /**
   * True: earlier routes take some of these requests, or several old routes took them; the shares are then those of
   * the sampled requests, or of the first of these routes.
   */
  isApproximate: z.boolean().optional(),
});

/** One route as it is in force, in words; in the order in which the proxies try them. */
export const RouteInWords = z.object({
  name: z.string(),
  /** One entry a match block, any of which is enough; `any`: every request. */
  matches: z.array(z.string()),
  /** `60 % v1, 20 % v2, 20 % v3`, `301 to /new`, `answers 404`. */
  goesTo: z.string(),
  timeout: z.string().optional(),
  retries: z.string().optional(),
  fault: z.string().optional(),
  mirrors: z.array(z.string()),
  rewrite: z.string().optional(),
});

/** A service that the change touches, for one set of callers. */
export const ServicePreview = z.object({
  service: NameWire,
  /** Absent: all callers that no other entry of the service takes in. */
  source: SourceSelectorWire.optional(),
  lines: z.array(RouteLine),
  before: z.array(RouteInWords),
  after: z.array(RouteInWords),
  /** What else changes of it: "outlier detection of v2", "load balancing", "workloads' rate limits". */
  otherChanges: z.array(z.string()),
});

/** Who is touched. */
export const BlastRadius = z.object({
  /** Requests per second to touched services and workloads. */
  perSecond: z.number().optional(),
  /** Busiest first, at most 100. `label`: `storefront v31`. */
  callers: z.array(
    z.object({
      /** `namespace/workload`, or an address or host outside the mesh. */
      name: z.string(),
      label: z.string(),
      perSecond: z.number(),
      services: z.array(z.string()), // namespace/name, of those touched
    }),
  ),
  callerCount: z.number().int(),
  services: z.array(z.string()), // whose routes or policies differ, namespace/name
  workloads: z.array(z.string()), // whose inbound rules differ, namespace/workload
  /** Connected proxies that would be sent something, at most 1000. */
  proxies: z.array(z.object({ proxyId: z.string(), name: z.string() })),
  proxyCount: z.number().int(),
  proxiesConnected: z.number().int(),
  /** Services further down the same requests: "then ratings v2, by v2 and v3". Busiest first, at most 20. */
  downstream: z.array(
    z.object({
      name: z.string(), // namespace/workload or host
      label: z.string(),
      perSecond: z.number(),
      by: z.array(z.string()), // versions or workloads of the touched service that call it
    }),
  ),
});

/** What the requests of one kind of outcome have in common. */
export const SimulatedOutcome = z.object({
  /**
   * `same`: would go as they did. `moved`: another destination. `rewritten`: another path or host arrives.
   * `recovered`: failed by a rule and would not any more. `retried`: failed, and would be tried again, with what end
   * nobody knows. `not-retried`: a second attempt saved it, which the rules would not make. `rate-limited`: would find
   * no room in a limit (429), by the times of the sampled requests scaled up to all. `unknown`: depends on what no span
   * tells.
   */
  kind: z.enum([
    "same",
    "moved",
    "rewritten",
    "redirected",
    "answered",
    "denied",
    "not-found",
    "fault",
    "delayed",
    "timed-out",
    "no-endpoints",
    "recovered",
    "retried",
    "not-retried",
    "rate-limited",
    "unknown",
  ]),
  /** "would go from v2 to v3", "would time out at 200 ms", "cannot tell: depends on header x-tester". */
  text: z.string(),
  from: z.string().optional(),
  to: z.string().optional(),
  /** Expected number of the sampled requests; a fraction where a split or a fault draws. */
  sampled: z.number(),
  ratio: z.number(),
  /** Scaled up by what was really counted. */
  perSecond: z.number().optional(),
  /** At most 20, the newest first. */
  examples: z.array(
    z.object({
      traceId: z.string(),
      atMs: z.number(),
      source: z.string(),
      service: z.string(),
      method: z.string(),
      path: z.string(),
      status: z.number().int(), // 0: no answer
      durationMs: z.number(),
      wentTo: z.string(),
      /** Chance of this request to end so: 1 unless a split or a fault draws. */
      ratio: z.number(),
    }),
  ),
});

/** Opaque connections of one caller to one service, as they were counted, and what rules and policies would make of them. */
export const SimulatedConnections = z.object({
  /** `namespace/workload`, or an address outside the mesh. */
  source: z.string(),
  service: z.string(), // namespace/name
  kind: z.enum(["same", "moved", "denied", "not-found", "no-endpoints", "recovered", "unknown"]),
  /** "would go from v1 to v2", "would be denied by v1", "cannot tell: depends on the server name". */
  text: z.string(),
  /** Connections opened per second; shares of them where a split draws. */
  perSecond: z.number(),
});

/** The sampled requests of the window, run through both rules by the code the proxies run. */
export const Simulation = z.object({
  windowMs: z.number(),
  /** Requests that were looked at. */
  sampled: z.number().int(),
  /** The window held more; these are the newest. */
  isTruncated: z.boolean(),
  /** `same` first, then by share. */
  outcomes: z.array(SimulatedOutcome),
  /** Busiest first, at most 100; absent: no opaque connection to what is touched. */
  connections: z.array(SimulatedConnections).optional(),
  /** What no span tells and the rules ask for: `header x-tester`, `query parameter page`. */
  missing: z.array(z.string()),
  /** In words, what the numbers do not cover: "opaque connections are not simulated". */
  limits: z.array(z.string()),
});

/** `POST /preview`. With a `fault` among the notes nothing could be applied: then only `changes` and `notes` say something. */
export const PreviewResponse = z.object({
  /** The revision it was held against. */
  revision: z.number().int(),
  windowMs: z.number(),
  /** Empty: nothing would change. */
  changes: z.array(ResourceChange),
  /**
   * The changed documents as they stood, each with the revision that last changed it (0: it is not there): given as
   * `expected`, an apply changes them only if they still do.
   */
  standing: z
    .array(DocumentName.extend({ revision: z.number().int() }))
    .max(5000)
    .optional(),
  notes: z.array(PreviewNote),
  services: z.array(ServicePreview),
  blastRadius: BlastRadius,
  /** Absent: the telemetry could not be read, `limits` of the answer says why. */
  simulation: Simulation.optional(),
  /**
   * What the analysis finds in the documents as they would be (docs/findings.md), those that the notes do not say
   * already; absent: it could not be made.
   */
  findings: z.array(Finding).optional(),
  /** What this answer leaves out, in words; empty as a rule. */
  limits: z.array(z.string()),
  /** What it cost. */
  tookMs: z.number(),
});

// ---- Bypass ----

/** Who is taken off the mesh's rules: one caller's calls to one destination, or all of one workload. */
export const BypassTarget = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("pair"),
    /** The caller: all workloads of a service, or one of them. */
    source: z.object({
      namespace: z.string(),
      service: z.string().optional(),
      workload: z.string().optional(),
    }),
    /** The service that is called; its name, or the host of a ServiceEntry. */
    destination: z.object({ namespace: z.string(), service: z.string() }),
  }),
  z.object({
    kind: z.literal("workload"),
    namespace: z.string(),
    workload: z.string(),
    /** Also AuthorizationPolicies do not hold for its callers; admin on the whole mesh only. mTLS always stays. */
    includeAuthorization: z.boolean().optional(),
  }),
]);

/** `POST /bypasses`: on, or its end moved if there is one for the target. Answers `BypassResponse`. */
export const BypassRequest = z.object({
  target: BypassTarget,
  /** How long, from now; a minute to a day. */
  forMs: z.number().int().min(60_000).max(86_400_000).default(1_800_000),
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
});

export const Bypass = z.object({
  /** `namespace/name` of its document; `DELETE /bypasses/{namespace}/{name}` ends it. */
  namespace: z.string(),
  name: z.string(),
  target: BypassTarget,
  /** The proxies end it then by themselves, also without control plane. */
  untilMs: z.number(),
  isActive: z.boolean(),
  revision: z.number().int(),
  /** "web → reviews: straight to its endpoints until 23:15 UTC". */
  summary: z.string(),
  /** What stays and what is lifted, for the console to show: one sentence each. */
  lifts: z.array(z.string()),
  keeps: z.array(z.string()),
});

/** `GET /bypasses`. */
export const BypassesResponse = z.object({ bypasses: z.array(Bypass) });
/** Of `POST` and `DELETE`; `revision` 0: nothing to change. */
export const BypassResponse = z.object({ revision: z.number().int(), bypass: Bypass.optional() });

export type PreviewRequest = z.infer<typeof PreviewRequest>;
export type PreviewNote = z.infer<typeof PreviewNote>;
export type PreviewFate = z.infer<typeof PreviewFate>;
export type RouteLine = z.infer<typeof RouteLine>;
export type RouteInWords = z.infer<typeof RouteInWords>;
export type ServicePreview = z.infer<typeof ServicePreview>;
export type BlastRadius = z.infer<typeof BlastRadius>;
export type SimulatedOutcome = z.infer<typeof SimulatedOutcome>;
export type SimulatedConnections = z.infer<typeof SimulatedConnections>;
export type Simulation = z.infer<typeof Simulation>;
export type PreviewResponse = z.infer<typeof PreviewResponse>;
export type BypassTarget = z.infer<typeof BypassTarget>;
export type BypassRequest = z.infer<typeof BypassRequest>;
export type Bypass = z.infer<typeof Bypass>;
export type BypassesResponse = z.infer<typeof BypassesResponse>;
export type BypassResponse = z.infer<typeof BypassResponse>;
