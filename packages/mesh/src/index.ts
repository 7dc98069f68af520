export {
  allows,
  allowsSomewhere,
  beyond,
  capGrants,
  type Grant,
  type Role,
  roleOn,
  WHOLE_MESH,
} from "./access/grants.ts";
export { checkClaims, checkClaimTypes, checkTime } from "./authentication/check-claims.ts";
export {
  type CompiledAuthentication,
  type CompiledJwtRule,
  compileAuthentication,
  type FoundToken,
  findTokens,
  type TokenFacts,
  type TokenPlace,
  withoutCookie,
  withoutParameter,
} from "./authentication/compile-authentication.ts";
export { chooseRefusal, REFUSAL, type Refusal } from "./authentication/refusal.ts";
export type { JwtRule, RequestAuthentication } from "./authentication/request-authentication.ts";
export {
  findClaim,
  formatClaim,
  splitClaims,
  type TokenClaims,
} from "./authentication/token-claims.ts";
export {
  type ConnectionAuthorizationFacts,
  connectionOnly,
  type RequestAuthorizationFacts,
} from "./authorization/authorization-facts.ts";
export type {
  AuthorizationPolicy,
  AuthorizationRule,
  ConditionMatch,
  ExternalAuthorizer,
  OperationMatch,
  SourceMatch,
} from "./authorization/authorization-policy.ts";
export {
  authorize,
  findAuditRule,
  findCustomRule,
  formatRuleName,
} from "./authorization/authorize.ts";
export {
  type AuthorizationDecision,
  type CompiledAuthorization,
  type CustomRules,
  compileAuthorization,
  type RuleName,
  type RuleSet,
} from "./authorization/compile-authorization.ts";
export {
  type AuthorizationTrace,
  explainAuthorization,
  type RuleTrace,
} from "./authorization/explain-authorization.ts";
export { InvalidAuthorizationError } from "./authorization/invalid-authorization-error.ts";
export { Balancer, type Ejection } from "./balancing/balancer.ts";
export { bypassPolicy, bypassRoute } from "./balancing/bypass-rules.ts";
export { carriesLabels } from "./balancing/carries-labels.ts";
export { effectivePolicy } from "./balancing/effective-policy.ts";
export type { EndpointStanding } from "./balancing/endpoint-standing.ts";
export {
  type HashCookie,
  type HashFacts,
  hashRequest,
  makeHashCookie,
} from "./balancing/hash-key.ts";
export type { Origin } from "./balancing/locality.ts";
export {
  describeOutcome,
  grpcOutcome,
  type LocalFailure,
  type Outcome,
} from "./balancing/outcome.ts";
export { parseRetryAfterMs } from "./balancing/peak-ewma.ts";
export { type Loaded, pickEndpoint } from "./balancing/pick-endpoint.ts";
export {
  admitConnection,
  admitPending,
  admitRequest,
  admitRetry,
  compilePoolLimits,
  describeOverflow,
  emptyUsage,
  type Overflow,
  type PoolLimitName,
  type PoolLimits,
  type PoolUsage,
} from "./balancing/pool-limits.ts";
export type { Candidate } from "./balancing/seat.ts";
export type {
  BalancingAlgorithm,
  ClientTls,
  ConnectionPool,
  HashKey,
  LeveledPolicy,
  LoadBalancer,
  LocalityPolicy,
  OutlierDetection,
  RetryBudget,
  SubsetRule,
  TrafficPolicy,
  Warmup,
} from "./balancing/traffic-policy.ts";
export type { Retry } from "./balancing/traffic-spread.ts";
export {
  type EffectSignal,
  type EffectVerdict,
  FALSE_VERDICT_RATIO,
  judgeEffect,
  type ServiceJudgement,
  type SignalEffect,
  sumTallies,
  weightOf,
  worstVerdict,
} from "./effects/judge-effect.ts";
export type { EffectiveMtls, MtlsMode, PeerAuthentication } from "./identity/mtls-mode.ts";
export { ROOT_NAMESPACE, resolveMtlsMode, selects } from "./identity/resolve-mtls-mode.ts";
export {
  canAbort,
  factsOfStep,
  firstStep,
  isFinished,
  type Rotation,
  type RotationEvent,
  type RotationFacts,
  type RotationOf,
  type RotationOutcome,
  type RotationStep,
  stepRotation,
  stepsOf,
} from "./identity/rotation.ts";
export { formatSpiffeId, parseSpiffeId, type SpiffeId } from "./identity/spiffe-id.ts";
export {
  expandPrincipals,
  isSameIdentity,
  speakerOf,
  type TrustDomains,
  trustDomainOf,
} from "./identity/trust-domains.ts";
export { formatId, parseId, type ServiceId, type WorkloadId } from "./identity/workload-id.ts";
export {
  leastPrivilegeRules,
  type ObservedCaller,
} from "./least-privilege/least-privilege-rules.ts";
export { templatePath } from "./least-privilege/path-template.ts";
export {
  type CompiledRateLimit,
  compileRateLimit,
  type RateLimitFacts,
  rateLimitKey,
} from "./limits/compile-rate-limits.ts";
export type { RateLimit, RateLimitKey } from "./limits/rate-limit.ts";
export { rateLimitFields } from "./limits/rate-limit-fields.ts";
export {
  MAX_RATE_LIMIT_KEYS,
  RateLimiter,
  type RateLimitVerdict,
} from "./limits/rate-limiter.ts";
export {
  DEFAULT_RETRIES_PER_SECOND,
  DEFAULT_RETRY_RATIO,
  hasRetryRoom,
  RetryBudgetLedger,
} from "./limits/retry-budget.ts";
export { chooseFirst, type PushCandidate } from "./pushes/choose-first.ts";
export {
  judgePush,
  type PushCount,
  type PushStanding,
  type PushTally,
  type PushVerdict,
} from "./pushes/judge-push.ts";
export { judgeRisk, LEAST_PROXIES, type PushedChange, type PushRisk } from "./pushes/push-risk.ts";
export { type Caller, selectsCaller } from "./routing/caller.ts";
export { type Cidr, compileCidr, InvalidCidrError } from "./routing/cidr.ts";
export type { CompiledDestination } from "./routing/compile-destinations.ts";
export { type CompiledRoute, compileRoutes, findRoute } from "./routing/compile-routes.ts";
export { compileStringMatch } from "./routing/compile-string-match.ts";
export { type CompiledCors, type CorsDecision, compileCors, decideCors } from "./routing/cors.ts";
export type { CorsPolicy } from "./routing/cors-policy.ts";
export {
  EXPECTED_TIMEOUT_HEADER,
  effectiveTryTimeoutMs,
  expectedTimeoutMs,
  formatGrpcTimeout,
  GRPC_TIMEOUT_HEADER,
  hopTimeoutMs,
  lesserMs,
  parseGrpcTimeout,
  parseTimeoutMs,
} from "./routing/deadline.ts";
export { decideAbort, decideDelayMs } from "./routing/decide-fault.ts";
export { DEFAULT_RETRY_POLICY, keepsGuard } from "./routing/default-retry-policy.ts";
export { type CompiledDirectResponse, compileDirectResponse } from "./routing/direct-response.ts";
export { nextEvenDraw } from "./routing/even-draw.ts";
export type { FaultAbort, FaultInjection } from "./routing/fault-injection.ts";
export {
  type CompiledFormat,
  compileFormat,
  FORMAT_OPERATORS,
  type FormatFacts,
  type FormatOperator,
  InvalidFormatError,
} from "./routing/format-string.ts";
export { GRPC_STATUS, grpcStatusOfHttp, httpStatusOfGrpc } from "./routing/grpc-status.ts";
export { type CompiledHeaderChanges, compileHeaderChanges } from "./routing/header-changes.ts";
export type { HeaderChanges, HeaderOperations } from "./routing/header-operations.ts";
export {
  compileHosts,
  DuplicateHostError,
  findHost,
  type HostTable,
} from "./routing/host-table.ts";
export { InvalidActionError } from "./routing/invalid-action-error.ts";
export {
  type CompiledTcpRoute,
  type ConnectionFacts,
  compileTcpRoutes,
  findTcpRoute,
} from "./routing/match-connection.ts";
export { compileMatches, isCatchAll, type RequestTest } from "./routing/match-request.ts";
export { type DelegateMerge, mergeDelegate } from "./routing/merge-delegate.ts";
export { isMirrored, shadowAuthority } from "./routing/mirror.ts";
export {
  normalizePath,
  PATH_NORMALIZATIONS,
  type PathNormalization,
} from "./routing/normalize-path.ts";
export { InvalidRetryOnError, parseRetryOn, type RetryOn } from "./routing/parse-retry-on.ts";
export { findQueryParameter } from "./routing/query-parameter.ts";
export { type CompiledRedirect, compileRedirect, type RedirectFacts } from "./routing/redirect.ts";
export {
  compileRegex,
  compileRegexRewrite,
  InvalidRegexError,
  MAX_REGEX_LENGTH,
} from "./routing/regex.ts";
export { type MatchRelation, relateMatches } from "./routing/relate-matches.ts";
export type { RequestFacts } from "./routing/request-facts.ts";
export {
  MAX_REQUESTED_RETRIES,
  OVERRIDE_HEADERS,
  overrideRetry,
} from "./routing/request-overrides.ts";
export {
  backoffMs,
  type CompiledRetry,
  compileRetry,
  maySendAgain,
  type ResponseFacts,
  retriesFailure,
  retriesResponse,
  type TryFailure,
} from "./routing/retry.ts";
export { RETRY_CONDITIONS, type RetryCondition, type RetryPolicy } from "./routing/retry-policy.ts";
export { compilePathRewrite, ORIGINAL_PATH_HEADER } from "./routing/rewrite.ts";
export type {
  DirectResponse,
  Endpoint,
  Mirror,
  PortProtocol,
  Redirect,
  Rewrite,
  Route,
  RouteDestination,
  RouteMatch,
  ServicePort,
  SourceSelector,
  Subset,
  TcpMatch,
  TcpRoute,
} from "./routing/route.ts";
export { hostWithoutPort, serviceFqdn, serviceOfHost } from "./routing/service-host.ts";
export { compileSplit, InvalidSplitError, pickDestination, type Split } from "./routing/split.ts";
export type { StringMatch } from "./routing/string-match.ts";
export {
  type CountedFailure,
  type FailedBy,
  type FailureKind,
  FailureKinds,
} from "./signals/failure-kinds.ts";
export {
  type GoldenSignals,
  goldenSignals,
  mtlsRatio,
  protocolOf,
  type TcpSignals,
  tcpSignals,
} from "./signals/golden-signals.ts";
export type { Health, HealthState } from "./signals/health.ts";
export {
  formatPercent,
  HEALTH_WINDOW_MS,
  type HealthEvidence,
  type HealthMemory,
  judgeHealth,
} from "./signals/health.ts";
export { LatencySketch, SKETCH_SCALE, SketchDecodeError } from "./signals/latency-sketch.ts";
export {
  compileLogFilter,
  InvalidLogFilterError,
  type LogFacts,
  type LogFilter,
} from "./signals/log-filter.ts";
export { TrafficTally, type WhoFailed } from "./signals/traffic-tally.ts";
export { type Interval, wilsonInterval } from "./signals/wilson-interval.ts";
export { coupleShares } from "./simulation/couple-shares.ts";
export { allHold, compileKnownMatch, type KnownFacts } from "./simulation/known-match.ts";
export {
  findKnownRoute,
  learnFromRule,
  prepareRules,
  type RecordedRequest,
  type SimulatedEnd,
  type SimulatedRules,
  type SimulationParts,
  simulateRequest,
} from "./simulation/simulate-request.ts";
export {
  compileTapFilter,
  compileTapStatus,
  InvalidTapStatusError,
  isCredentialHeader,
  type TapFacts,
  type TapFilter,
  type TapHeader,
  type TapParty,
  type TapPeer,
  type TapTest,
} from "./taps/tap-filter.ts";
export { assignBlame, type Blame, type BlameMap, type FailingEdge } from "./topology/blame.ts";
export {
  type EdgeCounts,
  type EdgeTraffic,
  effectiveTally,
  entryEdges,
  NONE_OPEN,
  type OpenConnections,
  toServiceEdges,
} from "./topology/edge-traffic.ts";
export {
  edgeId,
  externalNode,
  inServiceView,
  nodeName,
  outsideNode,
  parseEdgeId,
  serviceNode,
  type TrafficNode,
  workloadNode,
} from "./topology/traffic-node.ts";
export {
  readEventPoint,
  readRefusedPoint,
  readTrafficPoint,
  type TrafficLabels,
  type TrafficPoint,
} from "./topology/traffic-point.ts";
