import type {
  GraphNode,
  OpenBreaker,
  TrafficFeature,
  TrafficFeatureKind,
  TrafficFeaturesResponse,
} from "@heddle/contracts";

/** What holds for one service's traffic. */
export type ServiceTraffic = {
  readonly features: readonly TrafficFeature[];
  readonly openBreakers: readonly OpenBreaker[];
};

const NONE: ServiceTraffic = { features: [], openBreakers: [] };

/** The rules and open breakers of a node's service. */
export function trafficOf(
  answer: TrafficFeaturesResponse | undefined,
  node: Pick<GraphNode, "namespace" | "service" | "address"> | undefined,
): ServiceTraffic {
  const name = node?.service ?? node?.address;
  return (
    answer?.services.find(
      (one) =>
        one.service === name && (one.namespace === node?.namespace || node?.service === undefined),
    ) ?? NONE
  );
}

/** Of a service's rules, those that can hold for a caller's namespace; labels only the proxies know. */
export function featuresFor(
  traffic: ServiceTraffic,
  caller: Pick<GraphNode, "namespace"> | undefined,
): readonly TrafficFeature[] {
  return traffic.features.filter(({ source }) => {
    const namespaces = source?.namespaces;
    return (
      namespaces === undefined || caller === undefined || namespaces.includes(caller.namespace)
    );
  });
}

export const FEATURE_WORDS: Readonly<Record<TrafficFeatureKind, string>> = {
  fault: "Fault injected",
  timeout: "Timeout",
  retry: "Retries",
  mirror: "Mirrored",
  breaker: "Circuit breaker",
  split: "Traffic is split",
  "rate-limit": "Rate limit",
  bypass: "Off the mesh's rules",
};

/** Which badge comes first when there is no room for all: what deviates before what is only set. */
export const BADGE_ORDER: readonly TrafficFeatureKind[] = [
  "bypass",
  "fault",
  "breaker",
  "split",
  "rate-limit",
  "mirror",
  "timeout",
  "retry",
];

/** One badge for each kind of feature, in the order they are shown. */
export type Badge = {
  readonly kind: TrafficFeatureKind;
  readonly features: readonly TrafficFeature[];
  /** An endpoint is kept out at this moment. */
  readonly isOpen: boolean;
};

export function badgesOf({ features, openBreakers }: ServiceTraffic): readonly Badge[] {
  const byKind = Map.groupBy(features, ({ kind }) => kind);
  return BADGE_ORDER.flatMap((kind): Badge[] => {
    const own = byKind.get(kind) ?? [];
    const isOpen = kind === "breaker" && openBreakers.length > 0;
    return own.length > 0 || isOpen ? [{ kind, features: own, isOpen }] : [];
  });
}

/** "Circuit breaker open": the badge in a word or two. */
export function badgeName({ kind, isOpen }: Badge): string {
  return isOpen ? `${FEATURE_WORDS[kind]} open` : FEATURE_WORDS[kind];
}

/** `Timeout: 2 s (VirtualService shop/reviews)`, a line for each rule. */
export function badgeTitle({ kind, features, isOpen }: Badge): string {
  const lines = features.map(
    ({ detail, document }) => `${detail} (${document.kind} ${document.namespace}/${document.name})`,
  );
  return [badgeName({ kind, features, isOpen }), ...lines].join("\n");
}
