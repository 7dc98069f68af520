/** What a new rule can begin as. */
export interface RuleTemplate {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  /** When one takes it, in one sentence. */
  readonly words: string;
  readonly yaml: (target: TemplateTarget) => string;
}

/** For whom it is written. */
export interface TemplateTarget {
  readonly namespace: string;
  readonly service: string;
  /** Those that run, oldest first; at least one. */
  readonly versions: readonly string[];
}

const head = (apiVersion: string, kind: string, name: string, namespace: string): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: ${name}\n  namespace: ${namespace}\nspec:\n`;

const NETWORKING = "networking.istio.io/v1";
const SECURITY = "security.istio.io/v1";

const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}\n`).join("");

const hostsOf = (service: string): readonly string[] => ["hosts:", `- ${service}`, "http:"];

const destinationOf = (service: string, subset: string, weight: number): readonly string[] => [
  "  - destination:",
  `      host: ${service}`,
  `      subset: ${subset}`,
  `    weight: ${weight}`,
];

/** In the order of the list; the first is what most people want. */
export const RULE_TEMPLATES: readonly RuleTemplate[] = [
  {
    id: "route",
    kind: "VirtualService",
    title: "Route and split traffic",
    words: "Who goes to which version, with timeout, retries, faults and mirrors.",
    yaml: ({ namespace, service, versions }) =>
      head(NETWORKING, "VirtualService", service, namespace) +
      indented([
        ...hostsOf(service),
        "- name: everyone",
        "  route:",
        ...versions.flatMap((version, index) =>
          destinationOf(service, version, index === 0 ? 100 : 0),
        ),
      ]),
  },
  {
    id: "canary",
    kind: "VirtualService",
    title: "Send 5 % to the newest version",
    words: "All else stays where it is. To be judged and taken back by itself, start a rollout.",
    yaml: ({ namespace, service, versions }) => {
      const newest = versions.at(-1) ?? "v2";
      const stable = versions.at(-2) ?? newest;
      return (
        head(NETWORKING, "VirtualService", service, namespace) +
        indented([
          ...hostsOf(service),
          "- name: canary",
          "  route:",
          ...destinationOf(service, stable, 95),
          ...destinationOf(service, newest, 5),
        ])
      );
    },
  },
  {
    id: "patience",
    kind: "VirtualService",
    title: "Timeout and retries of a service",
    words: "How long its callers wait at most, and how often the proxies try again.",
    yaml: ({ namespace, service }) =>
      head(NETWORKING, "VirtualService", service, namespace) +
      indented([
        ...hostsOf(service),
        "- name: everyone",
        "  route:",
        "  - destination:",
        `      host: ${service}`,
        "  timeout: 2s",
        "  retries:",
        "    attempts: 2",
        "    perTryTimeout: 800ms",
      ]),
  },
  {
    id: "fault",
    kind: "VirtualService",
    title: "Try out a failure",
    words:
      "Testers' requests fail on purpose: who sends the header x-tester. Others notice nothing.",
    yaml: ({ namespace, service }) =>
      head(NETWORKING, "VirtualService", service, namespace) +
      indented([
        ...hostsOf(service),
        "- name: testers",
        "  match:",
        "  - headers:",
        "      x-tester:",
        '        exact: "1"',
        "  fault:",
        "    abort:",
        "      percentage:",
        "        value: 50",
        "      httpStatus: 503",
        "  route:",
        "  - destination:",
        `      host: ${service}`,
        "- name: everyone",
        "  route:",
        "  - destination:",
        `      host: ${service}`,
      ]),
  },
  {
    id: "mirror",
    kind: "VirtualService",
    title: "Mirror requests to the newest version",
    words: "It gets copies of a tenth of the requests; its answers go nowhere.",
    yaml: ({ namespace, service, versions }) => {
      const newest = versions.at(-1) ?? "v2";
      const stable = versions.at(-2) ?? newest;
      return (
        head(NETWORKING, "VirtualService", service, namespace) +
        indented([
          ...hostsOf(service),
          "- name: everyone",
          "  route:",
          ...destinationOf(service, stable, 100),
          "  mirrors:",
          "  - destination:",
          `      host: ${service}`,
          `      subset: ${newest}`,
          "    percentage:",
          "      value: 10",
        ])
      );
    },
  },
  {
    id: "destination",
    kind: "DestinationRule",
    title: "Versions, balancing and limits of a service",
    words: "Names its subsets, how requests are spread, when an endpoint is put out.",
    yaml: ({ namespace, service, versions }) =>
      head(NETWORKING, "DestinationRule", service, namespace) +
      indented([
        `host: ${service}`,
        "trafficPolicy:",
        "  loadBalancer:",
        "    simple: LEAST_REQUEST",
        "  outlierDetection:",
        "    consecutive5xxErrors: 5",
        "    interval: 10s",
        "    baseEjectionTime: 30s",
        "    maxEjectionPercent: 50",
        "subsets:",
        ...versions.flatMap((version) => [
          `- name: ${version}`,
          "  labels:",
          `    version: ${version}`,
        ]),
      ]),
  },
  {
    id: "policy",
    kind: "TrafficPolicy",
    title: "Timeout and retries between two services",
    words: "Holds for calls from some callers to some services, whatever their routes say.",
    yaml: ({ namespace, service }) =>
      head("heddle.dev/v1", "TrafficPolicy", `to-${service}`, namespace) +
      indented(["destinations:", `- host: ${service}`, "timeout: 2s", "retries:", "  attempts: 2"]),
  },
  {
    id: "rate-limit",
    kind: "RateLimit",
    title: "Limit requests to a service",
    words: "So many requests in a time; counted only, until shadow is taken away.",
    yaml: ({ namespace, service }) =>
      head("heddle.dev/v1", "RateLimit", service, namespace) +
      indented([
        "selector:",
        "  matchLabels:",
        `    app: ${service}`,
        "limits:",
        "- name: all",
        "  key:",
        "    sourceWorkload: {}",
        "  requests: 100",
        "  per: 1s",
        "  shadow: true",
      ]),
  },
  {
    id: "authorization",
    kind: "AuthorizationPolicy",
    title: "Say who may call a service",
    words:
      "Everybody not named is refused: begin from observed traffic on Security where there is some.",
    yaml: ({ namespace, service }) =>
      head(SECURITY, "AuthorizationPolicy", `${service}-callers`, namespace) +
      indented([
        "selector:",
        "  matchLabels:",
        `    app: ${service}`,
        "action: ALLOW",
        "rules:",
        "- from:",
        "  - source:",
        "      namespaces:",
        `      - ${namespace}`,
      ]),
  },
  {
    id: "external",
    kind: "ServiceEntry",
    title: "Name a service outside the mesh",
    words: "So that the graph shows it and rules can be made for it.",
    yaml: ({ namespace }) =>
      head(NETWORKING, "ServiceEntry", "api-example", namespace) +
      indented([
        "hosts:",
        "- api.example.com",
        "location: MESH_EXTERNAL",
        "ports:",
        "- name: https",
        "  number: 443",
        "  protocol: TLS",
        "resolution: DNS",
      ]),
  },
  {
    id: "entry",
    kind: "WorkloadEntry",
    title: "Add an endpoint without a sidecar",
    words: "One address that serves a service in plaintext.",
    yaml: ({ namespace, service }) =>
      head(NETWORKING, "WorkloadEntry", `${service}-host`, namespace) +
      indented(["address: 10.0.0.17", "ports:", "  http: 8080", "labels:", `  app: ${service}`]),
  },
  {
    id: "telemetry",
    kind: "Telemetry",
    title: "Choose what is logged and traced",
    words: "Sampling and access logs of a namespace or one service.",
    yaml: ({ namespace, service }) =>
      head("telemetry.istio.io/v1", "Telemetry", service, namespace) +
      indented([
        "selector:",
        "  matchLabels:",
        `    app: ${service}`,
        "tracing:",
        "- randomSamplingPercentage: 10",
      ]),
  },
];

export function findTemplate(id: string | undefined): RuleTemplate | undefined {
  return RULE_TEMPLATES.find((template) => template.id === id);
}
