import type { Endpoint } from "../routing/route.ts";
import type { LocalityPolicy } from "./traffic-policy.ts";

/** Where the caller stands; `locality` is `region/zone/subzone`, `undefined`: unknown. */
export type Origin = {
  readonly locality: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
};

/** Endpoints that belong together; `name` says how in words: `same zone`. */
export type LocalityGroup = { readonly name: string; readonly members: readonly number[] };

/**
 * How a policy divides endpoints (by index). "priority": the first group serves, the next take over as it
 * fails. "weighted": each group gets its weight; endpoints in none get nothing.
 */
export type LocalityPlan =
  | { readonly kind: "one" }
  | { readonly kind: "priority"; readonly groups: readonly LocalityGroup[] }
  | {
      readonly kind: "weighted";
      readonly groups: readonly LocalityGroup[];
      readonly weights: readonly number[];
    };

/**
 * Divides endpoints by where they are, as Istio's LocalityLoadBalancerSetting. `undefined`: no rule, so
 * the mesh's default: nearest first, which like every failover needs outlier detection (else nothing
 * would ever make it leave). Where the caller's locality is unknown, all endpoints are alike.
 */
export function planLocalities(
  endpoints: readonly Endpoint[],
  policy: LocalityPolicy | undefined,
  origin: Origin,
  hasOutlierDetection: boolean,
): LocalityPlan {
  if (policy?.kind === "off") return { kind: "one" };
  if (policy?.kind === "distribute") return planDistribution(endpoints, policy.from, origin);
  if (!hasOutlierDetection) return { kind: "one" };
  const groups = rankEndpoints(endpoints, policy, origin);
  return groups.length > 1 ? { kind: "priority", groups } : { kind: "one" };
}

/** Whether a locality lies within a pattern such as `eu/*`, `eu/zone-a/*`, `eu` or `*`. */
export function isWithin(pattern: string, locality: string): boolean {
  const parts = locality.split("/");
  return pattern.split("/").every((part, i) => part === "*" || part === "" || part === parts[i]);
}

const NEARNESS = [
  "same subzone",
  "same zone",
  "same region",
  "other region",
  "last resort",
] as const;

type Failover = Extract<LocalityPolicy, { kind: "failover" }>;

function rankEndpoints(
  endpoints: readonly Endpoint[],
  policy: Failover | undefined,
  origin: Origin,
): LocalityGroup[] {
  const labels = policy?.priorityLabels ?? [];
  const byRank = new Map<number, { name: string; members: number[] }>();
  for (const [index, endpoint] of endpoints.entries()) {
    const matched = matchedLabels(labels, endpoint, origin);
    const near =
      labels.length === 0
        ? nearness(endpoint.locality, origin.locality, policy?.failover ?? {})
        : isUnwantedRegion(endpoint.locality, origin.locality, policy?.failover ?? {});
    const rank = (labels.length - matched) * NEARNESS.length + near;
    const name =
      labels.length === 0
        ? (NEARNESS[near] ?? NEARNESS[4])
        : `${matched} of ${labels.length} priority labels${near === 0 ? "" : ", last resort"}`;
    const group = byRank.get(rank) ?? { name, members: [] };
    group.members.push(index);
    byRank.set(rank, group);
  }
  return [...byRank].sort(([a], [b]) => a - b).map(([, group]) => group);
}

/** 0 same subzone, 1 zone, 2 region, 3 another region, 4 a region the failover does not name. */
function nearness(
  locality: string | undefined,
  own: string | undefined,
  failover: Readonly<Record<string, string>>,
): number {
  if (own === undefined) return 0;
  const [region, zone, subzone] = (locality ?? "").split("/");
  const [ownRegion, ownZone, ownSubzone] = own.split("/");
  if (region !== ownRegion) return isUnwantedRegion(locality, own, failover) === 0 ? 3 : 4;
  if (zone !== ownZone) return 2;
  return subzone === ownSubzone ? 0 : 1;
}

/** 1 for a region to which the caller's region does not fail over, though it fails over to one. */
function isUnwantedRegion(
  locality: string | undefined,
  own: string | undefined,
  failover: Readonly<Record<string, string>>,
): 0 | 1 {
  const [ownRegion = ""] = (own ?? "").split("/");
  const [region] = (locality ?? "").split("/");
  const wanted = failover[ownRegion];
  return wanted === undefined || region === ownRegion || region === wanted ? 0 : 1;
}

/** How many of the labels, from the first on without a gap, the endpoint shares with the caller. */
function matchedLabels(labels: readonly string[], endpoint: Endpoint, origin: Origin): number {
  for (const [index, label] of labels.entries()) {
    // `key=value` asks for that value instead of the caller's own.
    const equals = label.indexOf("=");
    const key = equals === -1 ? label : label.slice(0, equals);
    const wanted =
      equals === -1 ? readLabel(origin.labels, origin.locality, key) : label.slice(equals + 1);
    if (readLabel(endpoint.labels, endpoint.locality, key) !== wanted) return index;
  }
  return labels.length;
}

/** A label, or what the locality says of the topology if nobody has put it in a label. */
function readLabel(
  labels: Readonly<Record<string, string>>,
  locality: string | undefined,
  key: string,
): string {
  const level = TOPOLOGY_LABELS.indexOf(key);
  return labels[key] ?? (level === -1 ? undefined : locality?.split("/")[level]) ?? "";
}
const TOPOLOGY_LABELS = [
  "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone",
  "topology.istio.io/subzone",
];

function planDistribution(
  endpoints: readonly Endpoint[],
  rules: Extract<LocalityPolicy, { kind: "distribute" }>["from"],
  origin: Origin,
): LocalityPlan {
  const { locality: own } = origin;
  const rule = own === undefined ? undefined : rules.find(({ from }) => isWithin(from, own));
  if (rule === undefined) return { kind: "one" };
  // An endpoint within several patterns belongs to the most specific one.
  const patterns = Object.keys(rule.to).sort((a, b) => specificity(b) - specificity(a));
  const members = new Map(patterns.map((pattern) => [pattern, [] as number[]]));
  for (const [index, { locality = "" }] of endpoints.entries()) {
    const pattern = patterns.find((one) => isWithin(one, locality));
    if (pattern !== undefined) members.get(pattern)?.push(index);
  }
  const used = patterns.filter((pattern) => members.get(pattern)?.length);
  return {
    kind: "weighted",
    groups: used.map((name) => ({ name, members: members.get(name) ?? [] })),
    weights: used.map((name) => rule.to[name] ?? 0),
  };
}

function specificity(pattern: string): number {
  return pattern.split("/").filter((part) => part !== "*" && part !== "").length;
}
