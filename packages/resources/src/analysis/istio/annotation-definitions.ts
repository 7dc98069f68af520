// The annotations Istio reads (istio/api, annotation/annotations.yaml): where each may stand, and whether it
// has been given up.
export type AnnotationDefinition = {
  readonly kinds: readonly string[];
  readonly isDeprecated?: boolean;
};

const onPods = (names: string, isDeprecated = false): [string, AnnotationDefinition][] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => [name, { kinds: ["Pod"], ...(isDeprecated ? { isDeprecated } : {}) }]);

export const ANNOTATIONS: ReadonlyMap<string, AnnotationDefinition> = new Map([
  ...onPods(`
    prometheus.istio.io/merge-metrics sidecar.istio.io/status sidecar.istio.io/rewriteAppHTTPProbers
    sidecar.istio.io/proxyImage sidecar.istio.io/proxyImageType sidecar.istio.io/proxyCPU
    sidecar.istio.io/proxyCPULimit sidecar.istio.io/proxyMemory sidecar.istio.io/proxyMemoryLimit
    sidecar.istio.io/interceptionMode sidecar.istio.io/bootstrapOverride
    sidecar.istio.io/statsHistogramBuckets sidecar.istio.io/statsFlushInterval
    sidecar.istio.io/statsEvictionInterval sidecar.istio.io/statsHistogramBins
    sidecar.istio.io/userVolume sidecar.istio.io/userVolumeMount status.sidecar.istio.io/port
    sidecar.istio.io/logLevel sidecar.istio.io/componentLogLevel sidecar.istio.io/agentLogLevel
    sidecar.istio.io/nativeSidecar readiness.status.sidecar.istio.io/initialDelaySeconds
    readiness.status.sidecar.istio.io/periodSeconds
    readiness.status.sidecar.istio.io/failureThreshold
    readiness.status.sidecar.istio.io/applicationPorts
    traffic.sidecar.istio.io/includeOutboundIPRanges traffic.sidecar.istio.io/excludeOutboundIPRanges
    traffic.sidecar.istio.io/includeInboundPorts traffic.sidecar.istio.io/excludeInboundPorts
    traffic.sidecar.istio.io/excludeInterfaces traffic.sidecar.istio.io/includeOutboundPorts
    traffic.sidecar.istio.io/excludeOutboundPorts proxy.istio.io/config istio.io/rev
    proxy.istio.io/overrides inject.istio.io/templates ambient.istio.io/redirection
    ambient.istio.io/bypass-inbound-capture istio.io/reroute-virtual-interfaces
    ambient.istio.io/dns-capture`),
  ...onPods(
    `
    sidecar.istio.io/inject sidecar.istio.io/discoveryAddress
    sidecar.istio.io/statsInclusionPrefixes sidecar.istio.io/statsInclusionSuffixes
    sidecar.istio.io/statsInclusionRegexps traffic.sidecar.istio.io/kubevirtInterfaces
    sidecar.istio.io/extraStatTags sidecar.istio.io/statsCompression`,
    true,
  ),
  ["alpha.istio.io/kubernetes-serviceaccounts", { kinds: ["Service"], isDeprecated: true }],
  ["alpha.istio.io/canonical-serviceaccounts", { kinds: ["Service"], isDeprecated: true }],
  ["networking.istio.io/exportTo", { kinds: ["Service"] }],
  ["traffic.istio.io/nodeSelector", { kinds: ["Service"] }],
  ["kubernetes.io/ingress.class", { kinds: ["Ingress"] }],
  ["galley.istio.io/analyze-suppress", { kinds: ["Any"] }],
  ["istio.io/dry-run", { kinds: ["AuthorizationPolicy"] }],
  ["istio.io/autoRegistrationGroup", { kinds: ["WorkloadEntry"] }],
  ["istio.io/workloadController", { kinds: ["WorkloadEntry"] }],
  ["istio.io/connectedAt", { kinds: ["WorkloadEntry"] }],
  ["istio.io/disconnectedAt", { kinds: ["WorkloadEntry"] }],
  ["topology.istio.io/controlPlaneClusters", { kinds: ["Namespace"] }],
  ["gateway.istio.io/controller-version", { kinds: ["Any"] }],
  ["ambient.istio.io/waypoint-inbound-binding", { kinds: ["GatewayClass", "Gateway"] }],
  ["gateway.istio.io/service-account", { kinds: ["Gateway"] }],
  ["gateway.istio.io/name-override", { kinds: ["Gateway"] }],
  ["networking.istio.io/service-type", { kinds: ["Gateway"] }],
  ["networking.istio.io/traffic-distribution", { kinds: ["Namespace", "Service", "ServiceEntry"] }],
  ["istio.io/use-waypoint-canary-weight", { kinds: ["Service", "ServiceEntry", "Namespace"] }],
]);
