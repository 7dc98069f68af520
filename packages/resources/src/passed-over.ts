/** A document of a kind that Heddle does not serve: read, warned about, not kept. */
export type PassedOver = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** What it means that Heddle passes it over. */
  readonly reason: string;
};

const ROUTES =
  "its routes and ports do not exist here; to route inside the mesh, write a VirtualService for the service's host";
const NO_CONTAINERS =
  "Heddle starts no containers; run the program with heddle run, and it joins the mesh";

/** By `group kind` or group: what passing a document over means. The core group has the name "". */
const REASONS: Readonly<Record<string, string>> = {
  "networking.istio.io Gateway":
    "Heddle has no gateways yet: nothing listens for it, and VirtualServices bound to it alone route nothing",
  "networking.istio.io EnvoyFilter":
    "there is no Envoy to patch; use a ProxyFilter, RateLimit or TrafficPolicy of heddle.dev/v1",
  "networking.istio.io ProxyConfig":
    "a Heddle proxy takes such settings from its own environment (docs/architecture.md)",
  "config.istio.io": "Istio itself has given the kind up",
  "rbac.istio.io": "Istio itself has given the kind up; write an AuthorizationPolicy",
  "authentication.istio.io": "Istio itself has given the kind up; write a PeerAuthentication",
  "extensions.istio.io": "Heddle does not run WebAssembly; use a ProxyFilter of heddle.dev/v1",
  "gateway.networking.k8s.io": `Heddle does not serve the Gateway API; ${ROUTES}`,
  "gateway.networking.x-k8s.io": `Heddle does not serve the Gateway API; ${ROUTES}`,
  "inference.networking.k8s.io": `Heddle does not serve the Gateway API; ${ROUTES}`,
  "networking.k8s.io Ingress": `nothing listens for it; ${ROUTES}`,
  "networking.k8s.io": "Heddle does not filter packets; use an AuthorizationPolicy",
  "cert-manager.io": "Heddle's own certificate authority gives every workload its certificate",
  "install.istio.io": "Heddle is not installed by an operator; see heddle up",
  " ServiceAccount": "a workload's identity is its namespace and name, without an account",
  " Secret":
    "Heddle reads no secrets from documents; give certificates in files of the proxy's host",
  " ConfigMap": "Heddle reads no ConfigMaps; mesh-wide settings are a MeshConfig of heddle.dev/v1",
  " Namespace": "a namespace exists as soon as something is in it",
  " Endpoints": "addresses without a proxy are WorkloadEntries or a ServiceEntry's endpoints",
  "discovery.k8s.io": "addresses without a proxy are WorkloadEntries or a ServiceEntry's endpoints",
  "": NO_CONTAINERS,
  apps: NO_CONTAINERS,
  batch: NO_CONTAINERS,
};

const KUBERNETES_GROUP = /(^|\.)k8s\.io$/;
const KNOWN_GROUPS = new Set(["apps", "batch", "autoscaling", "policy", ""]);

/**
 * Why a document of this group and kind is passed over. `undefined`: nothing says that it is meant for
 * anybody else, so it is a mistake.
 */
export function reasonToPassOver(apiVersion: string, kind: string): string | undefined {
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  const reason = own(`${group} ${kind}`) ?? own(group);
  if (reason !== undefined) return isCoreKind(group, kind) ? reason : undefined;
  if (KUBERNETES_GROUP.test(group) || KNOWN_GROUPS.has(group) || group.includes(".")) {
    return isOurs(group) ? undefined : `Heddle knows nothing of ${group}`;
  }
  return undefined;
}

function own(key: string): string | undefined {
  return Object.hasOwn(REASONS, key) ? REASONS[key] : undefined;
}

/** Groups of which every kind is either served or listed above; another is misspelt. */
function isOurs(group: string): boolean {
  return /(^|\.)(istio\.io|heddle\.dev|example\.com)$/.test(group);
}

const CORE_KINDS = new Set([
  ...["Pod", "ReplicationController", "ServiceAccount", "Secret", "ConfigMap", "Namespace"],
  ...[
    "Endpoints",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "LimitRange",
    "Node",
    "Event",
    "PodTemplate",
    "Binding",
    "ResourceQuota",
  ],
]);

/** `v1` alone is a short text and easily written by mistake: there only Kubernetes' own kinds count. */
function isCoreKind(group: string, kind: string): boolean {
  return group !== "" || CORE_KINDS.has(kind);
}
