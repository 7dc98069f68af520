import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { HomeError } from "../errors.ts";

const Secrets = z.object({
  authSecret: z.string().min(32),
  caSecret: z.string().min(32),
  databasePassword: z.string().min(32),
});
export type Secrets = z.infer<typeof Secrets>;

/** `HEDDLE_HOME`: everything `up` keeps. */
export type Home = {
  readonly dir: string;
  readonly secrets: Secrets;
  /** A path inside. */
  path(...parts: string[]): string;
  logFile(process: string): string;
};

/** Makes the folder with its secrets at the first call; the same secrets ever after. */
export function openHome(dir: string): Home {
  try {
    mkdirSync(dir, { recursive: true });
    requireOwnFolder(dir);
    // Under root the database runs as another user, who must get to its own folder in here;
    // what is secret in here has its own permissions.
    chmodSync(dir, process.getuid?.() === 0 ? 0o711 : 0o700);
    for (const part of ["run", "proxies", "logs"]) {
      mkdirSync(join(dir, part), { recursive: true, mode: 0o700 });
    }
    const secrets = readSecrets(dir) ?? makeSecrets(dir);
    return {
      dir,
      secrets,
      path: (...parts) => join(dir, ...parts),
      logFile: (process) => join(dir, "logs", `${process}.log`),
    };
  } catch (error) {
    if (error instanceof HomeError) throw error;
    throw explainHomeFailure(dir, error);
  }
}

export function readSecrets(dir: string): Secrets | undefined {
  const file = join(dir, "secrets.json");
  if (!existsSync(file)) return undefined;
  const parsed = Secrets.safeParse(parseJson(file));
  if (!parsed.success) throw new HomeError(`${file} is damaged; restore it from a copy`);
  return parsed.data;
}

/** Writes a file that only its owner may read, whole or not at all. */
export function writePrivateFile(file: string, content: string): void {
  const partial = `${file}.partial`;
  writeFileSync(partial, content, { mode: 0o600 });
  chmodSync(partial, 0o600); // it may have been there, with other permissions
  renameSync(partial, file);
}

function makeSecrets(dir: string): Secrets {
  const secret = () => randomBytes(32).toString("base64url");
  const secrets = { authSecret: secret(), caSecret: secret(), databasePassword: secret() };
  if (existsSync(join(dir, "postgres"))) {
    throw new HomeError(
      `${dir} holds a database but no secrets.json to open it with; restore that file, or move ${join(dir, "postgres")} away to start empty`,
    );
  }
  writePrivateFile(join(dir, "secrets.json"), `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}

/** We change the folder's permissions: better not those of someone's home. */
function requireOwnFolder(dir: string): void {
  const names = readdirSync(dir);
  const isOurs = names.length === 0 || names.some((name) => OUR_NAMES.has(name));
  if (isOurs) return;
  throw new HomeError(`${dir} (HEDDLE_HOME) is not empty and not Heddle's; name another folder`);
}

const OUR_NAMES = new Set(["secrets.json", "run", "proxies", "logs", "postgres"]);

function explainHomeFailure(dir: string, error: unknown): HomeError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    EACCES: "no permission to write there",
    EPERM: "it belongs to another user",
    EROFS: "that disk is read-only",
    ENOSPC: "that disk is full",
    EDQUOT: "that disk's quota is used up",
    ENOTDIR: "a part of that path is a file",
    EEXIST: "there is a file of that name",
  };
  const why = reasons[code ?? ""] ?? message;
  return new HomeError(`cannot use ${dir} (HEDDLE_HOME): ${why}; name another folder`, {
    cause: error,
  });
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return undefined;
  }
}
