import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { writePrivateFile } from "../up/home.ts";

/** `heddle login --server`: a token for each console, in a file that only its owner may read. */
const RemoteLogins = z.object({
  /** The one that commands go to where nothing else says so. */
  current: z.string().optional(),
  servers: z.record(
    z.string(), // origin
    z.object({
      token: z.string(),
      /** Of a token that `login` made itself, for `logout` to revoke. */
      tokenId: z.string().optional(),
      user: z.string(),
    }),
  ),
});
export type RemoteLogins = z.infer<typeof RemoteLogins>;
type RemoteLogin = RemoteLogins["servers"][string];

/** Throws `UsageError` if the file is damaged. */
export function readLogins(file: string): RemoteLogins {
  if (!existsSync(file)) return { servers: {} };
  const parsed = RemoteLogins.safeParse(parseJson(readFileSync(file, "utf8")));
  if (parsed.success) return parsed.data;
  throw new UsageError(`${file} is damaged; remove it and log in again`);
}

export function storeLogin(file: string, origin: string, login: RemoteLogin): void {
  const { servers } = readLogins(file);
  write(file, { current: origin, servers: { ...servers, [origin]: login } });
}

export function dropLogin(file: string, origin: string): void {
  const { current, servers } = readLogins(file);
  const left = Object.fromEntries(Object.entries(servers).filter(([one]) => one !== origin));
  write(file, {
    ...(current === undefined || current === origin ? {} : { current }),
    servers: left,
  });
}

function write(file: string, logins: RemoteLogins): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writePrivateFile(file, `${JSON.stringify(logins, null, 2)}\n`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the schema says that it is damaged
  }
}
