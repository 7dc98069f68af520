import { X509Certificate } from "node:crypto";
import { z } from "zod";
import type { MeshConfigDocument } from "../documents/mesh-documents.ts";
import { differing, fields, ignored, unserved } from "../schema/field-status.ts";
import { connectionPool } from "./connection-pool.ts";
import { documentOf } from "./document-schema.ts";
import { extensionProvider } from "./extension-provider.ts";
import { count, dnsLabel } from "./fields.ts";
import { fqdn } from "./hosts.ts";
import { localityLbSetting } from "./locality.ts";
import { outlierDetection } from "./outlier-detection.ts";
import { retries } from "./retries.ts";

const NORMALIZATIONS = [
  "DEFAULT",
  "NONE",
  "BASE",
  "MERGE_SLASHES",
  "DECODE_AND_MERGE_SLASHES",
] as const;
const OF_THE_PROXY = "a proxy takes it from its own environment (docs/architecture.md)";
const OF_THE_CLUSTER = "it concerns Kubernetes or gateways, which Heddle has not";

/** Roots beside the mesh's own: for the trust domains named, without any for the mesh's own. */
const foreignRoots = fields({
  pem: z.string().max(65_536).superRefine(checkRoots),
  trustDomains: z.array(fqdn).max(100).optional(),
  certSigners: unserved("it concerns Kubernetes' certificate signers"),
  spiffeBundleUrl: unserved("give the roots as pem"),
});

const spec = fields({
  outboundTrafficPolicy: fields({
    mode: z.enum(["REGISTRY_ONLY", "ALLOW_ANY"]),
  }).optional(),
  pathNormalization: fields({ normalization: z.enum(NORMALIZATIONS) }).optional(),
  trustDomain: differing(
    "it is set when the control plane starts (HEDDLE_TRUST_DOMAIN); another value here is warned of",
    fqdn.optional(),
  ),
  trustDomainAliases: z.array(fqdn).max(100).optional(),
  caCertificates: z.array(foreignRoots).max(100).optional(),
  rootNamespace: dnsLabel.optional(),
  numTrustedProxies: count({
    max: 100,
    message: "expected a whole number from 0 to 100",
  }).optional(),
  extensionProviders: z
    .array(extensionProvider)
    .superRefine((providers, context) => {
      const names = new Set<string>();
      for (const [index, { name }] of providers.entries()) {
        if (names.has(name)) {
          const message = `another provider is called ${JSON.stringify(name)} already`;
          context.addIssue({ code: "custom", path: [index, "name"], message });
        }
        names.add(name);
      }
    })
    .optional(),
  defaultHttpRetryPolicy: retries.optional(),
  localityLbSetting: localityLbSetting.optional(),
  defaultTrafficPolicy: fields({
    connectionPool: connectionPool.optional(),
    outlierDetection: outlierDetection.optional(),
  }).optional(),
  defaultServiceExportTo: unserved(
    "everything is visible to the whole mesh unless it says exportTo itself",
  ),
  defaultVirtualServiceExportTo: unserved(
    "everything is visible to the whole mesh unless it says exportTo itself",
  ),
  defaultDestinationRuleExportTo: unserved(
    "everything is visible to the whole mesh unless it says exportTo itself",
  ),
  meshMTLS: unserved("between Heddle's proxies it is TLS 1.3 alone"),
  accessLogFile: ignored("write a Telemetry document with accessLogging"),
  accessLogFormat: ignored("the log's format is fixed: one JSON object a request"),
  accessLogEncoding: ignored("the log's format is fixed: one JSON object a request"),
  enableTracing: ignored("tracing is always on; a Telemetry document sets how much of it"),
  defaultProviders: ignored("metrics and spans go out by OTLP/HTTP"),
  defaultConfig: ignored(OF_THE_PROXY),
  connectTimeout: ignored("set defaultTrafficPolicy.connectionPool.tcp.connectTimeout"),
  tcpKeepalive: ignored("set defaultTrafficPolicy.connectionPool.tcp.tcpKeepalive"),
  h2UpgradePolicy: ignored("set connectionPool.http.h2UpgradePolicy in a DestinationRule"),
  protocolDetectionTimeout: ignored("detection takes at most 100 ms, once a port"),
  enableAutoMtls: ignored("mTLS between proxies is always automatic"),
  enablePrometheusMerge: ignored(OF_THE_CLUSTER),
  discoverySelectors: ignored(OF_THE_CLUSTER),
  configSources: ignored(OF_THE_CLUSTER),
  ingressService: ignored(OF_THE_CLUSTER),
  ingressClass: ignored(OF_THE_CLUSTER),
  ingressControllerMode: ignored(OF_THE_CLUSTER),
  ingressSelector: ignored(OF_THE_CLUSTER),
  dnsRefreshRate: ignored("names are looked up anew every few seconds, off the request path"),
});

function checkRoots(pem: string, context: z.RefinementCtx): void {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) {
    context.addIssue("expected certificates in PEM (-----BEGIN CERTIFICATE-----)");
  }
  for (const [index, block] of blocks.entries()) {
    const which = blocks.length === 1 ? "the certificate" : `certificate ${index + 1}`;
    try {
      if (!new X509Certificate(block).ca) {
        context.addIssue(`${which} is not an authority (basicConstraints without CA:TRUE)`);
      }
    } catch {
      context.addIssue(`${which} is not one: its PEM does not hold X.509`);
    }
  }
}

/** Settings of the whole mesh. */
export const MeshConfigSchema = documentOf(spec).transform(
  ({ metadata: { namespace, name }, spec }): MeshConfigDocument => {
    const { defaultTrafficPolicy } = spec;
    const normalization = spec.pathNormalization?.normalization;
    return {
      kind: "MeshConfig",
      namespace,
      name,
      outboundTrafficPolicy: spec.outboundTrafficPolicy?.mode,
      pathNormalization: normalization === "DEFAULT" ? undefined : normalization,
      trustDomain: spec.trustDomain,
      trustDomainAliases: spec.trustDomainAliases ?? [],
      caCertificates: (spec.caCertificates ?? []).map(({ pem, trustDomains = [] }) => ({
        pem,
        trustDomains,
      })),
      rootNamespace: spec.rootNamespace,
      trustedProxyCount: spec.numTrustedProxies,
      extensionProviders: spec.extensionProviders ?? [],
      defaultRetries: spec.defaultHttpRetryPolicy,
      locality: spec.localityLbSetting,
      defaultTrafficPolicy: defaultTrafficPolicy && {
        connectionPool: defaultTrafficPolicy.connectionPool,
        outlierDetection: defaultTrafficPolicy.outlierDetection,
      },
    };
  },
);
