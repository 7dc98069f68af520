import { z } from "zod";

/** Where the console finds the two servers it stands in front of. */
export interface GatewayConfig {
  /** Any of them: they share one database. At least one. */
  readonly controlPlaneUrls: readonly URL[];
  readonly collectorUrl: URL;
  /** How many proxies before the console say truly in `x-forwarded-for` whom they saw. */
  readonly trustedProxies: number;
}

/** The environment holds something the console cannot start with; the message lists every fault. */
export class InvalidConsoleConfigError extends Error {
  override readonly name = "InvalidConsoleConfigError";
  readonly code = "HEDDLE_INVALID_CONFIG";
}

function originVariable(fallback: string) {
  return z
    .string()
    .default(fallback)
    .refine(isHttpOrigin, `expected an http(s) address without path, like ${fallback}`)
    .transform((text) => new URL(text));
}

const MAX_CONTROL_PLANES = 16;
const CONTROL_PLANES =
  "expected an http(s) address without path, like http://127.0.0.1:15014, or up to 16 separated by commas";

const PROXIES = "expected how many proxies stand before the console, 0 to 10";

const GatewayEnv = z.object({
  HEDDLE_CONTROL_PLANE_URL: z
    .string()
    .default("http://127.0.0.1:15014")
    .transform((text) => text.split(",").map((one) => one.trim()))
    .refine((all) => all.length <= MAX_CONTROL_PLANES && all.every(isHttpOrigin), CONTROL_PLANES)
    .transform((all) => all.map((one) => new URL(one))),
  HEDDLE_COLLECTOR_URL: originVariable("http://127.0.0.1:4319"),
  HEDDLE_TRUSTED_PROXIES: z.coerce
    .number(PROXIES)
    .int(PROXIES)
    .min(0, PROXIES)
    .max(10, PROXIES)
    .default(0),
});

type Env = Readonly<Record<string, string | undefined>>;

/** Throws `InvalidConsoleConfigError` with all faults at once. */
export function parseGatewayConfig(env: Env): GatewayConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = GatewayEnv.safeParse(given);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      return `${name}: ${issue.message} (is "${env[name]}")`;
    });
    throw new InvalidConsoleConfigError(faults.join("\n"));
  }
  return Object.freeze({
    controlPlaneUrls: parsed.data.HEDDLE_CONTROL_PLANE_URL,
    collectorUrl: parsed.data.HEDDLE_COLLECTOR_URL,
    trustedProxies: parsed.data.HEDDLE_TRUSTED_PROXIES,
  });
}

let config: GatewayConfig | undefined;

/** This process's configuration, parsed at the first use and then kept. */
export function gatewayConfig(): GatewayConfig {
  config ??= parseGatewayConfig(process.env);
  return config;
}

function isHttpOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, search, username } = new URL(text);
  return /^https?:$/.test(protocol) && pathname === "/" && search === "" && username === "";
}
