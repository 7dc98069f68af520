import { readFileSync } from "node:fs";
import { InvalidConfigError } from "@heddle/runtime";
import { z } from "zod";
import type { AccessConfig } from "./access-control.ts";
import { parseGrantRules } from "./oidc-grants.ts";
import { isLoopback, type OidcConfig } from "./oidc-provider.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const CALLBACK = "/api/v1/login/oidc/callback";
const RULES = 'expected value=role[@namespace],… separated by ";", like "admins=admin; *=viewer"';

/** The variables of the door. */
export const AccessEnv = {
  HEDDLE_SESSION_IDLE_MINUTES: whole("minutes", 5, 10_080).default(720),
  HEDDLE_SESSION_MAX_HOURS: whole("hours", 1, 720).default(168),
  HEDDLE_AUDIT_RETENTION_DAYS: whole("days", 1, 3650).default(365),
  HEDDLE_CONSOLE_URL: z
    .url({ protocol: /^https?$/, error: "expected http(s)://host[:port]" })
    .refine((text) => new URL(text).pathname === "/", "expected an address without path")
    .default("http://127.0.0.1:20001"),
  HEDDLE_OIDC_ISSUER: z
    .url({ protocol: /^https?$/, error: "expected https://…" })
    .refine(
      (text) => text.startsWith("https:") || isLoopback(new URL(text)),
      "expected https://…; only a provider on this machine may speak http",
    )
    .optional(),
  HEDDLE_OIDC_CLIENT_ID: z.string().optional(),
  HEDDLE_OIDC_CLIENT_SECRET: z.string().optional(),
  HEDDLE_OIDC_CLIENT_SECRET_FILE: z.string().optional(),
  HEDDLE_OIDC_SCOPES: z
    .string()
    .refine(
      (text) => text.split(" ").includes("openid"),
      'expected scopes with "openid" among them',
    )
    .default("openid profile email"),
  HEDDLE_OIDC_NAME: z.string().max(60).default("single sign-on"),
  HEDDLE_OIDC_GROUPS_CLAIM: z.string().default("groups"),
  HEDDLE_OIDC_GRANTS: z
    .string()
    .transform((text) => parseGrantRules(text))
    .refine((rules) => rules !== undefined, RULES)
    .optional(),
};

type ParsedAccessEnv = z.infer<z.ZodObject<typeof AccessEnv>>;

/** Throws `InvalidConfigError` when only a part of the provider's settings is there. */
export function accessConfig(parsed: ParsedAccessEnv): AccessConfig {
  return {
    sessions: {
      idleMs: parsed.HEDDLE_SESSION_IDLE_MINUTES * MINUTE_MS,
      maxMs: parsed.HEDDLE_SESSION_MAX_HOURS * HOUR_MS,
    },
    auditRetentionDays: parsed.HEDDLE_AUDIT_RETENTION_DAYS,
    oidc: oidcConfig(parsed),
  };
}

function oidcConfig(parsed: ParsedAccessEnv): OidcConfig | undefined {
  const {
    HEDDLE_OIDC_ISSUER: issuer,
    HEDDLE_OIDC_CLIENT_ID: clientId,
    HEDDLE_OIDC_GRANTS: rules,
  } = parsed;
  if (issuer === undefined && clientId === undefined) return undefined;
  const clientSecret = readSecret(parsed);
  const missing = [
    ...(issuer === undefined ? ["HEDDLE_OIDC_ISSUER: required with HEDDLE_OIDC_CLIENT_ID"] : []),
    ...(clientId === undefined ? ["HEDDLE_OIDC_CLIENT_ID: required with HEDDLE_OIDC_ISSUER"] : []),
    ...(clientSecret === undefined
      ? ["HEDDLE_OIDC_CLIENT_SECRET: required with HEDDLE_OIDC_ISSUER (or its _FILE)"]
      : []),
    ...(rules === undefined
      ? [`HEDDLE_OIDC_GRANTS: required with HEDDLE_OIDC_ISSUER; ${RULES}`]
      : []),
  ];
  if (issuer === undefined || clientId === undefined || !clientSecret || !rules) {
    throw new InvalidConfigError(missing.join("\n"));
  }
  return {
    issuer: new URL(issuer),
    clientId,
    clientSecret,
    scopes: parsed.HEDDLE_OIDC_SCOPES,
    name: parsed.HEDDLE_OIDC_NAME,
    groupsClaim: parsed.HEDDLE_OIDC_GROUPS_CLAIM,
    grantRules: rules,
    redirectUri: new URL(CALLBACK, parsed.HEDDLE_CONSOLE_URL),
  };
}

function readSecret(parsed: ParsedAccessEnv): string | undefined {
  const { HEDDLE_OIDC_CLIENT_SECRET: given, HEDDLE_OIDC_CLIENT_SECRET_FILE: file } = parsed;
  if (given !== undefined || file === undefined) return given;
  try {
    return readFileSync(file, "utf8").trim() || undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InvalidConfigError(`HEDDLE_OIDC_CLIENT_SECRET_FILE: ${why}`);
  }
}

function whole(unit: string, least: number, most: number) {
  const expected = `expected whole ${unit}, ${least} to ${most}`;
  return z.coerce.number(expected).int(expected).min(least, expected).max(most, expected);
}
