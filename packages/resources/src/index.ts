// To look for mistakes: `analyze({ files, around, registry, nowMs })`, pure and fast once texts are read. A control
// plane asks its MeshAnalysis (`ofMesh`, `ofFiles`), which adds what runs; a console asks GET /analysis, POST /analyze.
export {
  type Analysis,
  type AnalysisFile,
  type AnalysisInput,
  analyze,
  analyzeInSteps,
  countFindings,
} from "./analysis/analyze.ts";
export { applyFixes } from "./analysis/apply-fixes.ts";
export { type Code, type CodeMeaning, listCodes } from "./analysis/codes.ts";
export type { Finding, Fix } from "./analysis/finding.ts";
export type { LiveRegistry } from "./analysis/mesh-facts.ts";
export { SEVERITIES, type Severity } from "./analysis/severity.ts";
export {
  type CompatibilityEntry,
  listCompatibility,
  listKinds,
} from "./compatibility.ts";
export type { HostRef, Labels, PolicyTarget, TargetRef, Visibility } from "./documents/document.ts";
export type {
  AccessLoggingRule,
  BypassDocument,
  CustomTag,
  MeshConfigDocument,
  MetricOverride,
  MetricsRule,
  TelemetryDocument,
  TelemetryMode,
  TracingRule,
  TrafficDestination,
  TrafficPolicyDocument,
  TrafficSource,
} from "./documents/mesh-documents.ts";
export type {
  AuthorizationPolicyDocument,
  JwtRule,
  PeerAuthenticationDocument,
  ProxyFilter,
  ProxyFilterDocument,
  RateLimitDocument,
  RequestAuthenticationDocument,
} from "./documents/policy-documents.ts";
export type {
  DeclaredPort,
  DnsLookup,
  DnsSourceDocument,
  EgressHost,
  EntryEndpoint,
  InstanceOverrideDocument,
  ServiceDocument,
  ServiceEntry,
  Sidecar,
  SidecarEgress,
  SidecarIngress,
  WorkloadEntry,
  WorkloadGroup,
} from "./documents/registry-documents.ts";
export type {
  DestinationRule,
  DocumentRoute,
  DocumentTcpRoute,
  HostDestination,
  VirtualService,
} from "./documents/routing-documents.ts";
export { editYaml, type YamlEdit } from "./edit-yaml.ts";
export type { Fault } from "./fault.ts";
export { findLine } from "./find-line.ts";
export { MTLS_DRY_RUN } from "./kinds/peer-authentication.ts";
export { type MergeConflict, type MergeOutcome, mergeYaml } from "./merge-yaml.ts";
export { type ParseOutcome, parseResources, parsingCost } from "./parse-resources.ts";
export type { PassedOver } from "./passed-over.ts";
export type { ParsedResource } from "./read-resource.ts";
export {
  readSources,
  type SourceDocument,
  type SourceNote,
  type TextPlace,
  type UnreadablePart,
} from "./read-sources.ts";
export {
  formatRef,
  RESOURCE_KINDS,
  type Resource,
  type ResourceKindName,
  type ResourceRef,
} from "./resource.ts";
export { type FieldStatus } from "./schema/field-status.ts";
export { isDnsLabel, parseServiceHost, readHost } from "./service-host.ts";
