import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { HeddleError, signToken } from "@heddle/runtime";
import { z } from "zod";
import { type ApiConfig, loginsFile } from "../config.ts";
import { UsageError } from "../errors.ts";
import { type RemoteLogins, readLogins } from "./remote-logins.ts";

const HOME_NAME = ".heddle";
const LOGIN_LINK_TTL_SECONDS = 15 * 60;
const CLI_TOKEN_TTL_SECONDS = 30 * 24 * 3600;

/** What the local CLI needs to talk to the mesh; `up` writes it anew at each start. */
const Credentials = z.object({
  apiUrl: z.url(), // origin of the console
  token: z.string(),
  otlpEndpoint: z.url().optional(), // where proxies of `heddle run` send what they saw
});
export type Credentials = z.infer<typeof Credentials>;

/**
 * The mesh to talk to: HEDDLE_API_URL with HEDDLE_API_TOKEN (or, in the mesh's own containers, with
 * HEDDLE_AUTH_SECRET, which signs one), else the credentials of HEDDLE_HOME or of the nearest `.heddle` from the
 * working folder upwards, else the console that `heddle login --server` let this command line into.
 */
export async function findCredentials(
  config: ApiConfig,
  readRemote: () => RemoteLogins = () => readLogins(loginsFile(process.env)),
): Promise<Credentials> {
  const { HEDDLE_API_URL: apiUrl, HEDDLE_API_TOKEN: token, HEDDLE_AUTH_SECRET: secret } = config;
  if (apiUrl !== undefined && token !== undefined) return { apiUrl, token };
  if (apiUrl !== undefined && secret !== undefined) {
    return { apiUrl, token: await makeCliToken(secret) };
  }
  if (apiUrl !== undefined) {
    const named = readRemote().servers[new URL(apiUrl).origin];
    if (named) return { apiUrl, token: named.token };
  }
  const home = findHome(config);
  const file = home === undefined ? undefined : join(home, "credentials.json");
  if (file === undefined || !existsSync(file)) {
    const { current = "", servers } = readRemote();
    const remote = servers[current];
    if (apiUrl === undefined && remote) return { apiUrl: current, token: token ?? remote.token };
    throw new UsageError(
      "no mesh found: start one with `heddle up`, log in to one with `heddle login --server`, or set HEDDLE_API_URL and HEDDLE_API_TOKEN",
    );
  }
  const local = Credentials.safeParse(parseJson(file));
  if (!local.success) throw new UsageError(`${file} is damaged; \`heddle up\` writes it anew`);
  // A token is sent only where it belongs: never the local one to another URL.
  if (apiUrl !== undefined && apiUrl !== local.data.apiUrl) {
    throw new UsageError(`HEDDLE_API_URL is set to ${apiUrl}: set HEDDLE_API_TOKEN, too`);
  }
  return { ...local.data, ...(token === undefined ? {} : { token }) };
}

/** The nearest folder that `up` keeps its data in. */
export function findHome(config: ApiConfig): string | undefined {
  if (config.HEDDLE_HOME !== undefined) return resolve(config.HEDDLE_HOME);
  for (let at = process.cwd(); ; at = dirname(at)) {
    if (existsSync(join(at, HOME_NAME, "credentials.json"))) return join(at, HOME_NAME);
    if (at === dirname(at)) return undefined;
  }
}

/** A link that logs one browser in, once, within 15 minutes. */
export async function makeLoginLink(consoleUrl: string, authSecret: string): Promise<string> {
  const token = await signToken(
    authSecret,
    "login",
    { name: "admin", role: "admin", tokenId: randomUUID() },
    LOGIN_LINK_TTL_SECONDS,
    Date.now(),
  );
  return `${consoleUrl}/login?token=${token}`;
}

/** The admin token of the local CLI, or of the demo it sets up: 30 days, renewed by each `up`. */
export function makeCliToken(authSecret: string, name: "cli" | "demo" = "cli"): Promise<string> {
  const subject = { name, role: "admin", tokenId: randomUUID() } as const;
  return signToken(authSecret, "api", subject, CLI_TOKEN_TTL_SECONDS, Date.now());
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new HeddleError("HEDDLE_CREDENTIALS", `cannot read ${file}`, { cause });
  }
}
