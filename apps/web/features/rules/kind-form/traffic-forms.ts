import {
  choice,
  type FormGroup,
  flag,
  labels,
  names,
  number,
  rare,
  SELECTOR,
  text,
} from "./form-description.ts";

/** DestinationRule, TrafficPolicy and RateLimit: how requests are spread, limited and tried. */

const LOAD_BALANCER: FormGroup = {
  title: "Load balancing",
  words: "Which endpoint gets the next request.",
  path: ["loadBalancer"],
  fields: [
    choice(["simple"], "By", "LEAST_REQUEST (default)", [
      "LEAST_REQUEST",
      "ROUND_ROBIN",
      "RANDOM",
      "PASSTHROUGH",
    ]),
    text(["consistentHash", "httpHeaderName"], "Sticky by header", "none"),
    rare(text(["consistentHash", "httpCookie", "name"], "by cookie", "none")),
    rare(text(["consistentHash", "httpCookie", "ttl"], "which lives", "the session")),
    rare(text(["consistentHash", "httpQueryParameterName"], "by query parameter", "none")),
    rare(flag(["consistentHash", "useSourceIp"], "by caller's address", "no")),
    rare(flag(["localityLbSetting", "enabled"], "Nearest first", "as the mesh says")),
    rare(text(["warmup", "duration"], "Warm up new endpoints for", "not at all")),
  ],
};

const OUTLIERS: FormGroup = {
  title: "Outlier detection",
  words: "Puts endpoints that fail out for a while.",
  path: ["outlierDetection"],
  fresh: { consecutive5xxErrors: 5, interval: "10s", baseEjectionTime: "30s" },
  fields: [
    number(["consecutive5xxErrors"], "After 5xx in a row", "5"),
    rare(number(["consecutiveGatewayErrors"], "After 502 to 504 in a row", "off")),
    rare(number(["consecutiveLocalOriginFailures"], "After failed connections", "5")),
    text(["interval"], "Looked at each", "10s"),
    text(["baseEjectionTime"], "Out for", "30s"),
    number(["maxEjectionPercent"], "At most, %", "10"),
    rare(number(["minHealthPercent"], "Only while healthy, %", "0")),
    rare(flag(["splitExternalLocalOriginErrors"], "Connections count apart", "no")),
  ],
};

const CONNECTIONS: FormGroup = {
  title: "Connections and limits",
  words: "What one proxy may have open and waiting to this destination.",
  path: ["connectionPool"],
  fields: [
    number(["tcp", "maxConnections"], "Connections", "no limit"),
    text(["tcp", "connectTimeout"], "Connect within", "5s"),
    number(["http", "http1MaxPendingRequests"], "Waiting requests", "no limit"),
    number(["http", "http2MaxRequests"], "Requests at a time", "no limit"),
    rare(number(["http", "maxRequestsPerConnection"], "Requests a connection", "no limit")),
    rare(number(["http", "maxRetries"], "Retries at a time", "by the budget")),
    rare(text(["http", "idleTimeout"], "Idle HTTP connections end after", "default")),
    rare(text(["tcp", "idleTimeout"], "Idle connections end after", "never")),
    rare(text(["tcp", "maxConnectionDuration"], "Connections end after", "never")),
    rare(
      choice(["http", "h2UpgradePolicy"], "HTTP/2 to the app", "as the port says", [
        "UPGRADE",
        "DO_NOT_UPGRADE",
      ]),
    ),
  ],
};

const TLS: FormGroup = {
  title: "TLS to the endpoints",
  words: "Left out, sidecars encrypt for each other by themselves.",
  path: ["tls"],
  fresh: { mode: "ISTIO_MUTUAL" },
  fields: [
    choice(["mode"], "Mode", "DISABLE", ["ISTIO_MUTUAL", "SIMPLE", "MUTUAL", "DISABLE"]),
    text(["sni"], "Server name", "the host"),
    names(["subjectAltNames"], "Certificate must name", "the host"),
    rare(text(["caCertificates"], "Trusted roots, a file", "the system's")),
    rare(text(["clientCertificate"], "Own certificate, a file", "none")),
    rare(text(["privateKey"], "Its key, a file", "none")),
    rare(flag(["insecureSkipVerify"], "Take any certificate", "no")),
  ],
};

const RETRY_BUDGET: FormGroup = {
  title: "Retry budget",
  words: "So many retries beside the requests, so that they never become a storm.",
  path: ["retryBudget"],
  fresh: { percent: 20 },
  fields: [
    number(["percent"], "Of requests, %", "20"),
    number(["minRetryConcurrency"], "But always", "3"),
  ],
};

const POLICY_GROUPS: readonly FormGroup[] = [
  LOAD_BALANCER,
  OUTLIERS,
  CONNECTIONS,
  TLS,
  RETRY_BUDGET,
];

export const DESTINATION_RULE: readonly FormGroup[] = [
  {
    title: "For",
    path: ["spec"],
    fields: [
      text(["host"], "Service", "reviews"),
      rare(labels(["workloadSelector", "matchLabels"], "Only callers with", "all")),
      rare(names(["exportTo"], "Seen in namespaces", "all")),
    ],
  },
  ...POLICY_GROUPS.map((group) => ({ ...group, path: ["spec", "trafficPolicy", ...group.path] })),
  {
    title: "Subset",
    words: "Versions a route can send requests to.",
    path: ["spec", "subsets"],
    repeats: { as: "list", nameAt: ["name"] },
    fresh: { name: "v2", labels: { version: "v2" } },
    fields: [text(["name"], "Name", "v1"), labels(["labels"], "Endpoints with", "version=v1")],
    groups: POLICY_GROUPS.filter(({ fresh }) => fresh !== undefined).map((group) => ({
      ...group,
      path: ["trafficPolicy", ...group.path],
    })),
  },
];

export const TRAFFIC_POLICY: readonly FormGroup[] = [
  {
    title: "Destination",
    words: "The services this holds for.",
    path: ["spec", "destinations"],
    repeats: { as: "list", nameAt: ["host"] },
    fresh: { host: "reviews" },
    fields: [text(["host"], "Service", "reviews"), text(["subset"], "Subset", "all")],
  },
  {
    title: "Caller",
    words: "None named: all callers.",
    path: ["spec", "sources"],
    repeats: { as: "list" },
    fresh: { service: "web" },
    fields: [
      text(["service"], "Service", "any"),
      text(["workload"], "Workload", "any"),
      text(["namespace"], "Namespace", "any"),
      labels(["labels"], "Labels", "any"),
    ],
  },
  {
    title: "Time and tries",
    path: ["spec"],
    fields: [
      text(["timeout"], "Timeout", "none"),
      number(["retries", "attempts"], "Retries", "default"),
      text(["retries", "perTryTimeout"], "Each try at most", "the timeout"),
      rare(text(["retries", "retryOn"], "Tried again on", "what is safe")),
      rare(text(["retries", "backoff"], "Pause between tries", "25ms")),
    ],
  },
  {
    title: "Fault on purpose: delay",
    path: ["spec", "fault", "delay"],
    fresh: { percentage: { value: 10 }, fixedDelay: "1s" },
    fields: [
      number(["percentage", "value"], "Of requests, %", "100"),
      text(["fixedDelay"], "Delay", "1s"),
    ],
  },
  {
    title: "Fault on purpose: failure",
    path: ["spec", "fault", "abort"],
    fresh: { percentage: { value: 10 }, httpStatus: 503 },
    fields: [
      number(["percentage", "value"], "Of requests, %", "100"),
      number(["httpStatus"], "Answer", "503"),
      rare(text(["grpcStatus"], "gRPC answer", "none")),
    ],
  },
  ...POLICY_GROUPS.map((group) => ({ ...group, path: ["spec", ...group.path] })),
];

export const RATE_LIMIT: readonly FormGroup[] = [
  { title: "For", path: ["spec"], fields: [SELECTOR] },
  {
    title: "Limit",
    words: "Each is counted by itself; a request must be within all of them.",
    path: ["spec", "limits"],
    repeats: { as: "list", nameAt: ["name"] },
    fresh: { name: "limit", requests: 100, per: "1s", shadow: true },
    fields: [
      text(["name"], "Name", "all"),
      number(["requests"], "Requests", "100"),
      text(["per"], "Per", "1s"),
      number(["burst"], "At once", "as many"),
      text(["key", "header"], "Each value of header", "not by header"),
      flag(["shadow"], "Only counted", "no, refused"),
    ],
  },
];
