import { z } from "zod";
import type { TrafficPolicyDocument } from "../documents/mesh-documents.ts";
import { fields } from "../schema/field-status.ts";
import { readHost } from "../service-host.ts";
import { clientTls } from "./client-tls.ts";
import { connectionPool } from "./connection-pool.ts";
import { documentOf } from "./document-schema.ts";
import { scopedFault } from "./fault-injection.ts";
import { dnsLabel, durationMs, selectorLabels } from "./fields.ts";
import { wildcardHost } from "./hosts.ts";
import { withoutUndefined } from "./http-match.ts";
import { anyLoadBalancer } from "./load-balancer.ts";
import { outlierDetection, retryBudget } from "./outlier-detection.ts";
import { retries } from "./retries.ts";
import { toTrafficPolicy } from "./traffic-policy.ts";

const source = fields({
  namespace: dnsLabel.optional(),
  service: dnsLabel.optional(),
  workload: dnsLabel.optional(),
  labels: selectorLabels.optional(),
}).refine(
  (written) => Object.values(written).some((part) => part !== undefined),
  "expected at least one of namespace, service, workload and labels; leave sources out for every caller",
);

const spec = fields({
  sources: z.array(source).max(256).optional(),
  destinations: z
    .array(fields({ host: wildcardHost, subset: dnsLabel.optional() }))
    .min(1, "expected at least one destination")
    .max(256),
  loadBalancer: anyLoadBalancer.optional(),
  connectionPool: connectionPool.optional(),
  outlierDetection: outlierDetection.optional(),
  tls: clientTls.optional(),
  retryBudget: retryBudget.optional(),
  timeout: durationMs.optional(),
  retries: retries.optional(),
  fault: scopedFault.optional(),
}).refine(
  (written) =>
    Object.entries(written).some(
      ([field, value]) => field !== "sources" && field !== "destinations" && value !== undefined,
    ),
  "says nothing; expected at least one of loadBalancer, connectionPool, outlierDetection, tls, retryBudget, timeout, retries and fault",
);

/** Heddle's own TrafficPolicy: rules between any set of sources and any set of destinations. */
export const TrafficPolicySchema = documentOf(spec).transform(
  ({ metadata: { namespace, name }, spec }): TrafficPolicyDocument => ({
    kind: "TrafficPolicy",
    namespace,
    name,
    sources: (spec.sources ?? []).map((one) => ({
      namespace: one.namespace,
      service: one.service,
      workload: one.workload,
      labels: one.labels && Object.keys(one.labels).length > 0 ? one.labels : undefined,
    })),
    destinations: spec.destinations.map(({ host, subset }) =>
      withoutUndefined({ ...readHost(host, namespace), subset }),
    ),
    policy: toTrafficPolicy(spec),
    timeoutMs: spec.timeout,
    retries: spec.retries,
    fault: spec.fault,
  }),
);
