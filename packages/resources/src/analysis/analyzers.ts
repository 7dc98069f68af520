import type { Analyzer } from "./analyzer.ts";
import {
  checkAuthorization,
  checkPeerAuthentications,
  checkSelectors,
} from "./heddle/authorization.ts";
import { checkBypasses } from "./heddle/bypasses.ts";
import { checkFaults, checkMirrors } from "./heddle/faults-and-mirrors.ts";
import { checkPathMatches } from "./heddle/path-matches.ts";
import { checkPlaintextCallers } from "./heddle/plaintext-callers.ts";
import { checkRetries } from "./heddle/retries.ts";
import { checkShadowedRoutes } from "./heddle/shadowed-routes.ts";
import { checkTrafficPolicies } from "./heddle/traffic-policies.ts";
import { checkDelegates, checkHiddenRules, checkServiceEntryHosts } from "./heddle/visibility.ts";
import { checkWeights } from "./heddle/weights.ts";
import { checkAnnotations } from "./istio/annotations.ts";
import { checkAuthorizationPolicies } from "./istio/authorization-policies.ts";
import { checkBlockedCidrs } from "./istio/blocked-cidrs.ts";
import { checkConditions } from "./istio/conditions.ts";
import { checkApplicationUid, checkServicesOfDeployments } from "./istio/deployments.ts";
import { checkDeprecated } from "./istio/deprecated.ts";
import { checkDestinationHosts } from "./istio/destination-hosts.ts";
import { checkCaCertificates, checkSubsets } from "./istio/destination-rules.ts";
import { checkDestinationSubsets } from "./istio/destination-subsets.ts";
import { checkEnvoyFilters } from "./istio/envoy-filters.ts";
import { checkGatewayApiVersion, checkGatewaySelectors } from "./istio/gateway-api.ts";
import { checkGatewaySecrets } from "./istio/gateway-secrets.ts";
import {
  checkConflictingGateways,
  checkGatewayCertificates,
  checkGatewayPorts,
} from "./istio/gateways.ts";
import { checkAutoImages, checkInjection, checkProxyImages } from "./istio/injection.ts";
import { checkMeshHosts } from "./istio/mesh-hosts.ts";
import { checkMeshNetworks } from "./istio/mesh-networks.ts";
import {
  checkSidecarSelectors,
  checkTelemetryDefaults,
  checkTelemetrySelectors,
} from "./istio/overlapping-selectors.ts";
import { checkClaimRoutes, checkRouteGateways } from "./istio/route-gateways.ts";
import { checkServiceEntryAddresses, checkServiceEntryProtocols } from "./istio/service-entries.ts";
import { checkPortNames } from "./istio/service-ports.ts";
import { checkTelemetryProviders } from "./istio/telemetry-providers.ts";
import { checkUnreachableRoutes } from "./istio/unreachable-routes.ts";
import { checkExternalControlPlane, checkWebhooks } from "./istio/webhooks.ts";

/** Every analyzer. Each is given all documents and tells of those it has something to say about. */
export const ANALYZERS: readonly Analyzer[] = [
  checkAnnotations,
  checkAuthorizationPolicies,
  checkBlockedCidrs,
  checkConditions,
  checkApplicationUid,
  checkServicesOfDeployments,
  checkDeprecated,
  checkDestinationHosts,
  checkCaCertificates,
  checkSubsets,
  checkDestinationSubsets,
  checkEnvoyFilters,
  checkGatewayApiVersion,
  checkGatewaySelectors,
  checkGatewaySecrets,
  checkConflictingGateways,
  checkGatewayCertificates,
  checkGatewayPorts,
  checkAutoImages,
  checkInjection,
  checkProxyImages,
  checkMeshHosts,
  checkMeshNetworks,
  checkSidecarSelectors,
  checkTelemetryDefaults,
  checkTelemetrySelectors,
  checkClaimRoutes,
  checkRouteGateways,
  checkServiceEntryAddresses,
  checkServiceEntryProtocols,
  checkPortNames,
  checkTelemetryProviders,
  checkUnreachableRoutes,
  checkExternalControlPlane,
  checkWebhooks,
  checkAuthorization,
  checkBypasses,
  checkPeerAuthentications,
  checkSelectors,
  checkFaults,
  checkMirrors,
  checkPathMatches,
  checkPlaintextCallers,
  checkRetries,
  checkShadowedRoutes,
  checkTrafficPolicies,
  checkDelegates,
  checkHiddenRules,
  checkServiceEntryHosts,
  checkWeights,
];
