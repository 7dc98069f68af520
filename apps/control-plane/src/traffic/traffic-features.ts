import { type ResourceKind, type TrafficFeature, WORKLOAD_LABEL } from "@heddle/contracts";
import {
  type ConnectionPool,
  type FaultInjection,
  formatId,
  type OutlierDetection,
  type RetryPolicy,
  type Route,
} from "@heddle/mesh";
import type { CompiledService } from "../snapshot/compile-service.ts";
import { type DocumentOf, isOf, type MeshDocument } from "../snapshot/mesh-document.ts";
import {
  type EffectiveRoute,
  type EffectiveRuleSet,
  toSourceSelector,
} from "../snapshot/service-rules.ts";
import { inPercent, inTime } from "./wording.ts";

/** What documents do to a service's traffic, for all callers and beyond that for some. */
export function featuresOf({ ruleSets, documents }: CompiledService): TrafficFeature[] {
  const features = ruleSets.toReversed().flatMap(({ caller, rules }) => {
    const source = toSourceSelector(caller);
    const isForAll = Object.keys(source).length === 0;
    return featuresOfRules(rules).map((one) => (isForAll ? one : { ...one, source }));
  });
  const seen = new Set<string>();
  return [...bypassFeatures(documents), ...features].filter((feature) => {
    const { source: _, ...rest } = feature;
    const text = JSON.stringify(rest);
    if (seen.has(text)) return false; // what holds for all is not told again for some
    seen.add(text);
    return true;
  });
}

function bypassFeatures(documents: readonly MeshDocument[]): TrafficFeature[] {
  return documents.flatMap((document): TrafficFeature[] => {
    if (!isOf(document, "Bypass") || document.resource.target.kind !== "pair") return [];
    const { source } = document.resource.target;
    const until = new Date(document.resource.untilMs).toISOString().slice(11, 16);
    const labels = {
      ...(source.service === undefined ? {} : { app: source.service }),
      ...(source.workload === undefined ? {} : { [WORKLOAD_LABEL]: source.workload }),
    };
    return [
      {
        kind: "bypass",
        detail: `${source.workload ?? source.service} calls past the mesh's rules until ${until} UTC`,
        ...from(document),
        source: { namespaces: [source.namespace], labels },
      },
    ];
  });
}

/** A limit on the requests that a workload takes. */
export function rateLimitFeatures(documents: readonly DocumentOf<"RateLimit">[]): TrafficFeature[] {
  return documents.flatMap((document) =>
    document.resource.limits.map(({ name, requests, windowMs, key, isShadow }): TrafficFeature => {
      const each = key ? ` for each ${KEY_WORDS[key.kind]}` : "";
      const counted = isShadow ? "; counted only" : "";
      const detail = `${requests} requests in ${inTime(windowMs)}${each}${counted}`;
      return { kind: "rate-limit", detail, ...from(document), part: name };
    }),
  );
}

const KEY_WORDS = {
  "source-workload": "calling workload",
  "source-address": "calling address",
  header: "value of a header",
} as const;

function featuresOfRules(rules: EffectiveRuleSet): TrafficFeature[] {
  return [...rules.routes.flatMap(featuresOfRoute), ...breakersOf(rules)];
}

function featuresOfRoute(effective: EffectiveRoute): TrafficFeature[] {
  const { route, origin } = effective;
  const features: TrafficFeature[] = [];
  const add = (
    kind: TrafficFeature["kind"],
    detail: string,
    document: MeshDocument | undefined,
  ): void => {
    if (document) features.push({ kind, detail, ...from(document), part: route.name });
  };
  if (route.fault) add("fault", describeFault(route.fault), saidBy(effective, "fault"));
  if (route.timeoutMs !== undefined) {
    add("timeout", `ends after ${inTime(route.timeoutMs)}`, saidBy(effective, "timeoutMs"));
  }
  if (route.retries) add("retry", describeRetries(route.retries), saidBy(effective, "retries"));
  for (const { destination, ratio } of route.mirrors ?? []) {
    const { service, subset } = destination;
    const target = `${formatId(service)}${subset === undefined ? "" : ` ${subset}`}`;
    add("mirror", `copies ${inPercent(ratio)} of requests to ${target}`, origin);
  }
  if (route.destinations.length > 1) add("split", describeSplit(route), origin);
  return features;
}

/** Which document a part of a route comes from: the one that changed the route last, else the route's own. */
function saidBy(
  { origin, changedBy }: EffectiveRoute,
  field: "fault" | "retries" | "timeoutMs",
): MeshDocument | undefined {
  const policy = changedBy.find((one) => {
    return isOf(one, "TrafficPolicy") && one.resource[field] !== undefined;
  });
  const isDefault = (one: MeshDocument) => isOf(one, "MeshConfig");
  return policy ?? (field === "retries" ? changedBy.find(isDefault) : undefined) ?? origin;
}

export function describeFault({ delay, abort, scope }: FaultInjection): string {
  const parts = [
    delay ? `delays ${inPercent(delay.ratio)} of requests by ${inTime(delay.delayMs)}` : "",
    abort ? `answers ${inPercent(abort.ratio)} with ${describeAbort(abort)}` : "",
  ].filter((part) => part !== "");
  const below = scope === "attempt" ? ", each try by itself" : "";
  return `${parts.join(", ") || "injects nothing"}${below}`;
}

function describeAbort(abort: NonNullable<FaultInjection["abort"]>): string {
  return "httpStatus" in abort ? String(abort.httpStatus) : `gRPC status ${abort.grpcStatus}`;
}

export function describeRetries({
  attempts,
  conditions,
  statusCodes,
  perTryTimeoutMs,
}: RetryPolicy) {
  if (attempts === 0) return "never retries";
  const named = conditions.filter((condition) => condition !== "retriable-status-codes");
  const on = [...named, ...statusCodes].join(", ");
  const each = perTryTimeoutMs === undefined ? "" : `, each try ${inTime(perTryTimeoutMs)}`;
  return `up to ${attempts} ${attempts === 1 ? "retry" : "retries"} on ${on}${each}`;
}

function describeSplit({ destinations }: Route): string {
  const sum = destinations.reduce((total, { weight }) => total + weight, 0);
  const shares = destinations.map(({ service, subset, weight }) => {
    const share = inPercent(sum === 0 ? 0 : weight / sum);
    return `${share} ${subset ?? formatId(service)}`;
  });
  return shares.join(", ");
}

function breakersOf({ blocks }: EffectiveRuleSet): TrafficFeature[] {
  return blocks.flatMap(({ place, value, origin }): TrafficFeature[] => {
    const detail = describeBreaker(place.block, value);
    if (detail === undefined || !origin) return [];
    const { subset, port } = place;
    const parts = [subset ?? [], port === undefined ? [] : `port ${port}`].flat();
    const part = parts.length === 0 ? {} : { part: parts.join(", ") };
    return [{ kind: "breaker", detail, ...from(origin), ...part }];
  });
}

function describeBreaker(block: string, value: unknown): string | undefined {
  if (block === "outlierDetection") return describeDetection(value as OutlierDetection);
  return block === "connectionPool" ? describeLimits(value as ConnectionPool) : undefined;
}

function describeDetection(detection: OutlierDetection): string | undefined {
  const counts = [
    [detection.consecutive5xxErrors, "errors (5xx)"],
    [detection.consecutiveGatewayErrors, "gateway errors"],
    [detection.consecutiveLocalOriginFailures, "failures to connect"],
  ] as const;
  const causes = counts.flatMap(([count, what]) => (count > 0 ? `${count} ${what}` : []));
  if (causes.length === 0) return undefined;
  return `ejects an endpoint after ${causes.join(" or ")} in a row, for ${inTime(detection.baseEjectionMs)} at first`;
}

function describeLimits(pool: ConnectionPool): string | undefined {
  const limits = [
    [pool.maxConnections, "connections"],
    [pool.maxPendingRequests, "waiting requests"],
    [pool.maxRequests, "requests at once"],
    [pool.maxRetries, "retries at once"],
  ] as const;
  const named = limits.flatMap(([limit, what]) => (limit === undefined ? [] : `${limit} ${what}`));
  return named.length === 0 ? undefined : `admits ${named.join(", ")}`;
}

function from({ resource, revision }: MeshDocument) {
  const kind: ResourceKind = resource.kind;
  return { document: { kind, namespace: resource.namespace, name: resource.name }, revision };
}
