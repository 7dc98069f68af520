import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";

/** Who the server runs as. `undefined` where a server is started: as ourselves. */
export type ServerUser = { readonly name: string; readonly uid: number; readonly gid: number };

/**
 * PostgreSQL refuses to run as root, so root gives the server to the owner of an existing data folder,
 * else to `postgres` (made if it is missing), else to `nobody`. `undefined`: we are not root.
 */
export function chooseServerUser(dataDir: string): ServerUser | undefined {
  const ownUid = process.getuid?.();
  if (ownUid === undefined) return undefined; // Windows
  const owner = existsSync(dataDir) ? statSync(dataDir) : undefined;
  if (ownUid !== 0) {
    if (owner !== undefined && owner.uid !== ownUid) {
      throw new EmbeddedPostgresError(
        "not-owner",
        `${dataDir} belongs to user id ${owner.uid}, and we run as ${ownUid}; start Heddle as its owner or set HEDDLE_HOME to another folder`,
      );
    }
    return undefined;
  }
  if (owner !== undefined && owner.uid !== 0) {
    return { name: `user id ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  }
  const found = lookUp("postgres") ?? create("postgres") ?? lookUp("nobody");
  if (found !== undefined) return found;
  throw new EmbeddedPostgresError(
    "no-user",
    "PostgreSQL does not run as root, and this machine has no user postgres or nobody to run it as; create one or set DATABASE_URL",
  );
}

/** The first folder on the way to `path` that `user` may not enter; `undefined`: the way is free. */
export function findBarrier(path: string, user: ServerUser): string | undefined {
  const folders: string[] = [];
  for (let at = resolve(path); ; at = dirname(at)) {
    folders.unshift(at);
    if (at === dirname(at)) break;
  }
  return folders.find((folder) => existsSync(folder) && !mayEnter(folder, user));
}

function mayEnter(folder: string, user: ServerUser): boolean {
  const { mode, uid, gid } = statSync(folder);
  if (uid === user.uid) return (mode & 0o100) !== 0;
  if (gid === user.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

function lookUp(name: string): ServerUser | undefined {
  const line = existsSync("/etc/passwd")
    ? readFileSync("/etc/passwd", "utf8")
        .split("\n")
        .find((entry) => entry.startsWith(`${name}:`))
    : undefined;
  const [, , uid, gid] = line?.split(":") ?? [];
  if (uid === undefined || gid === undefined) return undefined;
  return { name, uid: Number(uid), gid: Number(gid) };
}

function create(name: string): ServerUser | undefined {
  try {
    execFileSync("useradd", ["--system", "--user-group", "--no-create-home", name], {
      stdio: "ignore",
    });
  } catch {
    return undefined; // no useradd here, or a read-only /etc: the caller has another user to try
  }
  return lookUp(name);
}
