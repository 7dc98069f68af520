import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { PushMode } from "@heddle/contracts";
import { InvalidConfigError, parseEnv, portVariable, secretVariable } from "@heddle/runtime";
import { z } from "zod";

const LOOPBACK = "127.0.0.1";

type Env = Readonly<Record<string, string | undefined>>;

const HomeEnv = z.object({ HEDDLE_HOME: z.string().default(".heddle") });

/** Every port `up` needs, each with the variable that moves it. */
export type UpPorts = {
  readonly console: number;
  readonly control: number;
  readonly controlAdmin: number;
  readonly otlp: number;
  readonly collectorAdmin: number;
  readonly database: number;
};

export type UpConfig = {
  readonly homeDir: string;
  readonly ports: UpPorts;
  /** Where proxies on this host reach the control plane and the collector. */
  readonly proxyHost: string;
  /** `undefined`: the embedded PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** Handed on to the processes that read them, only when set. */
  readonly passedOn: Readonly<Record<string, string>>;
};

const LogLevel = z.enum(["fatal", "error", "warn", "info", "debug", "trace"], {
  error: "expected fatal, error, warn, info, debug or trace",
});

const DatabaseUrl = z
  .string("required: postgresql://user:password@host:port/database")
  .regex(/^postgres(ql)?:\/\//, "expected postgresql://user:password@host:port/database");

/** The proxy itself knows their bounds; here only what cannot be a number is caught early. */
const limit = z.string().regex(/^\d+$/, "expected a whole number").optional();
const PROXY_LIMITS = {
  HEDDLE_HTTP_MAX_LINE_BYTES: limit,
  HEDDLE_HTTP_MAX_HEADER_BYTES: limit,
  HEDDLE_HTTP_MAX_HEADERS: limit,
  HEDDLE_MUX_CONNECTIONS: limit,
  HEDDLE_MAX_REQUESTS: limit,
  HEDDLE_MAX_CONNECTIONS: limit,
  HEDDLE_MAX_LAG_MS: limit,
  HEDDLE_METRICS_IDLE_MS: limit,
  HEDDLE_ACCESS_LOG: z.enum(["off", "errors", "all"], "expected off, errors or all").optional(),
  HEDDLE_ACCESS_LOG_FILE: z.string().optional(),
  HEDDLE_FILTERS_DIR: z
    .string()
    .transform((folder) => resolve(folder))
    .optional(),
};

const seconds = z.string().regex(/^\d+$/, "expected a whole number of seconds");
/** Read by a process that may run in another folder. */
const file = z
  .string()
  .min(1)
  .transform((path) => resolve(path));

/** Of the console's door; the control plane itself knows what is allowed. */
const ACCESS_SETTINGS = {
  HEDDLE_CONSOLE_URL: z.url("expected http(s)://host[:port]").optional(),
  HEDDLE_SESSION_IDLE_MINUTES: limit,
  HEDDLE_SESSION_MAX_HOURS: limit,
  HEDDLE_AUDIT_RETENTION_DAYS: limit,
  HEDDLE_OIDC_ISSUER: z.string().optional(),
  HEDDLE_OIDC_CLIENT_ID: z.string().optional(),
  HEDDLE_OIDC_CLIENT_SECRET: z.string().optional(),
  HEDDLE_OIDC_CLIENT_SECRET_FILE: file.optional(),
  HEDDLE_OIDC_SCOPES: z.string().optional(),
  HEDDLE_OIDC_NAME: z.string().optional(),
  HEDDLE_OIDC_GROUPS_CLAIM: z.string().optional(),
  HEDDLE_OIDC_GRANTS: z.string().optional(),
};

/** What `up` hands on to the control plane as it is. */
export const ACCESS_VARIABLES = Object.keys(ACCESS_SETTINGS) as (keyof typeof ACCESS_SETTINGS)[];

const UpEnv = HomeEnv.extend({
  ...PROXY_LIMITS,
  ...ACCESS_SETTINGS,
  HEDDLE_TRUSTED_PROXIES: limit,
  HEDDLE_CONSOLE_PORT: listenPort(20_001),
  HEDDLE_CONTROL_PORT: listenPort(15_012),
  HEDDLE_CONTROL_ADMIN_PORT: listenPort(15_014),
  HEDDLE_OTLP_PORT: listenPort(4318),
  HEDDLE_COLLECTOR_ADMIN_PORT: listenPort(4319),
  HEDDLE_DATABASE_PORT: listenPort(15_432),
  DATABASE_URL: DatabaseUrl.optional(),
  HEDDLE_TRUST_DOMAIN: z
    .string()
    .regex(/^[a-z0-9._-]{1,255}$/, "expected lower-case letters, digits, dots, dashes")
    .optional(),
  HEDDLE_PROXY_BIND_ADDRESS: z
    .union([z.ipv4(), z.ipv6(), z.literal("localhost")], "expected an IP address")
    .optional(),
  HEDDLE_CONTROL_NAMES: z.string().optional(),
  HEDDLE_BLOCKED_CIDRS_IN_JWKS_URIS: z.string().optional(),
  HEDDLE_MAX_ENDPOINT_LOSS_PERCENT: limit,
  HEDDLE_REGISTRY_DIR: z.string().optional(),
  HEDDLE_PUSH: PushMode.optional(),
  HEDDLE_PUSH_WINDOW_MS: z.string().optional(),
  HEDDLE_LOG_LEVEL: LogLevel.optional(),
  HEDDLE_TRACE_SAMPLING: z
    .string()
    .refine((text) => Number(text) >= 0 && Number(text) <= 1, "expected a share, 0 to 1")
    .optional(),
  HEDDLE_WORKLOAD_CERTIFICATE_TTL_SECONDS: seconds.optional(),
  HEDDLE_CA_ROOT_TTL_SECONDS: seconds.optional(),
  HEDDLE_CA_INTERMEDIATE_TTL_SECONDS: seconds.optional(),
  HEDDLE_CA_CERT_FILE: file.optional(),
  HEDDLE_CA_KEY_FILE: file.optional(),
  HEDDLE_CA_ROOT_FILE: file.optional(),
  HEDDLE_SHOP_LOAD: z.string().optional(),
});

/** The settings of `heddle up`; throws `InvalidConfigError` that names every fault at once. */
export function loadUpConfig(env: Env): UpConfig {
  const parsed = parseEnv(UpEnv, env);
  requireDistinct(parsed);
  const passedOn: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = parsed[name];
    if (value !== undefined) passedOn[name] = value;
  }
  return Object.freeze({
    homeDir: resolve(parsed.HEDDLE_HOME),
    ports: {
      console: parsed.HEDDLE_CONSOLE_PORT,
      control: parsed.HEDDLE_CONTROL_PORT,
      controlAdmin: parsed.HEDDLE_CONTROL_ADMIN_PORT,
      otlp: parsed.HEDDLE_OTLP_PORT,
      collectorAdmin: parsed.HEDDLE_COLLECTOR_ADMIN_PORT,
      database: parsed.HEDDLE_DATABASE_PORT,
    },
    proxyHost: hostToReach(parsed.HEDDLE_PROXY_BIND_ADDRESS ?? LOOPBACK),
    databaseUrl: parsed.DATABASE_URL,
    passedOn,
  });
}

function requireDistinct(parsed: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(parsed).filter((name) => name.endsWith("_PORT"));
  for (const [index, name] of names.entries()) {
    const other = names.slice(0, index).find((earlier) => parsed[earlier] === parsed[name]);
    if (other === undefined) continue;
    throw new InvalidConfigError(`${other} and ${name} are both ${String(parsed[name])}`);
  }
}

const PASSED_ON = [
  "HEDDLE_TRUST_DOMAIN",
  "HEDDLE_LOG_LEVEL",
  "HEDDLE_TRACE_SAMPLING",
  "HEDDLE_HTTP_MAX_LINE_BYTES",
  "HEDDLE_HTTP_MAX_HEADER_BYTES",
  "HEDDLE_HTTP_MAX_HEADERS",
  "HEDDLE_MUX_CONNECTIONS",
  "HEDDLE_MAX_REQUESTS",
  "HEDDLE_MAX_CONNECTIONS",
  "HEDDLE_MAX_LAG_MS",
  "HEDDLE_METRICS_IDLE_MS",
  "HEDDLE_ACCESS_LOG",
  "HEDDLE_FILTERS_DIR",
  "HEDDLE_WORKLOAD_CERTIFICATE_TTL_SECONDS",
  "HEDDLE_CA_ROOT_TTL_SECONDS",
  "HEDDLE_CA_INTERMEDIATE_TTL_SECONDS",
  "HEDDLE_CA_CERT_FILE",
  "HEDDLE_CA_KEY_FILE",
  "HEDDLE_CA_ROOT_FILE",
  "HEDDLE_SHOP_LOAD",
  "HEDDLE_PROXY_BIND_ADDRESS",
  "HEDDLE_CONTROL_NAMES",
  "HEDDLE_BLOCKED_CIDRS_IN_JWKS_URIS",
  "HEDDLE_MAX_ENDPOINT_LOSS_PERCENT",
  "HEDDLE_REGISTRY_DIR",
  "HEDDLE_PUSH",
  "HEDDLE_PUSH_WINDOW_MS",
  "HEDDLE_TRUSTED_PROXIES",
  ...ACCESS_VARIABLES,
] as const;

/** What listens everywhere is reached on loopback. */
function hostToReach(bindAddress: string): string {
  if (bindAddress === "0.0.0.0" || bindAddress === "::") return LOOPBACK;
  return bindAddress.includes(":") ? `[${bindAddress}]` : bindAddress;
}

/** The database of `heddle migrate`. */
export function loadDatabaseUrl(env: Env): string {
  return parseEnv(z.object({ DATABASE_URL: DatabaseUrl }), env).DATABASE_URL;
}

const ApiEnv = z.object({
  ...PROXY_LIMITS,
  HEDDLE_API_URL: z.url("expected http://host:port").optional(),
  HEDDLE_API_TOKEN: z.string().optional(),
  HEDDLE_AUTH_SECRET: secretVariable().optional(),
  HEDDLE_HOME: z.string().optional(),
  HEDDLE_CONTROL_PLANE: z
    .string()
    .regex(/^[^,]+:\d+(,[^,]+:\d+)*$/, "expected host:port, or several separated by commas")
    .optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url("expected http://host:port").optional(),
  HEDDLE_TRACE_SAMPLING: z.string().optional(),
  HEDDLE_LOG_LEVEL: LogLevel.optional(),
  HEDDLE_BIND_ADDRESS: z.string().optional(),
  HEDDLE_DRAIN_TIMEOUT_MS: z.string().regex(/^\d+$/, "expected whole milliseconds").optional(),
});

export type ApiConfig = z.infer<typeof ApiEnv>;

/** The settings of the commands that talk to a running mesh. */
export function loadApiConfig(env: Env): ApiConfig {
  return Object.freeze(parseEnv(ApiEnv, withoutThoseOfUp(env)));
}

/** A shell that exports what `heddle up` is to read hands it to every other command as well. */
function withoutThoseOfUp(env: Env): Env {
  const isRead = (name: string) => name in ApiEnv.shape || !(name in UpEnv.shape);
  return Object.fromEntries(Object.entries(env).filter(([name]) => isRead(name)));
}

const FolderEnv = z.object({ XDG_CONFIG_HOME: z.string().optional() });

/** Where `heddle login --server` keeps what it was given. */
export function loginsFile(env: Env): string {
  const { XDG_CONFIG_HOME: folder } = parseEnv(
    FolderEnv.extend(ApiEnv.shape),
    withoutThoseOfUp(env),
  );
  return join(folder ?? join(homedir(), ".config"), "heddle", "logins.json");
}

/** Port 0 would be another one at each restart, and nobody could find it. */
function listenPort(defaultPort: number) {
  return portVariable(defaultPort).refine((port) => port > 0, "expected a port, 1 to 65535");
}
