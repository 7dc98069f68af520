import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_LIMITS, type Http1Limits } from "@heddle/http1";
import { InvalidConfigError, parseEnv } from "@heddle/runtime";
import { z } from "zod";
import { ConfigFile, describeIssues, type WorkloadSettings } from "./config-file.ts";
import {
  type ControlPlaneAddress,
  parseControlPlaneAddresses,
} from "./control/control-plane-address.ts";
import { type JoinToken, parseJoinToken } from "./control/join-token.ts";
import { DEFAULT_RECORDER_LIMITS } from "./telemetry/recorder.ts";
import type { AccessLogMode } from "./telemetry/workload-signals.ts";
import { DEFAULT_OVERLOAD_LIMITS, type OverloadLimits } from "./transport/overload.ts";

export type ProxyConfig = {
  readonly name: string;
  readonly workloads: readonly WorkloadSettings[];
  readonly adminPort: number; // 0: 15020 if free
  readonly bindAddress: string;
  /** Any of them will do: they share one database. */
  readonly controlPlanes: readonly ControlPlaneAddress[];
  /** `undefined`: joined before, or never will. */
  readonly joinToken: JoinToken | undefined;
  readonly dataDir: string;
  /** Whose files are the filters this proxy can run; `undefined`: none. */
  readonly filtersDir: string | undefined;
  readonly otlpEndpoint: URL;
  readonly traceSamplingRatio: number;
  readonly logLevel: string;
  readonly drainTimeoutMs: number;
  readonly limits: Http1Limits;
  readonly muxConnections: number;
  readonly overload: OverloadLimits;
  readonly accessLogMode: AccessLogMode;
  /** `undefined`: standard output. */
  readonly accessLogFile: string | undefined;
  /** A series that has counted nothing for so long is given up. */
  readonly metricsIdleMs: number;
  /** A destination without a request for so long is given up, until it is asked for again. */
  readonly unusedDestinationMs: number;
};

/** A whole number of `unit`; the bounds keep a typing error from switching a protection off. */
function limitVariable(unit: string, least: number, most: number, standard: number) {
  const expected = `expected ${unit}, ${least} to ${most}`;
  return z.coerce
    .number(expected)
    .int(expected)
    .min(least, expected)
    .max(most, expected)
    .default(standard);
}

const ProxyEnv = z.object({
  HEDDLE_PROXY_CONFIG: z.string().optional(),
  HEDDLE_CONTROL_PLANE: z
    .string()
    .default("127.0.0.1:15012")
    .transform((text, context) => {
      const addresses = parseControlPlaneAddresses(text);
      if (addresses) return addresses;
      const message = "expected host:port, or up to 16 of them separated by commas";
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    }),
  HEDDLE_JOIN_TOKEN: z.string().optional(),
  HEDDLE_JOIN_TOKEN_FILE: z.string().optional(),
  HEDDLE_HOME: z.string().default(".heddle"),
  HEDDLE_DATA_DIR: z.string().optional(),
  HEDDLE_FILTERS_DIR: z.string().min(1, "expected a folder").optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: "expected an http or https URL" })
    .default("http://127.0.0.1:4318"),
  HEDDLE_TRACE_SAMPLING: z.coerce
    .number("expected a share from 0 to 1")
    .min(0, "expected a share from 0 to 1")
    .max(1, "expected a share from 0 to 1")
    .default(0.01),
  HEDDLE_BIND_ADDRESS: z
    .union([z.ipv4(), z.ipv6(), z.literal("localhost")], "expected an IP address")
    .default("127.0.0.1"),
  HEDDLE_ACCESS_LOG: z
    .enum(["off", "errors", "all"], 'expected "off", "errors" or "all"')
    .default("off"),
  HEDDLE_ACCESS_LOG_FILE: z.string().min(1, "expected a path").optional(),
  HEDDLE_METRICS_IDLE_MS: limitVariable(
    "milliseconds",
    60_000,
    86_400_000,
    DEFAULT_RECORDER_LIMITS.idleMs,
  ),
  HEDDLE_UNUSED_DESTINATION_MS: limitVariable("milliseconds", 1_000, 604_800_000, 600_000),
  HEDDLE_LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info"),
  HEDDLE_DRAIN_TIMEOUT_MS: z.coerce
    .number("expected milliseconds, 0 to 600000")
    .int("expected milliseconds, 0 to 600000")
    .min(0, "expected milliseconds, 0 to 600000")
    .max(600_000, "expected milliseconds, 0 to 600000")
    .default(10_000),
  HEDDLE_MAX_REQUESTS: limitVariable(
    "requests at a time",
    1,
    1_000_000,
    DEFAULT_OVERLOAD_LIMITS.maxRequests,
  ),
  HEDDLE_MAX_LAG_MS: limitVariable("milliseconds", 20, 60_000, DEFAULT_OVERLOAD_LIMITS.maxLagMs),
  HEDDLE_MAX_CONNECTIONS: limitVariable(
    "connections of a listener",
    1,
    1_000_000,
    DEFAULT_OVERLOAD_LIMITS.maxConnections,
  ),
  HEDDLE_MUX_CONNECTIONS: limitVariable("connections to each peer", 0, 16, 2),
  HEDDLE_HTTP_MAX_LINE_BYTES: limitVariable(
    "bytes of one line",
    256,
    1_048_576,
    DEFAULT_LIMITS.maxLineBytes,
  ),
  HEDDLE_HTTP_MAX_HEADER_BYTES: limitVariable(
    "bytes of one head",
    1_024,
    1_048_576,
    DEFAULT_LIMITS.maxHeadBytes,
  ),
  HEDDLE_HTTP_MAX_HEADERS: limitVariable("fields of one head", 16, 1_000, DEFAULT_LIMITS.maxFields),
});

/**
 * Reads environment and configuration file (`--config FILE` or HEDDLE_PROXY_CONFIG). Throws
 * `InvalidConfigError` that lists every fault of both; secrets are never shown.
 */
export async function loadConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<ProxyConfig> {
  const problems: string[] = [];
  const collect = async <T>(read: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof InvalidConfigError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const vars = await collect(() => parseEnv(ProxyEnv, env));
  const path = configPath(argv) ?? env["HEDDLE_PROXY_CONFIG"];
  const file = await collect(() => readConfigFile(path));
  const joinToken = await collect(() => readJoinToken(env));
  if (!vars || !file || problems.length > 0) throw new InvalidConfigError(problems.join("\n"));
  return Object.freeze({
    ...file,
    bindAddress: vars.HEDDLE_BIND_ADDRESS,
    controlPlanes: vars.HEDDLE_CONTROL_PLANE,
    joinToken,
    dataDir: vars.HEDDLE_DATA_DIR ?? join(vars.HEDDLE_HOME, "proxies", file.name),
    filtersDir: vars.HEDDLE_FILTERS_DIR,
    otlpEndpoint: new URL(vars.OTEL_EXPORTER_OTLP_ENDPOINT),
    traceSamplingRatio: vars.HEDDLE_TRACE_SAMPLING,
    logLevel: vars.HEDDLE_LOG_LEVEL,
    drainTimeoutMs: vars.HEDDLE_DRAIN_TIMEOUT_MS,
    muxConnections: vars.HEDDLE_MUX_CONNECTIONS,
    accessLogMode: vars.HEDDLE_ACCESS_LOG,
    accessLogFile: vars.HEDDLE_ACCESS_LOG_FILE,
    metricsIdleMs: vars.HEDDLE_METRICS_IDLE_MS,
    unusedDestinationMs: vars.HEDDLE_UNUSED_DESTINATION_MS,
    overload: Object.freeze({
      maxRequests: vars.HEDDLE_MAX_REQUESTS,
      maxLagMs: vars.HEDDLE_MAX_LAG_MS,
      maxConnections: vars.HEDDLE_MAX_CONNECTIONS,
    }),
    limits: Object.freeze({
      ...DEFAULT_LIMITS,
      maxLineBytes: vars.HEDDLE_HTTP_MAX_LINE_BYTES,
      maxHeadBytes: vars.HEDDLE_HTTP_MAX_HEADER_BYTES,
      maxFields: vars.HEDDLE_HTTP_MAX_HEADERS,
    }),
  });
}

function configPath(argv: readonly string[]): string | undefined {
  const flag = argv.indexOf("--config");
  if (flag >= 0) return argv[flag + 1];
  return argv.find((argument) => argument.startsWith("--config="))?.slice("--config=".length);
}

async function readConfigFile(path: string | undefined): Promise<ConfigFile> {
  if (path === undefined || path === "") {
    throw new InvalidConfigError("--config: expected the path of the proxy's configuration file");
  }
  const given = await parseText(path, readText(path, "--config"));
  const parsed = ConfigFile.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = describeIssues(parsed.error, given).map((fault) => `${path}: ${fault}`);
  throw new InvalidConfigError(faults.join("\n"));
}

/** JSON needs no library; YAML's is loaded only when the file is YAML. */
async function parseText(path: string, text: string): Promise<unknown> {
  try {
    if (/^\s*\{/.test(text)) return JSON.parse(text);
    const { parse } = await import("yaml");
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new InvalidConfigError(`${path}: ${(error as Error).message}`);
  }
}

function readJoinToken(env: Readonly<Record<string, string | undefined>>): JoinToken | undefined {
  const given = env["HEDDLE_JOIN_TOKEN"];
  if (given) return parseJoinToken(given);
  const path = env["HEDDLE_JOIN_TOKEN_FILE"];
  return path ? parseJoinToken(readText(path, "HEDDLE_JOIN_TOKEN_FILE")) : undefined;
}

function readText(path: string, setting: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new InvalidConfigError(`${setting}: cannot read ${path}: ${(error as Error).message}`);
  }
}
