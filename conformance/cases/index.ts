import type { ConformanceCase } from "../harness/conformance-case.ts";
import { clientTlsCases } from "./destination-rule/client-tls.ts";
import { connectionPoolCases } from "./destination-rule/connection-pool.ts";
import { loadBalancerCases } from "./destination-rule/load-balancer.ts";
import { outlierCases } from "./destination-rule/outlier-detection.ts";
import { retryBudgetCases, scopeCases } from "./destination-rule/scope.ts";
import { bypassCases } from "./mesh/bypass.ts";
import { meshConfigCases } from "./mesh/mesh-config.ts";
import { proxyFilterCases } from "./mesh/proxy-filter.ts";
import { rateLimitCases } from "./mesh/rate-limit.ts";
import { telemetryCases } from "./mesh/telemetry.ts";
import { trafficPolicyCases } from "./mesh/traffic-policy.ts";
import { dnsSourceCases } from "./registry/dns-source.ts";
import { instanceOverrideCases } from "./registry/instance-override.ts";
import { serviceEntryCases } from "./registry/service-entry.ts";
import { serviceCases } from "./registry/services.ts";
import { sidecarCases } from "./registry/sidecar.ts";
import { authorizationCases } from "./security/authorization-policy.ts";
import { externalAuthorizerCases } from "./security/external-authorizer.ts";
import { peerAuthenticationCases } from "./security/peer-authentication.ts";
import { requestAuthenticationCases } from "./security/request-authentication.ts";
import { trustDomainCases } from "./security/trust-domains.ts";
import { answerCases } from "./virtual-service/answers.ts";
import { changeCases } from "./virtual-service/changes.ts";
import { destinationCases } from "./virtual-service/destinations.ts";
import { matchCases } from "./virtual-service/matches.ts";
import { streamCases } from "./virtual-service/streams.ts";
import { tryCases } from "./virtual-service/tries.ts";

/** Every rule that is proven, by kind and block. */
export const CASES: readonly ConformanceCase[] = [
  ...matchCases,
  ...destinationCases,
  ...changeCases,
  ...answerCases,
  ...tryCases,
  ...loadBalancerCases,
  ...connectionPoolCases,
  ...outlierCases,
  ...clientTlsCases,
  ...retryBudgetCases,
  ...scopeCases,
  ...streamCases,
  ...serviceEntryCases,
  ...dnsSourceCases,
  ...instanceOverrideCases,
  ...serviceCases,
  ...sidecarCases,
  ...meshConfigCases,
  ...trafficPolicyCases,
  ...rateLimitCases,
  ...peerAuthenticationCases,
  ...trustDomainCases,
  ...authorizationCases,
  ...requestAuthenticationCases,
  ...externalAuthorizerCases,
  ...telemetryCases,
  ...proxyFilterCases,
  ...bypassCases,
];
