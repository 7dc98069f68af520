import type {
  AuthorityState,
  IdentityResponse,
  IssuedCertificateState,
  JoinTokenState,
  RotationState,
} from "@heddle/contracts";
import { canAbort, stepsOf } from "@heddle/mesh";
import type {
  CertificateCounts,
  CertificateRecord,
  JoinTokenUse,
  StoredRotation,
} from "@heddle/store";
import { findAlarms } from "../certificates/alarms.ts";
import { foreignBundlesOf } from "../certificates/foreign-bundles.ts";
import type { KnownAuthorities, KnownAuthority } from "../certificates/known-authorities.ts";
import { progressWords, type RotationProgress } from "../certificates/rotation-words.ts";
import type { ApiParts } from "./parts.ts";

const MAX_WAITING_SHOWN = 100;
/** Of its life: after that a certificate in use should have been renewed long ago. */
const OVERDUE_SHARE = 2 / 3;

/** `GET /identity`, from what is known and what was counted. */
export function toIdentity(
  parts: ApiParts,
  counts: CertificateCounts,
  lifetimeSeconds: number,
  nowMs: number,
): IdentityResponse {
  const { known } = parts.authority();
  const foreignBundles = foreignBundlesOf(parts.mesh.trust.resource);
  const rotation = currentRotation(parts);
  const alarms = findAlarms(
    {
      known,
      counts,
      foreignRoots: foreignBundles.flatMap(({ trustDomain, roots }) =>
        roots.map((root) => ({ trustDomain, ...root })),
      ),
      waitsFor: rotation && rotation.waiting.length > 0 ? rotation.words : undefined,
    },
    nowMs,
  );
  const authorities = known.all.map((one) => toAuthority(known, one, counts, nowMs));
  authorities.sort((a, b) => rank(a) - rank(b) || b.id - a.id);
  return {
    trustDomain: parts.trustDomain,
    trustDomainAliases: parts.mesh.trust.resource?.trustDomainAliases ?? [],
    workloadCertificateTtlSeconds: lifetimeSeconds,
    authorities,
    foreignBundles,
    alarms,
    certificates: {
      inUse: counts.inUse,
      renewalOverdue: counts.overdue,
      revoked: counts.revoked,
    },
    ...(rotation === undefined ? {} : { rotation }),
  };
}

/** The rotation under way, with how far it is. */
export function currentRotation({ keeper }: ApiParts): RotationState | undefined {
  const { rotation, progress, isReady } = keeper();
  return rotation && toRotation(rotation, progress, isReady);
}

/** One that is over has nobody to wait for. */
export function toRotation(
  rotation: StoredRotation,
  progress: RotationProgress = { done: 0, total: 0, waiting: [] },
  isReady = false,
): RotationState {
  const { reason, finishedAtMs } = rotation;
  return {
    id: rotation.id,
    of: rotation.of,
    step: rotation.step,
    steps: stepsOf(rotation),
    isStepwise: rotation.isStepwise,
    isPaused: rotation.isPaused,
    isReady,
    canAbort: canAbort(rotation),
    startedAtMs: rotation.startedAtMs,
    startedBy: rotation.startedBy,
    ...(reason === undefined ? {} : { reason }),
    stepSinceMs: rotation.stepSinceMs,
    ...(finishedAtMs === undefined ? {} : { finishedAtMs }),
    fromAuthorityId: rotation.fromAuthorityId,
    toAuthorityId: rotation.toAuthorityId,
    proxiesDone: progress.done,
    proxiesTotal: progress.total,
    waiting: progress.waiting.slice(0, MAX_WAITING_SHOWN),
    words: progressWords(rotation, progress),
  };
}

export function toCertificate(
  { registry }: ApiParts,
  record: CertificateRecord,
  nowMs: number,
): IssuedCertificateState {
  const { proxyId, workload, notBeforeMs, notAfterMs, isHeld, revoked } = record;
  const isLate = nowMs > notBeforeMs + (notAfterMs - notBeforeMs) * OVERDUE_SHARE;
  return {
    serialNumber: record.serialNumber,
    identity: record.identity,
    proxyId,
    proxyName: registry.findProxy(proxyId)?.name ?? proxyId,
    ...(workload === undefined ? {} : { workload }),
    issuerId: record.issuerId,
    notBeforeMs,
    notAfterMs,
    isInUse: isHeld,
    isRenewalOverdue: isHeld && isLate && revoked === undefined,
    ...(revoked === undefined ? {} : { revoked }),
  };
}

export function toJoinToken(
  { registry }: ApiParts,
  token: JoinTokenUse,
  nowMs: number,
): JoinTokenState {
  const { workload, revoked } = token;
  return {
    id: token.id,
    namespace: token.namespace,
    ...(workload === undefined ? {} : { workload }),
    maxUses: token.maxUses,
    usesLeft: token.usesLeft,
    createdBy: token.createdBy,
    createdAtMs: token.createdAtMs,
    expiresAtMs: token.expiresAtMs,
    state: revoked
      ? "revoked"
      : token.expiresAtMs <= nowMs
        ? "expired"
        : token.usesLeft === 0
          ? "spent"
          : "usable",
    ...(revoked === undefined ? {} : { revokedBy: revoked.by }),
    proxies: token.proxyIds.map((proxyId) => ({
      proxyId,
      name: registry.findProxy(proxyId)?.name ?? proxyId,
      connected: registry.findProxy(proxyId)?.isConnected === true,
    })),
  };
}

function toAuthority(
  known: KnownAuthorities,
  authority: KnownAuthority,
  counts: CertificateCounts,
  nowMs: number,
): AuthorityState {
  const { id, parentId, certificate } = authority;
  const isRoot = parentId === undefined;
  const signers = isRoot ? [authority, ...known.intermediatesOf(authority)] : [authority];
  const certificatesInUse = signers.reduce(
    (sum, one) => sum + (counts.byIssuer.get(one.id) ?? 0),
    0,
  );
  return {
    id,
    role: isRoot ? "root" : "intermediate",
    ...(isRoot ? {} : { parentId }),
    key: authority.encryptedKey ? "sealed" : authority.isFromFiles ? "files" : "none",
    subject: certificate.subject,
    serialNumber: certificate.serialNumber.toLowerCase(),
    fingerprint: authority.fingerprint,
    notBeforeMs: authority.notBeforeMs,
    notAfterMs: authority.notAfterMs,
    state: stateOf(known, authority, nowMs),
    certificatesInUse,
  };
}

function stateOf(
  known: KnownAuthorities,
  authority: KnownAuthority,
  nowMs: number,
): AuthorityState["state"] {
  const root = known.rootOf(authority);
  const isBelieved = root?.isTrusted === true && authority.retiredAtMs === undefined;
  if (!isBelieved || authority.notAfterMs <= nowMs) return "retired";
  const { signer, rotation } = known;
  if (authority.id === signer?.id || authority.id === signer?.parentId) return "signing";
  const isComing =
    rotation &&
    known.find(rotation.toAuthorityId) !== undefined &&
    [rotation.toAuthorityId, known.find(rotation.toAuthorityId)?.parentId].includes(authority.id);
  return isComing ? "next" : "leaving";
}

const RANK = { signing: 0, next: 1, leaving: 2, retired: 3 } as const;

function rank({ state, role }: AuthorityState): number {
  return RANK[state] * 2 + (role === "root" ? 0 : 1);
}
