import type { GatewayConfig } from "./config.ts";

/** One of the two servers behind the console's origin. */
export interface Upstream {
  /** As it is called in a sentence. */
  readonly name: "control plane" | "collector";
  /** Equals, of which any will do; at least one. */
  readonly urls: readonly URL[];
}

const COLLECTOR_PATHS = new Set([
  "graph",
  "edges",
  "nodes",
  "timeline",
  "plaintext-callers",
  "denials",
  "observed-calls",
  "traces",
  "tapped",
]);
const CONTROL_PLANE_PATHS = new Set([
  "me",
  "status",
  "workloads",
  "proxies",
  "pushes",
  "services",
  "traffic-features",
  "resources",
  "apply",
  "reviews",
  "revisions",
  "restore",
  "merge",
  "compare",
  "drift",
  "canaries",
  "mtls",
  "policies",
  "presence",
  "preview",
  "bypasses",
  "taps",
  "why",
  "identity",
  "certificates",
  "tokens",
  "events",
  "users",
  "api-tokens",
  "sessions",
  "audit",
  "replicas",
  "registry",
  "holds",
  "analysis",
  "analyze",
]);

// Of the ways in only these: the others answer with a session, which goes into a cookie (login.ts, oidc.ts).
const PUBLIC_PATHS = new Set(["/api/v1/login/options", "/api/v1/setup/check"]);

/** Who answers `/api/v1/<noun>…` (docs/architecture.md, API); `undefined`: nobody does. */
export function findUpstream(pathname: string, config: GatewayConfig): Upstream | undefined {
  const noun = /^\/api\/v1\/([^/]+)/.exec(pathname)?.[1] ?? "";
  if (PUBLIC_PATHS.has(pathname)) return { name: "control plane", urls: config.controlPlaneUrls };
  if (COLLECTOR_PATHS.has(noun)) return { name: "collector", urls: [config.collectorUrl] };
  if (CONTROL_PLANE_PATHS.has(noun))
    return { name: "control plane", urls: config.controlPlaneUrls };
  return undefined;
}
