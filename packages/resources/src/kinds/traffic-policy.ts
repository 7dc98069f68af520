import type { LeveledPolicy, TrafficPolicy } from "@heddle/mesh";
import { z } from "zod";
import { fields, unserved, warnIf } from "../schema/field-status.ts";
import { clientTls } from "./client-tls.ts";
import { connectionPool } from "./connection-pool.ts";
import { port } from "./fields.ts";
import { withoutUndefined } from "./http-match.ts";
import { loadBalancer } from "./load-balancer.ts";
import { outlierDetection, retryBudget } from "./outlier-detection.ts";

const blocks = {
  loadBalancer: loadBalancer.optional(),
  connectionPool: connectionPool.optional(),
  outlierDetection: outlierDetection.optional(),
  tls: clientTls.optional(),
};
type Blocks = {
  readonly loadBalancer?: TrafficPolicy["loadBalancer"];
  readonly connectionPool?: TrafficPolicy["connectionPool"];
  readonly outlierDetection?: TrafficPolicy["outlierDetection"];
  readonly tls?: TrafficPolicy["tls"];
  readonly retryBudget?: TrafficPolicy["retryBudget"];
};

const portPolicy = fields({ port: fields({ number: port }), ...blocks }).superRefine(
  (written, context) => {
    if (isEmpty({ ...written, port: undefined }))
      context.addIssue("port traffic policy must have at least one field");
  },
);

/** TrafficPolicy of a DestinationRule or of one of its subsets. */
export const trafficPolicy = warnIf(
  fields({
    ...blocks,
    retryBudget: retryBudget.optional(),
    portLevelSettings: z.array(portPolicy).max(4096).optional(),
    tunnel: unserved(
      "CONNECT and POST tunnels through a forward proxy; route to that proxy as a ServiceEntry",
    ),
    proxyProtocol: unserved("Heddle does not write the PROXY protocol to a service"),
  }).superRefine((written, context) => {
    if (isEmpty(written)) context.addIssue("traffic policy must have at least one field");
    const numbers = (written.portLevelSettings ?? []).map((one) => one.port.number);
    numbers.forEach((number, index) => {
      if (numbers.indexOf(number) === index) return;
      const path = ["portLevelSettings", index, "port", "number"];
      context.addIssue({
        code: "custom",
        path,
        message: "is an earlier entry's port too; keep one",
      });
    });
  }),
  (written) => [...warnOfDroppedBlocks(written), ...warnOfLocality(written)],
);

/** A port's entry replaces everything at its level (Istio): what the level above says does not hold. */
function warnOfDroppedBlocks(written: z.input<typeof trafficPolicyFields>) {
  const names = ["loadBalancer", "connectionPool", "outlierDetection", "tls"] as const;
  return (written.portLevelSettings ?? []).flatMap((entry, index) => {
    const dropped = names.filter(
      (name) => written[name] !== undefined && entry[name] === undefined,
    );
    if (dropped.length === 0) return [];
    const message = `replaces the whole policy for port ${entry.port.number}: ${dropped.join(", ")} of the level above ${dropped.length > 1 ? "do" : "does"} not hold there; repeat what should`;
    return [{ at: ["portLevelSettings", index], message }];
  });
}

function warnOfLocality({ loadBalancer, outlierDetection }: z.input<typeof trafficPolicyFields>) {
  const locality = loadBalancer?.localityLbSetting;
  const fails = locality?.failover !== undefined || locality?.failoverPriority !== undefined;
  if (!fails || outlierDetection !== undefined) return [];
  const message =
    "outlier detection policy must be provided for failover: without it an endpoint counts as healthy whatever it answers";
  return [{ at: ["loadBalancer", "localityLbSetting"], message }];
}

const trafficPolicyFields = fields({
  ...blocks,
  portLevelSettings: z.array(portPolicy).optional(),
});

function isEmpty(written: object): boolean {
  return Object.values(written).every((block) => block === undefined);
}

/** The policy as the mesh knows it. */
export function toLeveledPolicy(written: z.output<typeof trafficPolicy>): LeveledPolicy {
  const entries = (written.portLevelSettings ?? []).map(
    (entry) => [String(entry.port.number), toTrafficPolicy(entry)] as const,
  );
  return withoutUndefined({
    ...toTrafficPolicy(written),
    ports: entries.length > 0 ? Object.fromEntries(entries) : undefined,
  });
}

export function toTrafficPolicy(written: Blocks): TrafficPolicy {
  const { loadBalancer, connectionPool, outlierDetection, tls, retryBudget } = written;
  return withoutUndefined({ loadBalancer, connectionPool, outlierDetection, tls, retryBudget });
}
