import { EndedResponse } from "@heddle/contracts";
import type { Command } from "commander";
import { ApiClient } from "../api/api-client.ts";
import { findCredentials, findHome, makeLoginLink } from "../api/credentials.ts";
import { logInByPassword, ownerOf } from "../api/log-in.ts";
import { dropLogin, readLogins, storeLogin } from "../api/remote-logins.ts";
import { type ApiConfig, loadApiConfig, loginsFile } from "../config.ts";
import { UsageError } from "../errors.ts";
import { readSecret } from "../print/read-secret.ts";
import { readSecrets } from "../up/home.ts";
import { type OutputOptions, print, withOutput } from "./command-kit.ts";

type LoginOptions = OutputOptions & {
  readonly server?: string;
  readonly user?: string;
  readonly tokenStdin?: boolean;
};

/** `heddle login` and `heddle logout`: a link for a browser, or this command line into a console elsewhere. */
export function addLoginCommands(program: Command): void {
  withOutput(program.command("login"))
    .description(
      "print a link that logs one browser in, once, within 15 minutes; with --server: let this command line into a console elsewhere",
    )
    .option("--server <url>", "the console's address, http(s)://host[:port]")
    .option(
      "--user <name>",
      "log in by name and password; the password is asked for, or read from a pipe",
    )
    .option("--token-stdin", "log in by an API token, read from a pipe")
    .action(async (options: LoginOptions) => {
      if (options.server !== undefined) return logIn(originOf(options.server), options);
      if (options.user !== undefined || options.tokenStdin === true) {
        throw new UsageError("--user and --token-stdin need --server: where to log in");
      }
      const config = loadApiConfig(process.env);
      const { apiUrl } = await findCredentials(config);
      const link = await makeLoginLink(new URL(apiUrl).origin, findAuthSecret(config));
      print(options, { link }, () => link);
    });
  withOutput(program.command("logout"))
    .description("forget a console, and revoke the token that `login` made there")
    .option("--server <url>", "default: the one logged in to last")
    .action(async (options: OutputOptions & { readonly server?: string }) => {
      const file = loginsFile(process.env);
      const logins = readLogins(file);
      const origin = options.server === undefined ? logins.current : originOf(options.server);
      const login = origin === undefined ? undefined : logins.servers[origin];
      if (origin === undefined || login === undefined) {
        throw new UsageError(`not logged in to ${origin ?? "any console"}`);
      }
      const isRevoked = await revoke(origin, login);
      dropLogin(file, origin);
      print(options, { server: origin, isRevoked }, () =>
        isRevoked || login.tokenId === undefined
          ? `logged out of ${origin}`
          : `logged out of ${origin}, but its token could not be revoked: do it under Settings`,
      );
    });
}

async function logIn(origin: string, options: LoginOptions): Promise<void> {
  const { user, tokenStdin = false } = options;
  if ((user === undefined) === !tokenStdin) {
    throw new UsageError("say either --user NAME or --token-stdin");
  }
  const secret = await readSecret(user === undefined ? "Token: " : `Password of ${user}: `);
  const login =
    user === undefined
      ? { token: secret, user: await ownerOf(origin, secret) }
      : await logInByPassword(origin, user, secret);
  storeLogin(loginsFile(process.env), origin, login);
  const home = findHome(loadApiConfig(process.env));
  const answer = { server: origin, user: login.user };
  print(options, answer, () => {
    const done = `logged in to ${origin} as ${login.user}`;
    if (home === undefined) return done;
    return `${done}; in this folder commands go to its own mesh (${home}) unless HEDDLE_API_URL=${origin}`;
  });
}

/** `false`: there was none to revoke, or nobody answers. */
async function revoke(
  origin: string,
  { token, tokenId }: { readonly token: string; readonly tokenId?: string | undefined },
): Promise<boolean> {
  if (tokenId === undefined) return false;
  const api = new ApiClient({ apiUrl: origin, token });
  const path = `/api-tokens/${encodeURIComponent(tokenId)}`;
  return api.ask(EndedResponse, path, { method: "DELETE" }).then(
    () => true,
    () => false, // the file entry goes in any case; what is said then is how to revoke it
  );
}

function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.username === "") return url.origin;
  throw new UsageError(`--server "${text}": expected http(s)://host[:port]`);
}

/** Whoever can read the auth secret may let people in. */
function findAuthSecret(config: ApiConfig): string {
  if (config.HEDDLE_AUTH_SECRET !== undefined) return config.HEDDLE_AUTH_SECRET;
  const home = findHome(config);
  const secrets = home === undefined ? undefined : readSecrets(home);
  if (secrets !== undefined) return secrets.authSecret;
  throw new UsageError(
    "login links are made where `heddle up` runs: no secrets.json in .heddle or HEDDLE_HOME",
  );
}
