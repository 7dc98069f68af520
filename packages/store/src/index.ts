export {
  type AccessSource,
  type AccessState,
  accessFromConfig,
  accessFromTelemetry,
  type StoredCredential,
  type StoredGrant,
} from "./access/access-state.ts";
export {
  createApiToken,
  deleteApiToken,
  findApiTokens,
  type StoredApiToken,
} from "./access/api-tokens.ts";
export {
  type AuditFilter,
  appendAudit,
  dropOldAudit,
  findAudit,
  type NewAuditEntry,
  type StoredAuditEntry,
} from "./access/audit.ts";
export {
  createSession,
  endSessions,
  findSessions,
  noteUse,
  type SessionMethod,
  type StoredSession,
  sweepCredentials,
} from "./access/sessions.ts";
export {
  changePassword,
  changeUser,
  createLocalUser,
  deleteUser,
  findSetupLink,
  findUser,
  findUsers,
  hasLocalUsers,
  rehashPassword,
  renewSetupLink,
  type StoredUser,
  upsertOidcUser,
  useSetupLink,
} from "./access/users.ts";
export { DatabaseUnreachableError, describeDatabase, requireDatabase } from "./check-database.ts";
export {
  type AuthorityWriter,
  changeAuthorities,
  findPastRotations,
  loadAuthorities,
  type NewAuthority,
  type NewRotation,
  type StoredAuthorities,
  type StoredAuthority,
  type StoredRotation,
} from "./config/certificate-authority.ts";
export {
  commitRevision,
  type DocumentChange,
  findCommitted,
  type NewRevision,
} from "./config/commit-revision.ts";
export { type ConfigDb, openConfigDb } from "./config/config-db.ts";
export { DatabaseUnavailableError } from "./config/database-unavailable.ts";
export {
  type ChangedDocument,
  findDocumentAt,
  findDocumentsAt,
  loadChangesSince,
  loadDocuments,
  type PastDocument,
  type StoredDocument,
} from "./config/documents.ts";
export { findDrift, type StoredDrift, saveDrift } from "./config/drift-reports.ts";
export { forgetGone, loadGone, noteGone, type StoredGone } from "./config/gone-instances.ts";
export {
  type CertificateCounts,
  type CertificateRecord,
  countIssuedCertificates,
  findIssuedCertificates,
  findRevokedCertificates,
  type HeldCertificateReport,
  type HeldReport,
  type RevocationTarget,
  type RevokedCertificate,
  revokeCertificates,
  type StoredCertificate,
  saveIssuedCertificates,
} from "./config/issued-certificates.ts";
export { loadIssuerKeys, saveIssuerKeys } from "./config/issuer-keys.ts";
export {
  claimGuards,
  endGuard,
  findGuard,
  findGuards,
  type GuardBaseline,
  type GuardProgress,
  type GuardStep,
  type NewGuard,
  releaseGuards,
  type StoredGuard,
  type StoredGuardCaller,
  type StoredGuardScope,
  saveGuardProgress,
} from "./config/mtls-guards.ts";
export {
  findPush,
  findPushes,
  findPushReports,
  findRunningPush,
  finishPush,
  forgetPushes,
  type HeldDocument,
  type PushEnd,
  type PushReportRow,
  type PushStep,
  type StoredPush,
  savePushReport,
  savePushWords,
} from "./config/pushes.ts";
export {
  answerHolds,
  forgetProxies,
  loadRegistry,
  loadRegistryOf,
  type StoredHealth,
  type StoredHold,
  type StoredHoldAnswer,
  type StoredInstance,
  type StoredPort,
  type StoredProxy,
  type StoredRegistry,
  saveRegistry,
  saveReports,
} from "./config/registry.ts";
export {
  deleteSource,
  loadSources,
  type StoredSource,
  saveSource,
} from "./config/registry-sources.ts";
export { ReplicaLink, type ReplicaLinkHandlers } from "./config/replica-link.ts";
export {
  beat,
  forgetReplicas,
  loadServiceUses,
  notifyReplicas,
  type ReplicaRound,
  readDatabaseClock,
  removeReplica,
  type StoredReplica,
  saveServiceUse,
} from "./config/replicas.ts";
export {
  addReviewAct,
  changeReview,
  createReview,
  endReview,
  findReview,
  findReviews,
  MAX_OPEN_REVIEWS,
  MAX_REVIEW_ACTS,
  type ReviewedDocument,
  type StoredReview,
} from "./config/reviews.ts";
export {
  findEffect,
  findNeighbours,
  findUnjudgedRevisions,
  type NeighbourRevision,
  type StoredEffect,
  saveEffect,
  type UnjudgedRevision,
} from "./config/revision-effects.ts";
export {
  addComment,
  deleteComment,
  findComments,
  MAX_COMMENTS,
  type StoredComment,
  saveName,
  savePin,
} from "./config/revision-marks.ts";
export {
  findDocumentHistory,
  findRevision,
  findRevisionAt,
  findRevisions,
  findRevisionsTouching,
  type RevisionPage,
  recordPropagation,
  type StoredMarks,
  type StoredRevision,
  type StoredRevisionDetail,
} from "./config/revisions.ts";
export {
  findRotationMembers,
  type RotationMember,
  type RotationQuestion,
} from "./config/rotation-members.ts";
export {
  deleteTap,
  insertTap,
  type LookedAtTap,
  lookAtTaps,
  type StoredTap,
} from "./config/taps.ts";
export {
  admitProxy,
  createJoinToken,
  findJoinToken,
  findJoinTokens,
  type JoinTokenUse,
  revokeJoinToken,
  type StoredJoinToken,
  useLoginToken,
} from "./config/tokens.ts";
export {
  createDatabase,
  dropDatabase,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  findEmbeddedPostgresPid,
  startEmbeddedPostgres,
} from "./embedded-postgres.ts";
export { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
export { MigrationError, migrate } from "./migrate.ts";
export {
  findDenials,
  findOperations,
  type StoredDenial,
  type StoredOperation,
} from "./telemetry/denials.ts";
export {
  deleteOldMetricWindows,
  EDGE_TIER_MS,
  type EdgeBucket,
  type EdgeTier,
  findEdgeBuckets,
  findRolledUntil,
  loadMetricWindows,
  rollUp,
  saveEdgeBuckets,
} from "./telemetry/edge-buckets.ts";
export {
  loadEdges,
  noteCollectorAlive,
  registerCollector,
  type StoredEdge,
  saveEdges,
} from "./telemetry/edge-directory.ts";
export {
  countObservedRequests,
  findObservedEdges,
  findSampledRequests,
  type ObservedCount,
  type ObservedEdge,
  type ObservedNode,
  type SampledRequest,
} from "./telemetry/observed-requests.ts";
export {
  dropExpiredPartitions,
  ensurePartitions,
  TELEMETRY_TABLES,
  type TelemetryTable,
} from "./telemetry/partitions.ts";
export {
  findCountedUntil,
  findPlaintextTraffic,
  type PlaintextTraffic,
} from "./telemetry/plaintext-traffic.ts";
export {
  loadRegistryView,
  type RegisteredWorkload,
  type RegistryView,
} from "./telemetry/registry-view.ts";
export {
  copySpans,
  findRecentSpans,
  findTrace,
  type NewSpan,
  type StoredSpan,
} from "./telemetry/spans.ts";
export { findTapToRead, noteTapReading, type TapToRead } from "./telemetry/tap-reading.ts";
export { openTelemetryDb, type TelemetryDb } from "./telemetry/telemetry-db.ts";
export {
  findTouchedTraffic,
  type ServiceStep,
  type TouchedScope,
} from "./telemetry/touched-traffic.ts";
