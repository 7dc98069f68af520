import { parseEnv, portVariable, secretVariable } from "@heddle/runtime";
import { z } from "zod";

/** Everything the collector reads from its environment. */
export type CollectorConfig = {
  readonly databaseUrl: string;
  readonly authSecret: string;
  /** Of the API. */
  readonly bindAddress: string;
  /** Of the port for OTLP. */
  readonly proxyBindAddress: string;
  readonly otlpPort: number;
  readonly adminPort: number;
  readonly logLevel: string;
};

const Env = z.object({
  DATABASE_URL: z
    .string("required: postgresql://user:password@host:port/database")
    .regex(/^postgres(ql)?:\/\//, "expected postgresql://user:password@host:port/database"),
  HEDDLE_AUTH_SECRET: secretVariable(),
  HEDDLE_BIND_ADDRESS: z
    .union([z.ipv4(), z.ipv6(), z.literal("localhost")], "expected an IP address")
    .default("127.0.0.1"),
  HEDDLE_PROXY_BIND_ADDRESS: z
    .union([z.ipv4(), z.ipv6(), z.literal("localhost")], "expected an IP address")
    .optional(),
  HEDDLE_OTLP_PORT: portVariable(4318),
  HEDDLE_COLLECTOR_ADMIN_PORT: portVariable(4319),
  HEDDLE_LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace"]).default("info"),
});

/** Throws `InvalidConfigError`, which names every fault at once. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): CollectorConfig {
  const parsed = parseEnv(Env, env);
  return Object.freeze({
    databaseUrl: parsed.DATABASE_URL,
    authSecret: parsed.HEDDLE_AUTH_SECRET,
    bindAddress: parsed.HEDDLE_BIND_ADDRESS,
    proxyBindAddress: parsed.HEDDLE_PROXY_BIND_ADDRESS ?? parsed.HEDDLE_BIND_ADDRESS,
    otlpPort: parsed.HEDDLE_OTLP_PORT,
    adminPort: parsed.HEDDLE_COLLECTOR_ADMIN_PORT,
    logLevel: parsed.HEDDLE_LOG_LEVEL,
  });
}
