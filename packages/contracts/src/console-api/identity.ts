import { z } from "zod";
import { NameWire } from "../control-stream/names.ts";

/** Who vouches for whom: authorities, certificates, rotation, revocation, join tokens. Times are epoch ms. */

/** A certificate that signs others. A root signs intermediates, an intermediate signs leaves. */
export const AuthorityState = z.object({
  id: z.number().int(),
  role: z.enum(["root", "intermediate"]),
  /** Of an intermediate: the root that signed it. */
  parentId: z.number().int().optional(),
  /** Where its key lies: sealed in the database, in files given from outside, or nowhere any more. */
  key: z.enum(["sealed", "files", "none"]),
  subject: z.string(),
  serialNumber: z.string(),
  /** SHA-256 of the certificate's DER, lower-case hex. */
  fingerprint: z.string(),
  notBeforeMs: z.number(),
  notAfterMs: z.number(),
  /**
   * `next`: trusted already, does not sign yet. `signing`: in use. `leaving`: signs no more, what it has
   * signed is still believed. `retired`: believed by nobody any more.
   */
  state: z.enum(["next", "signing", "leaving", "retired"]),
  /** Certificates in use now that it has signed, itself or by its intermediates. */
  certificatesInUse: z.number().int(),
});

/** Something about certificates that wants a human, or soon will. */
export const IdentityAlarm = z.object({
  severity: z.enum(["warning", "critical"]),
  code: z.enum([
    "root-expires",
    "intermediate-expires",
    "authority-expired",
    "foreign-root-expires",
    "renewal-overdue",
    "rotation-waits",
  ]),
  /** One sentence that names what, when and how many. */
  message: z.string(),
  /** What to do. */
  advice: z.string(),
  /** When what it warns of happens. */
  atMs: z.number().optional(),
});

/** One proxy a rotation waits for. */
export const RotationWaiter = z.object({
  proxyId: z.string(),
  name: z.string(),
  connected: z.boolean(),
  /** In words: "away since 14:32, its certificate runs until 20:10". */
  why: z.string(),
  /** Since when it is away; absent: it is connected. */
  awaySinceMs: z.number().optional(),
  /** The rotation goes on without it from here: its last certificate ends. */
  untilMs: z.number().optional(),
});

export const RotationStep = z.enum([
  "trusting",
  "signing",
  "retiring",
  "reverting",
  "done",
  "aborted",
]);

/**
 * `trusting`: the new root goes out beside the old one. `signing`: the new authority signs, everybody renews.
 * `retiring`: the old root is taken back. `reverting`: aborted; the old one signs again, everybody renews.
 */
export const RotationState = z.object({
  id: z.number().int(),
  of: z.enum(["root", "intermediate"]),
  step: RotationStep,
  /** The steps it takes, in order, the last one `done` (or `aborted`). */
  steps: z.array(RotationStep),
  /** It stops after each step until somebody advances it. */
  isStepwise: z.boolean(),
  isPaused: z.boolean(),
  /** Nobody is waited for; a stepwise or paused rotation could go on. */
  isReady: z.boolean(),
  canAbort: z.boolean(),
  startedAtMs: z.number(),
  /** Who began it; `heddle`: it was due. */
  startedBy: z.string(),
  reason: z.string().optional(),
  stepSinceMs: z.number(),
  finishedAtMs: z.number().optional(),
  fromAuthorityId: z.number().int(),
  toAuthorityId: z.number().int(),
  /** Of this step, over all proxies that are connected or hold a certificate that has not ended. */
  proxiesDone: z.number().int(),
  proxiesTotal: z.number().int(),
  /** At most 100; those who are away first. */
  waiting: z.array(RotationWaiter),
  /** "signing: 17 of 21 proxies; waiting for ratings-2, away since 14:32". */
  words: z.string(),
});

/** `GET /identity` */
export const IdentityResponse = z.object({
  trustDomain: z.string(),
  trustDomainAliases: z.array(z.string()),
  workloadCertificateTtlSeconds: z.number().int(),
  authorities: z.array(AuthorityState), // those that sign first, then by age
  /** Roots of other trust domains, from MeshConfig.caCertificates. */
  foreignBundles: z.array(
    z.object({
      trustDomain: z.string(),
      roots: z.array(
        z.object({ subject: z.string(), fingerprint: z.string(), notAfterMs: z.number() }),
      ),
    }),
  ),
  alarms: z.array(IdentityAlarm), // the worst first
  certificates: z.object({
    inUse: z.number().int(),
    renewalOverdue: z.number().int(),
    /** Revoked and not yet ended. */
    revoked: z.number().int(),
  }),
  /** Absent: none is under way. */
  rotation: RotationState.optional(),
});

/** One issued certificate that has not ended yet. */
export const IssuedCertificateState = z.object({
  serialNumber: z.string(), // lower-case hex
  identity: z.string(), // the SPIFFE id
  proxyId: z.string(),
  proxyName: z.string(),
  /** Absent: the proxy's own. */
  workload: NameWire.optional(),
  issuerId: z.number().int(),
  notBeforeMs: z.number(),
  notAfterMs: z.number(),
  /** Its holder uses it; otherwise a newer one has taken its place. */
  isInUse: z.boolean(),
  /** In use for more than two thirds of its life: its proxy should have renewed it. */
  isRenewalOverdue: z.boolean(),
  revoked: z.object({ atMs: z.number(), by: z.string(), reason: z.string() }).optional(),
});

/** `GET /certificates?proxyId=&workload=&inUse=&limit=`; `workload` as `namespace/name`. */
export const CertificatesResponse = z.object({
  certificates: z.array(IssuedCertificateState), // the one that ends first, first
  /** Of how many those shown are the first. */
  total: z.number().int(),
});

/** `POST /certificates/revocations`: exactly one of the three, and why. */
export const RevocationRequest = z
  .object({
    /** This certificate; its workload gets another one at once. */
    serialNumber: z
      .string()
      .regex(/^[0-9a-f]{2,40}$/, "expected lower-case hex")
      .optional(),
    /** All of this proxy's; its stream is closed, and it may not come back under this id. */
    proxyId: z.string().optional(),
    /** All of this workload's, `namespace/name`; its proxies get others at once. */
    workload: z.string().optional(),
    reason: z.string().min(1).max(500),
  })
  .refine(
    ({ serialNumber, proxyId, workload }) =>
      [serialNumber, proxyId, workload].filter((one) => one !== undefined).length === 1,
    "expected exactly one of serialNumber, proxyId and workload",
  );
export const RevocationResponse = z.object({
  certificatesRevoked: z.number().int(),
  proxiesDisconnected: z.number().int(),
});

/** `GET /identity/rotations` */
export const RotationsResponse = z.object({
  current: RotationState.optional(),
  past: z.array(RotationState), // newest first, at most 20
});
/** `POST /identity/rotations` → `RotationState`. */
export const RotationStartRequest = z.object({
  of: z.enum(["root", "intermediate"]).default("root"),
  isStepwise: z.boolean().default(false),
  reason: z.string().max(500).optional(),
});
/**
 * `POST /identity/rotations/advance` → `RotationState`. `force`: go on although some proxies are not done;
 * they may have to join again.
 */
export const RotationAdvanceRequest = z.object({ force: z.boolean().default(false) });

/** `POST /identity/rescue` → `IdentityResponse`. `force`: though the root is good. */
export const RescueRequest = z.object({ force: z.boolean().default(false) });

/** `GET /tokens` */
export const JoinTokenState = z.object({
  id: z.string(),
  namespace: z.string(),
  workload: z.string().optional(), // absent: any workload of the namespace
  maxUses: z.number().int(),
  usesLeft: z.number().int(),
  createdBy: z.string(),
  createdAtMs: z.number(),
  expiresAtMs: z.number(),
  state: z.enum(["usable", "spent", "expired", "revoked"]),
  revokedBy: z.string().optional(),
  /** Proxies that joined by it and may still connect. */
  proxies: z.array(z.object({ proxyId: z.string(), name: z.string(), connected: z.boolean() })),
});
export const TokensResponse = z.object({ tokens: z.array(JoinTokenState) }); // newest first

/** `DELETE /tokens/{id}?disconnect=true`: with `disconnect` those who joined by it are put out, too. */
export const TokenRevokeResponse = z.object({
  id: z.string(),
  proxiesDisconnected: z.number().int(),
  certificatesRevoked: z.number().int(),
});

export type AuthorityState = z.infer<typeof AuthorityState>;
export type IdentityAlarm = z.infer<typeof IdentityAlarm>;
export type RotationWaiter = z.infer<typeof RotationWaiter>;
export type RotationState = z.infer<typeof RotationState>;
export type IdentityResponse = z.infer<typeof IdentityResponse>;
export type IssuedCertificateState = z.infer<typeof IssuedCertificateState>;
export type CertificatesResponse = z.infer<typeof CertificatesResponse>;
export type RevocationRequest = z.infer<typeof RevocationRequest>;
export type RevocationResponse = z.infer<typeof RevocationResponse>;
export type RotationsResponse = z.infer<typeof RotationsResponse>;
export type RotationStartRequest = z.infer<typeof RotationStartRequest>;
export type RotationAdvanceRequest = z.infer<typeof RotationAdvanceRequest>;
export type JoinTokenState = z.infer<typeof JoinTokenState>;
export type TokensResponse = z.infer<typeof TokensResponse>;
export type TokenRevokeResponse = z.infer<typeof TokenRevokeResponse>;
