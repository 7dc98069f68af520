export type { EffectiveMtls, MtlsMode, PeerAuthentication } from "./identity/mtls-mode.ts";
export { ROOT_NAMESPACE, resolveMtlsMode, selects } from "./identity/resolve-mtls-mode.ts";
export { formatSpiffeId, parseSpiffeId, type SpiffeId } from "./identity/spiffe-id.ts";
export { formatId, parseId, type ServiceId, type WorkloadId } from "./identity/workload-id.ts";
export type {
  Endpoint,
  Route,
  RouteDestination,
  RouteMatch,
  StringMatch,
  Subset,
} from "./routing/route.ts";
export type { Health, HealthState } from "./signals/health.ts";
