import { z } from "zod";
import { InstanceHealthWire } from "../control-stream/messages.ts";
import { PortProtocolWire } from "../control-stream/route-wire.ts";
import { Finding } from "./analysis.ts";
import { ProxyPushStage, PushMode, PushRef } from "./pushes.ts";
import { EffectSummary, RevisionMarks } from "./revision-effect.ts";

/** The control plane's answers and requests: registry, config, revisions, canaries, mTLS. Times are epoch ms. */

/** Every kind that is kept; `packages/resources` knows the same. */
export const ResourceKind = z.enum([
  "VirtualService",
  "DestinationRule",
  "ServiceEntry",
  "Sidecar",
  "WorkloadEntry",
  "WorkloadGroup",
  "PeerAuthentication",
  "AuthorizationPolicy",
  "RequestAuthentication",
  "Telemetry",
  "Service",
  "MeshConfig",
  "TrafficPolicy",
  "RateLimit",
  "ProxyFilter",
  "Bypass",
  "DnsSource",
  "InstanceOverride",
]);
export const Role = z.enum(["viewer", "operator", "admin"]);
export const MtlsModeWire = z.enum(["DISABLE", "PERMISSIVE", "STRICT"]);

/** RFC 9457 problem details; every error answer of the API has this shape. */
export const Problem = z.object({
  type: z.string(), // urn:heddle:error:<code in kebab-case>
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string(), // HEDDLE_…
  /** Bad input, one entry a fault: where it is, what is wrong, what is allowed. */
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});

/** `token`: the one-time token of the login link. */
export const LoginRequest = z.object({ token: z.string() });
export const LoginResponse = z.object({
  sessionToken: z.string(),
  user: z.object({ name: z.string(), role: Role }),
  expiresAtMs: z.number(),
  /** Of a login by the provider: the path of the console that was asked for. */
  next: z.string().optional(),
});
/** `role` is the one on the whole mesh, `viewer` without such; `grants` say it by namespace (`*`: the whole mesh). */
export const MeResponse = z.object({
  name: z.string(),
  role: Role,
  expiresAtMs: z.number(),
  grants: z.array(z.object({ namespace: z.string(), role: Role })).optional(),
  /** `session` people have; only they can log out and change a password. */
  via: z.enum(["session", "token", "signed"]).optional(),
  /** A local user: has a password to change. */
  hasPassword: z.boolean().optional(),
});

/** `GET /status`: what the empty console shows. */
export const StatusResponse = z.object({
  trustDomain: z.string(),
  caCreatedAtMs: z.number(),
  controlAddress: z.string(), // host:port proxies connect to
  /** The same of every control plane that lives, this one first: a proxy turns to any of them. */
  controlAddresses: z.array(z.string()).optional(),
  proxiesConnected: z.number().int(),
  revision: z.number().int(),
  version: z.string(),
});

export const WorkloadState = z.object({
  namespace: z.string(),
  name: z.string(),
  service: z.string(),
  version: z.string().optional(),
  labels: z.record(z.string(), z.string()),
  identity: z.string(),
  mtlsMode: MtlsModeWire,
  /** The PeerAuthentication the mode comes from, `namespace/name`; absent: the default, PERMISSIVE. */
  mtlsPolicy: z.string().optional(),
  /** PERMISSIVE, and what STRICT would refuse is counted. */
  isStrictDryRun: z.boolean().optional(),
  certificateNotAfterMs: z.number().optional(),
  /** Ports whose protocol is not declared, and what the proxies have found there. */
  protocolSuggestions: z
    .array(z.object({ port: z.number().int(), protocol: PortProtocolWire }))
    .optional(),
  instances: z.array(
    z.object({
      instanceId: z.string(),
      proxyId: z.string(),
      proxyName: z.string(),
      address: z.string(),
      inboundPort: z.number().int(),
      appPort: z.number().int().optional(),
      /** Of `appPort`. */
      protocol: PortProtocolWire.optional(),
      morePorts: z
        .array(
          z.object({
            name: z.string().optional(),
            appPort: z.number().int(),
            inboundPort: z.number().int(),
            protocol: PortProtocolWire,
          }),
        )
        .optional(),
      locality: z.string().optional(),
      state: z.enum(["connected", "disconnected"]),
      /** Where it comes from, if not from a proxy of its own (then `proxyId` and `proxyName` are empty): `api`, `dns …`. */
      source: z.string().optional(),
      /** Since when its proxy's stream is open, or closed; absent: no proxy, or not since the control plane's start. */
      stateSinceMs: z.number().optional(),
      /** What its proxy (or whoever registered it) finds of the app; absent: nobody checks it. */
      health: InstanceHealthWire.optional(),
      /** It is about to end and gets no new requests. */
      isDraining: z.boolean().optional(),
      drainingSinceMs: z.number().optional(),
      /** Its lease has ended; it stays in use because of this hold (`GET /holds`). */
      holdId: z.string().optional(),
      leaseEndsAtMs: z.number(),
    }),
  ),
});
export const WorkloadsResponse = z.object({ workloads: z.array(WorkloadState) });

/** As istioctl proxy-status: ERROR (refused) > NOT SENT (nothing was) > SYNCED > STALE (sent, not acknowledged). */
export const SyncState = z.enum(["SYNCED", "STALE", "NOT SENT", "ERROR"]);
export const ProxyState = z.object({
  proxyId: z.string(),
  name: z.string(),
  version: z.string(),
  connected: z.boolean(),
  sync: SyncState,
  sinceMs: z.number(),
  sentRevision: z.number().int(),
  ackedRevision: z.number().int(),
  lastNack: z.string().optional(),
  /** What is wrong with it although it is connected: another version than the control plane's, one too old … */
  warnings: z.array(z.string()).optional(),
  workloads: z.array(z.string()), // namespace/name
  /** What of its workloads goes without the mesh's rules now: "web → reviews: straight to its endpoints until 23:15 UTC". */
  bypasses: z.array(z.string()).optional(),
  /** While a canaried push runs that concerns it. */
  push: ProxyPushStage.optional(),
});
export const ProxiesResponse = z.object({ proxies: z.array(ProxyState) });

export const ResourceDocument = z.object({
  kind: ResourceKind,
  namespace: z.string(),
  name: z.string(),
  yaml: z.string(),
  revision: z.number().int(), // the one that last changed it
  updatedAtMs: z.number(),
  /** It comes from a source of the registry (revision 0) and is changed there, not here; absent: somebody applied it. */
  origin: z
    .object({
      source: z.string(), // as in `RegistrySource`: "directory /etc/heddle/registry"
      file: z.string().optional(),
      line: z.number().int().optional(),
    })
    .optional(),
});
export const ResourcesResponse = z.object({ resources: z.array(ResourceDocument) });

/**
 * `guard`: a guarded flip that took itself back; `timer`: what was set for a time only has ended; `registry`: a
 * watched source of workloads; `git`: an import from a repository; `rollout`: a canary's own step.
 */
export const ChangeSource = z.enum([
  "console",
  "cli",
  "api",
  "demo",
  "guard",
  "timer",
  "registry",
  "git",
  "rollout",
]);
/** What a request may say of itself; the others are Heddle's own. */
export const RequestSource = ChangeSource.extract(["console", "cli", "api", "demo", "git"]);
/** Which file each part of a text was: its name, and its first line in the text, counted from 1; in this order. */
export const FileStarts = z
  .array(z.object({ name: z.string().min(1).max(500), line: z.number().int().min(1) }))
  .max(5000);

/** `yaml` may hold many documents; all are applied in one revision, or none. */
export const ApplyRequest = z.object({
  yaml: z.string().max(1_048_576),
  /** The files `yaml` was joined of: findings then name file and line. */
  files: FileStarts.optional(),
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
  dryRun: z.boolean().optional(),
  /** What becomes of two documents of one kind and name; `last`: as if applied one after the other. */
  twins: z.enum(["refuse", "last"]).optional(),
  /** Without it a change is refused (409 HEDDLE_ENDPOINT_LOSS) that takes most endpoints of a service in use. */
  acceptEndpointLoss: z.boolean().optional(),
  /** Absent: as the control plane is set (HEDDLE_PUSH). */
  push: PushMode.optional(),
  /** The review this ends (`/reviews`), if it is applied. */
  review: z.uuid().optional(),
  /** Optimistic lock: refused (409) if one of these has moved on. */
  expected: z
    .array(
      z.object({
        kind: ResourceKind,
        namespace: z.string(),
        name: z.string(),
        revision: z.number().int(), // 0: must not exist yet
      }),
    )
    .optional(),
  /** Documents to delete in the same revision; those that are not there are passed over. */
  deletes: z
    .array(z.object({ kind: ResourceKind, namespace: z.string(), name: z.string() }))
    .max(5000)
    .optional(),
});

export const ResourceChange = z.object({
  kind: ResourceKind,
  namespace: z.string(),
  name: z.string(),
  action: z.enum(["created", "updated", "deleted"]),
  before: z.string().optional(), // YAML
  after: z.string().optional(),
  /** Unified diff with 3 lines of context, no file header. */
  diff: z.string(),
});

/** How far a revision got, measured on the control plane's clock from the start of the request. */
export const Propagation = z.object({
  savedAfterMs: z.number(),
  /** When the last concerned proxy had acked; absent: some had not within the wait. */
  ackedAfterMs: z.number().optional(),
  proxiesAcked: z.number().int(),
  proxiesTotal: z.number().int(), // connected and concerned
  nacks: z.array(z.object({ proxyId: z.string(), reason: z.string() })),
  /** Control planes that have not told of their proxies in time: those are in none of the counts. */
  replicasUnheard: z.number().int().optional(),
});

/** `revision` 0 with `changes` empty: nothing to change. On `dryRun` the revision is 0. */
export const ApplyResponse = z.object({
  revision: z.number().int(),
  changes: z.array(ResourceChange),
  warnings: z.array(z.string()),
  /** About the documents given, as the mesh is with them (also on `dryRun`); absent: nobody looked. */
  findings: z.array(Finding).optional(),
  /** Of the first proxies alone while `push` says that others wait. */
  propagation: Propagation.optional(),
  /** It is risky: some proxies have it first (`GET /pushes`). Absent: it went to all at once. */
  push: PushRef.optional(),
});

export const RevisionSummary = z.object({
  revision: z.number().int(),
  createdAtMs: z.number(),
  author: z.string(),
  source: ChangeSource,
  reason: z.string().optional(),
  /** One sentence: "payments v2 to 10 %", "shipping-v3 set to STRICT", "Restored revision 12". */
  summary: z.string(),
  kind: z.enum([
    "apply",
    "delete",
    "restore",
    "weight",
    "rollback",
    "mtls",
    "bypass",
    "registry",
    "import",
  ]),
  restoredRevision: z.number().int().optional(),
  resources: z.array(z.object({ kind: ResourceKind, namespace: z.string(), name: z.string() })),
  /** Services whose traffic it shapes, `namespace/name`. */
  services: z.array(z.string()),
  /** What followed, judged by the server. */
  effect: EffectSummary.optional(),
  marks: RevisionMarks.optional(),
});
export const RevisionsResponse = z.object({
  revisions: z.array(RevisionSummary), // newest first
  nextBefore: z.number().int().optional(), // pass as `before` for the next page
});
export const RevisionDetail = RevisionSummary.extend({
  changes: z.array(ResourceChange),
  propagation: Propagation.optional(),
});

export const RestoreRequest = z.object({
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
  dryRun: z.boolean().optional(),
  acceptEndpointLoss: z.boolean().optional(), // as in ApplyRequest
});

/** A service whose route splits traffic between two subsets: the first is stable, the second is judged. */
export const CanarySide = z.object({
  subset: z.string(),
  version: z.string().optional(),
  weight: z.number().int(),
  share: z.number(), // weight / sum of weights, 0–1
  workloads: z.array(z.string()), // namespace/name
});
export const Canary = z.object({
  namespace: z.string(),
  service: z.string(),
  virtualService: z.string(),
  route: z.string(),
  stable: CanarySide,
  canary: CanarySide,
  revision: z.number().int(),
  startedAtMs: z.number(),
  startedBy: z.string(),
});
export const CanariesResponse = z.object({ canaries: z.array(Canary) });

/** `sinceClickMs`: what the client's own clock measured between the click and the sending. */
export const CanaryWeightRequest = z.object({
  canaryPercent: z.number().int().min(0).max(100),
  sinceClickMs: z.number().min(0).optional(),
  reason: z.string().max(2000).optional(),
  source: RequestSource.optional(),
});
/** Puts a registered version on trial beside the one that has all the traffic. Answers `CanaryChangeResponse`. */
export const CanaryStartRequest = CanaryWeightRequest.extend({
  version: z.string().min(1).max(63),
  /** The version it is judged against; absent: the one that has all the traffic, or the only other. */
  stable: z.string().min(1).max(63).optional(),
});
export const CanaryRollbackRequest = CanaryWeightRequest.omit({ canaryPercent: true });
/** Offsets are in ms from the click: `sinceClickMs` plus the control plane's own measure. */
export const CanaryChangeResponse = z.object({
  revision: z.number().int(),
  savedAfterMs: z.number(),
  ackedAfterMs: z.number().optional(),
  proxiesAcked: z.number().int(),
  proxiesTotal: z.number().int(),
  /** Last request any proxy sent to the canary; negative: before the click. Absent: none known, or not all acked. */
  lastCanaryRequestAfterMs: z.number().optional(),
  lastCanaryRequestAtMs: z.number().optional(),
  previousCanaryPercent: z.number(),
});

/** A join token. `token` is shown once. */
export const TokenCreateRequest = z.object({
  namespace: z.string(),
  workload: z.string().optional(), // absent: any workload of the namespace
  maxUses: z.number().int().min(1).max(10_000).default(1),
  ttlSeconds: z.number().int().min(10).max(31_536_000).default(3600),
});
export const TokenCreateResponse = z.object({ token: z.string(), expiresAtMs: z.number() });

export type ResourceKind = z.infer<typeof ResourceKind>;
export type Role = z.infer<typeof Role>;
export type Problem = z.infer<typeof Problem>;
export type LoginResponse = z.infer<typeof LoginResponse>;
export type MeResponse = z.infer<typeof MeResponse>;
export type StatusResponse = z.infer<typeof StatusResponse>;
export type WorkloadState = z.infer<typeof WorkloadState>;
export type WorkloadsResponse = z.infer<typeof WorkloadsResponse>;
export type SyncState = z.infer<typeof SyncState>;
export type ProxyState = z.infer<typeof ProxyState>;
export type ProxiesResponse = z.infer<typeof ProxiesResponse>;
export type ResourceDocument = z.infer<typeof ResourceDocument>;
export type ResourcesResponse = z.infer<typeof ResourcesResponse>;
export type ChangeSource = z.infer<typeof ChangeSource>;
export type FileStarts = z.infer<typeof FileStarts>;
export type ApplyRequest = z.infer<typeof ApplyRequest>;
export type ApplyResponse = z.infer<typeof ApplyResponse>;
export type ResourceChange = z.infer<typeof ResourceChange>;
export type Propagation = z.infer<typeof Propagation>;
export type RevisionSummary = z.infer<typeof RevisionSummary>;
export type RevisionsResponse = z.infer<typeof RevisionsResponse>;
export type RevisionDetail = z.infer<typeof RevisionDetail>;
export type Canary = z.infer<typeof Canary>;
export type CanarySide = z.infer<typeof CanarySide>;
export type CanariesResponse = z.infer<typeof CanariesResponse>;
export type CanaryWeightRequest = z.infer<typeof CanaryWeightRequest>;
export type CanaryStartRequest = z.infer<typeof CanaryStartRequest>;
export type CanaryRollbackRequest = z.infer<typeof CanaryRollbackRequest>;
export type CanaryChangeResponse = z.infer<typeof CanaryChangeResponse>;
export type TokenCreateRequest = z.infer<typeof TokenCreateRequest>;
export type TokenCreateResponse = z.infer<typeof TokenCreateResponse>;
