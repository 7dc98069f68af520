import { parseEnv, portVariable, secretVariable } from "@heddle/runtime";
import { z } from "zod";
import type { AccessConfig } from "./access/access-control.ts";
import { AccessEnv, accessConfig } from "./access/access-settings.ts";

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
  readonly certificateTtlSeconds: number;
  /** Who comes in by the console's door, and for how long. */
  readonly access: AccessConfig;
};

const DAY_SECONDS = 86_400;
const HOST_NAMES = "expected at most 32 host names or IP addresses, separated by commas";
const HostName = z.string().regex(/^(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i);

const Env = z.object({
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
  HEDDLE_WORKLOAD_CERTIFICATE_TTL_SECONDS: z.coerce
    .number("expected seconds, at least 60")
    .int("expected whole seconds, at least 60")
    .min(60, "expected at least 60 seconds")
    .max(90 * DAY_SECONDS, "expected at most 90 days")
    .default(DAY_SECONDS),
});

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
    certificateTtlSeconds: parsed.HEDDLE_WORKLOAD_CERTIFICATE_TTL_SECONDS,
    access: accessConfig(parsed),
  });
}
