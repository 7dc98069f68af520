import { z } from "zod";
import { InvalidConfigError } from "./errors.ts";

/**
 * Every variable any Heddle process reads. A process parses its own few; a HEDDLE_ name that is in
 * no process's list is a typing error and is refused, since a misspelt setting must not be ignored.
 */
const KNOWN_VARIABLES: readonly string[] = [
  "HEDDLE_ADMIN_PORT",
  "HEDDLE_API_TOKEN",
  "HEDDLE_API_URL",
  "HEDDLE_AUDIT_RETENTION_DAYS",
  "HEDDLE_AUTH_SECRET",
  "HEDDLE_BIND_ADDRESS",
  "HEDDLE_BLOCKED_CIDRS_IN_JWKS_URIS",
  "HEDDLE_CA_CERT_FILE",
  "HEDDLE_CA_INTERMEDIATE_TTL_SECONDS",
  "HEDDLE_CA_KEY_FILE",
  "HEDDLE_CA_ROOT_FILE",
  "HEDDLE_CA_ROOT_TTL_SECONDS",
  "HEDDLE_CA_SECRET",
  "HEDDLE_COLLECTOR_ADMIN_PORT",
  "HEDDLE_COLLECTOR_URL",
  "HEDDLE_CONSOLE_PORT",
  "HEDDLE_CONSOLE_URL",
  "HEDDLE_CONTROL_ADMIN_PORT",
  "HEDDLE_CONTROL_NAMES",
  "HEDDLE_CONTROL_PLANE",
  "HEDDLE_CONTROL_PLANE_URL",
  "HEDDLE_CONTROL_PORT",
  "HEDDLE_CORPORA",
  "HEDDLE_DATA_DIR",
  "HEDDLE_DATABASE_PORT",
  "HEDDLE_DRAIN_TIMEOUT_MS",
  "HEDDLE_FUZZ_MINUTES",
  "HEDDLE_HOME",
  "HEDDLE_HTTP_MAX_HEADERS",
  "HEDDLE_HTTP_MAX_HEADER_BYTES",
  "HEDDLE_HTTP_MAX_LINE_BYTES",
  "HEDDLE_JOIN_TOKEN",
  "HEDDLE_JOIN_TOKEN_FILE",
  "HEDDLE_LOG_LEVEL",
  "HEDDLE_OIDC_CLIENT_ID",
  "HEDDLE_OIDC_CLIENT_SECRET",
  "HEDDLE_OIDC_CLIENT_SECRET_FILE",
  "HEDDLE_OIDC_GRANTS",
  "HEDDLE_OIDC_GROUPS_CLAIM",
  "HEDDLE_OIDC_ISSUER",
  "HEDDLE_OIDC_NAME",
  "HEDDLE_OIDC_SCOPES",
  "HEDDLE_OTLP_PORT",
  "HEDDLE_OUTBOUND_URL",
  "HEDDLE_PROXY_BIND_ADDRESS",
  "HEDDLE_PROXY_CONFIG",
  "HEDDLE_PROXY_NAME",
  "HEDDLE_SESSION_IDLE_MINUTES",
  "HEDDLE_SESSION_MAX_HOURS",
  "HEDDLE_SHOP_LOAD",
  "HEDDLE_TRACE_SAMPLING",
  "HEDDLE_TRUSTED_PROXIES",
  "HEDDLE_TRUST_DOMAIN",
  "HEDDLE_WORKLOAD_CERTIFICATE_TTL_SECONDS",
];

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Parses the variables a process needs, in one go. Throws `InvalidConfigError` that lists every
 * fault: wrong values with what is allowed, and unknown HEDDLE_ names with the nearest known one.
 */
export function parseEnv<Shape extends z.ZodRawShape>(
  shape: z.ZodObject<Shape>,
  env: Env,
): z.infer<z.ZodObject<Shape>> {
  const problems: string[] = [];
  const known = new Set([...KNOWN_VARIABLES, ...Object.keys(shape.shape)]);
  for (const name of Object.keys(env)) {
    if (!name.startsWith("HEDDLE_") || known.has(name)) continue;
    const near = nearest(name, [...known]);
    problems.push(`${name}: unknown variable${near ? `; did you mean ${near}?` : ""}`);
  }
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = shape.safeParse(given);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0] ?? "environment");
      const value = env[name];
      const shown = value === undefined ? "not set" : isSecret(name) ? "(hidden)" : `"${value}"`;
      problems.push(`${name}: ${issue.message} (is ${shown})`);
    }
  }
  if (problems.length > 0) throw new InvalidConfigError(problems.join("\n"));
  return parsed.data as z.infer<z.ZodObject<Shape>>;
}

/** A TCP port from the environment; 0 asks the system for a free one. */
export function portVariable(defaultPort: number) {
  return z.coerce
    .number("expected a port, 0 to 65535")
    .int("expected a port, 0 to 65535")
    .min(0, "expected a port, 0 to 65535")
    .max(65_535, "expected a port, 0 to 65535")
    .default(defaultPort);
}

/** 32 or more characters; there is never a default for a secret. */
export function secretVariable() {
  return z
    .string("required: a secret of at least 32 characters")
    .min(32, "a secret needs at least 32 characters");
}

function isSecret(name: string): boolean {
  return /SECRET|TOKEN|DATABASE_URL/.test(name);
}

function nearest(name: string, candidates: readonly string[]): string | undefined {
  const scored = candidates
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  return scored[0] && scored[0].distance <= 4 ? scored[0].candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitute, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
