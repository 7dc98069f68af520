import { normalize } from "node:path";
import { PushMode } from "@heddle/contracts";
import { InvalidConfigError, parseEnv, portVariable, secretVariable } from "@heddle/runtime";
import { z } from "zod";
import type { AccessConfig } from "./access/access-control.ts";
import { AccessEnv, accessConfig } from "./access/access-settings.ts";
import type { AuthorityFileNames } from "./certificates/authority-files.ts";
import type { PushSettings } from "./pushes/plan-push.ts";

/** Everything the control plane reads from its environment. */
export type ControlPlaneConfig = {
  readonly databaseUrl: string;
  readonly authSecret: string;
  readonly caSecret: string;
  readonly trustDomain: string;
  /** Of the API. */
  readonly bindAddress: string;
  /** Of the port for proxies. */
  readonly proxyBindAddress: string;
  /** Host names and addresses by which proxies reach us, beside those of this host: the certificate bears them. */
  readonly controlNames: readonly string[];
  readonly controlPort: number;
  readonly adminPort: number;
  readonly logLevel: string;
  /** More than this share of a service's endpoints, 0 to 100, is not lost without a yes. */
  readonly maxEndpointLossPercent: number;
  /** A folder of documents for what cannot register itself; `undefined`: none. */
  readonly registryDirectory: string | undefined;
  /** How changes reach the proxies unless they say otherwise. */
  readonly push: PushSettings;
  /** Addresses issuers' keys are not fetched from, beside those that never are. */
  readonly blockedKeyCidrs: readonly string[];
  /** Lives of certificates: leaves, and what signs them. */
  readonly certificateTtlSeconds: number;
  readonly caRootTtlSeconds: number;
  readonly caIntermediateTtlSeconds: number;
  /** An authority of the user's own; `undefined`: the mesh makes one. */
  readonly caFiles: AuthorityFileNames | undefined;
  /** Who comes in by the console's door, and for how long. */
  readonly access: AccessConfig;
};

const DAY_SECONDS = 86_400;
const HOST_NAMES = "expected at most 32 host names or IP addresses, separated by commas";
const PERCENT = "expected a share in percent, 0 to 100";
const PUSH_WINDOW = "expected whole milliseconds, 1000 to 3600000";
const CIDRS = "expected at most 256 CIDRs, separated by commas, such as 10.0.0.0/8,fd00::/8";
const HostName = z.string().regex(/^(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i);

function lifetimeOf(defaultDays: number) {
  return z.coerce
    .number("expected seconds")
    .int("expected whole seconds")
    .min(1, "expected at least 1 second")
    .max(36_500 * DAY_SECONDS, "expected at most 100 years")
    .default(defaultDays * DAY_SECONDS);
}

const Cidrs = z
  .string()
  .transform((text) =>
    text
      .split(",")
      .map((cidr) => cidr.trim())
      .filter((cidr) => cidr !== ""),
  )
  .pipe(z.array(z.union([z.cidrv4(), z.cidrv6()], CIDRS)).max(256, CIDRS));

const Env = z.object({
  HEDDLE_BLOCKED_CIDRS_IN_JWKS_URIS: Cidrs.default([]),
  ...AccessEnv,
  DATABASE_URL: z
    .string("required: postgresql://user:password@host:port/database")
    .regex(/^postgres(ql)?:\/\//, "expected postgresql://user:password@host:port/database"),
  HEDDLE_AUTH_SECRET: secretVariable(),
  HEDDLE_CA_SECRET: secretVariable(),
  HEDDLE_TRUST_DOMAIN: z
    .string()
    .regex(/^[a-z0-9._-]{1,255}$/, "expected lower-case letters, digits, dots and hyphens")
    .default("cluster.local"),
  HEDDLE_BIND_ADDRESS: z
    .union([z.ipv4(), z.ipv6(), z.literal("localhost")], "expected an IP address")
    .default("127.0.0.1"),
  HEDDLE_PROXY_BIND_ADDRESS: z
    .union([z.ipv4(), z.ipv6(), z.literal("localhost")], "expected an IP address")
    .optional(),
  HEDDLE_CONTROL_NAMES: z
    .string()
    .transform((text) => text.split(",").map((name) => name.trim()))
    .pipe(z.array(z.union([HostName, z.ipv4(), z.ipv6()], HOST_NAMES)).max(32, HOST_NAMES))
    .default([]),
  HEDDLE_CONTROL_PORT: portVariable(15_012),
  HEDDLE_CONTROL_ADMIN_PORT: portVariable(15_014),
  HEDDLE_LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace"]).default("info"),
  HEDDLE_MAX_ENDPOINT_LOSS_PERCENT: z.coerce
    .number(PERCENT)
    .min(0, PERCENT)
    .max(100, PERCENT)
    .default(50),
  HEDDLE_REGISTRY_DIR: z
    .string()
    .max(1024)
    .regex(/^\//, "expected an absolute path, such as /etc/heddle/registry")
    .optional(),
  HEDDLE_PUSH: PushMode.default("canaried"),
  HEDDLE_PUSH_WINDOW_MS: z.coerce
    .number(PUSH_WINDOW)
    .int(PUSH_WINDOW)
    .min(1000, PUSH_WINDOW)
    .max(3_600_000, PUSH_WINDOW)
    .default(10_000),
  HEDDLE_WORKLOAD_CERTIFICATE_TTL_SECONDS: z.coerce
    .number("expected seconds, at least 60")
    .int("expected whole seconds, at least 60")
    .min(60, "expected at least 60 seconds")
    .max(90 * DAY_SECONDS, "expected at most 90 days")
    .default(DAY_SECONDS),
  HEDDLE_CA_ROOT_TTL_SECONDS: lifetimeOf(3650), // Istio's self-signed root: ten years
  HEDDLE_CA_INTERMEDIATE_TTL_SECONDS: lifetimeOf(365),
  HEDDLE_CA_CERT_FILE: z.string().min(1).optional(),
  HEDDLE_CA_KEY_FILE: z.string().min(1).optional(),
  HEDDLE_CA_ROOT_FILE: z.string().min(1).optional(),
});

/** All three files or none. */
function authorityFiles(parsed: z.infer<typeof Env>): AuthorityFileNames | undefined {
  const names = {
    HEDDLE_CA_CERT_FILE: parsed.HEDDLE_CA_CERT_FILE,
    HEDDLE_CA_KEY_FILE: parsed.HEDDLE_CA_KEY_FILE,
    HEDDLE_CA_ROOT_FILE: parsed.HEDDLE_CA_ROOT_FILE,
  };
  const given = Object.entries(names).flatMap(([name, file]) => (file === undefined ? [] : name));
  if (given.length === 0) return undefined;
  const {
    HEDDLE_CA_CERT_FILE: certificate,
    HEDDLE_CA_KEY_FILE: key,
    HEDDLE_CA_ROOT_FILE: roots,
  } = names;
  if (certificate && key && roots) return { certificate, key, roots };
  const faults = Object.keys(names)
    .filter((name) => !given.includes(name))
    .map((name) => `${name}: required, since ${given.join(" and ")} is given`);
  throw new InvalidConfigError(faults.join("\n"));
}

/** Throws `InvalidConfigError`, which names every fault at once. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): ControlPlaneConfig {
  const parsed = parseEnv(Env, env);
  return Object.freeze({
    databaseUrl: parsed.DATABASE_URL,
    authSecret: parsed.HEDDLE_AUTH_SECRET,
    caSecret: parsed.HEDDLE_CA_SECRET,
    trustDomain: parsed.HEDDLE_TRUST_DOMAIN,
    bindAddress: parsed.HEDDLE_BIND_ADDRESS,
    proxyBindAddress: parsed.HEDDLE_PROXY_BIND_ADDRESS ?? parsed.HEDDLE_BIND_ADDRESS,
    controlNames: parsed.HEDDLE_CONTROL_NAMES,
    controlPort: parsed.HEDDLE_CONTROL_PORT,
    adminPort: parsed.HEDDLE_CONTROL_ADMIN_PORT,
    logLevel: parsed.HEDDLE_LOG_LEVEL,
    maxEndpointLossPercent: parsed.HEDDLE_MAX_ENDPOINT_LOSS_PERCENT,
    registryDirectory: parsed.HEDDLE_REGISTRY_DIR && normalize(parsed.HEDDLE_REGISTRY_DIR),
    push: { mode: parsed.HEDDLE_PUSH, windowMs: parsed.HEDDLE_PUSH_WINDOW_MS },
    blockedKeyCidrs: parsed.HEDDLE_BLOCKED_CIDRS_IN_JWKS_URIS,
    certificateTtlSeconds: parsed.HEDDLE_WORKLOAD_CERTIFICATE_TTL_SECONDS,
    caRootTtlSeconds: parsed.HEDDLE_CA_ROOT_TTL_SECONDS,
    caIntermediateTtlSeconds: parsed.HEDDLE_CA_INTERMEDIATE_TTL_SECONDS,
    caFiles: authorityFiles(parsed),
    access: accessConfig(parsed),
  });
}
