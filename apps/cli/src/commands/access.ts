import {
  ApiTokenCreateResponse,
  ApiTokensResponse,
  EndedResponse,
  type Grant,
  SetupLinkResponse,
  UserResponse,
  UsersResponse,
} from "@heddle/contracts";
import { type Command, InvalidArgumentError } from "commander";
import type { ApiClient } from "../api/api-client.ts";
import { formatAge, formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

const DEFAULT_TTL_MS = 90 * 86_400_000;

/** `heddle user` (people who log in to the console) and `heddle api-token` (scripts). */
export function addAccessCommands(program: Command): void {
  addUserCommands(program.command("user").description("people who log in to the console"));
  addApiTokenCommands(
    program.command("api-token").description("tokens of scripts and of this command line"),
  );
}

type GrantOptions = OutputOptions & { readonly grant: readonly Grant[] };

function addUserCommands(user: Command): void {
  withOutput(user.command("create"))
    .description("make a user and print the link that sets the password, once, within 24 h")
    .argument("<name>", "the user's name")
    .option("--grant <role@namespace>", "viewer, operator or admin; * is the mesh", addGrant, [])
    .option("--display-name <text>", "the full name")
    .action(async (name: string, options: GrantOptions & { readonly displayName?: string }) => {
      const { displayName, grant: grants } = options;
      const api = await openApi();
      const body = { name, grants, ...(displayName === undefined ? {} : { displayName }) };
      const answer = await api.ask(SetupLinkResponse, "/users", { method: "POST", body });
      printLink(options, api, answer);
    });
  withOutput(user.command("list"))
    .description("list users with their roles")
    .action(async (options: OutputOptions) => {
      print(options, await (await openApi()).ask(UsersResponse, "/users"), formatUsers);
    });
  withOutput(user.command("grant"))
    .description("give a user these roles in place of all others; they hold at once")
    .argument("<name>", "the user's name")
    .option("--grant <role@namespace>", "viewer, operator or admin; * is the mesh", addGrant, [])
    .action((name: string, options: GrantOptions) =>
      change(name, { grants: options.grant }, options),
    );
  for (const [verb, isDisabled] of [
    ["disable", true],
    ["enable", false],
  ] as const) {
    withOutput(user.command(verb))
      .description(
        isDisabled ? "let a user in no more, and end all sessions" : "let a user in again",
      )
      .argument("<name>", "the user's name")
      .action((name: string, options: OutputOptions) => change(name, { isDisabled }, options));
  }
  withOutput(user.command("setup-link"))
    .description("print a new setup link: for a user who lost it, or the password")
    .argument("<name>", "the user's name")
    .action(async (name: string, options: OutputOptions) => {
      const api = await openApi();
      const path = `/users/${encodeURIComponent(name)}/setup-link`;
      const answer = await api.ask(SetupLinkResponse, path, { method: "POST", body: {} });
      printLink(options, api, answer);
    });
  withOutput(user.command("sign-out"))
    .description("end all sessions of a user")
    .argument("<name>", "the user's name")
    .action(async (name: string, options: OutputOptions) => {
      const path = `/users/${encodeURIComponent(name)}/sign-out`;
      const answer = await (await openApi()).ask(EndedResponse, path, { method: "POST", body: {} });
      print(options, answer, ({ ended }) => `${ended} sessions ended`);
    });
  withOutput(user.command("delete"))
    .description("take a user away, with all sessions and tokens")
    .argument("<name>", "the user's name")
    .action(async (name: string, options: OutputOptions) => {
      const path = `/users/${encodeURIComponent(name)}`;
      const answer = await (await openApi()).ask(EndedResponse, path, { method: "DELETE" });
      print(options, answer, ({ ended }) => `${name} deleted, ${ended} sessions ended`);
    });
}

function addApiTokenCommands(token: Command): void {
  withOutput(token.command("create"))
    .description("make a token; it is shown once")
    .argument("<name>", "what uses it")
    .option("--grant <role@namespace>", "viewer, operator or admin; * is the mesh", addGrant, [])
    .option("--ttl <duration>", "how long it is good for", parseDurationMs, DEFAULT_TTL_MS)
    .action(async (name: string, options: GrantOptions & { readonly ttl: number }) => {
      const { grant: grants, ttl } = options;
      const body = { name, grants, ttlSeconds: Math.ceil(ttl / 1000) };
      const api = await openApi();
      const answer = await api.ask(ApiTokenCreateResponse, "/api-tokens", { method: "POST", body });
      print(options, answer, ({ secret }) => secret);
    });
  withOutput(token.command("list"))
    .description("list one's own tokens")
    .option("--all", "everybody's (admins)")
    .action(async (options: OutputOptions & { readonly all?: boolean }) => {
      const query = options.all === true ? { all: "true" } : {};
      const answer = await (await openApi()).ask(ApiTokensResponse, "/api-tokens", { query });
      print(options, answer, formatTokens);
    });
  withOutput(token.command("revoke"))
    .description("refuse a token from now on")
    .argument("<id>", "as in `api-token list`")
    .action(async (id: string, options: OutputOptions) => {
      const path = `/api-tokens/${encodeURIComponent(id)}`;
      const answer = await (await openApi()).ask(EndedResponse, path, { method: "DELETE" });
      print(options, answer, () => "revoked");
    });
}

async function change(
  name: string,
  body: { readonly grants?: readonly Grant[]; readonly isDisabled?: boolean },
  options: OutputOptions,
): Promise<void> {
  const path = `/users/${encodeURIComponent(name)}`;
  const answer = await (await openApi()).ask(UserResponse, path, { method: "PUT", body });
  print(options, answer, ({ user }) => formatUsers({ users: [user] }));
}

function printLink(options: OutputOptions, api: ApiClient, answer: SetupLinkResponse): void {
  const link = `${new URL(api.apiUrl).origin}/setup#token=${answer.setupToken}`;
  print(options, { ...answer, link }, () => link);
}

/** `operator@shop`; without a namespace the role is on the whole mesh. */
export function addGrant(text: string, before: readonly Grant[]): readonly Grant[] {
  const [role, namespace = "*"] = text.split("@", 2);
  if (role === "viewer" || role === "operator" || role === "admin") {
    return [...before, { role, namespace }];
  }
  throw new InvalidArgumentError(
    'expected ROLE@NAMESPACE with viewer, operator or admin, like "operator@shop" or "viewer@*"',
  );
}

function formatUsers({ users }: UsersResponse): string {
  const nowMs = Date.now();
  return formatTable(
    ["NAME", "COMES IN BY", "LAST LOGIN", "SESSIONS", "ROLES"],
    users.map((user) => [
      user.isDisabled ? `${user.name} (disabled)` : user.name,
      user.source === "oidc" ? "provider" : user.hasPassword ? "password" : "setup link",
      user.lastLoginAtMs === undefined ? "never" : `${formatAge(user.lastLoginAtMs, nowMs)} ago`,
      String(user.sessions),
      formatGrants(user.grants),
    ]),
  );
}

function formatTokens({ tokens }: ApiTokensResponse): string {
  const nowMs = Date.now();
  return formatTable(
    ["ID", "NAME", "OWNER", "LAST USED", "ENDS", "ROLES"],
    tokens.map((token) => [
      token.id,
      token.name,
      token.owner,
      token.lastUsedAtMs === undefined ? "never" : `${formatAge(token.lastUsedAtMs, nowMs)} ago`,
      new Date(token.expiresAtMs).toISOString().slice(0, 10),
      formatGrants(token.grants),
    ]),
  );
}

function formatGrants(grants: readonly Grant[]): string {
  return grants.map(({ role, namespace }) => `${role}@${namespace}`).join(", ") || "-";
}
