import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const TOKEN_FILE = "join-token";
/** What the CLI itself keeps in a proxy's data folder. */
const KEPT = new Set(["proxy.json", "run.lock", TOKEN_FILE]);

/**
 * Forgets a proxy's keys and last good configuration when they belong to another mesh than the one the token
 * joins: the database is a new one, say, and nobody in it knows that proxy.
 */
export function clearForOtherMesh(dataDir: string, joinToken: string): void {
  const before = readToken(dataDir);
  if (before === undefined || rootDigestOf(before) === rootDigestOf(joinToken)) return;
  for (const name of readdirSync(dataDir)) {
    if (!KEPT.has(name)) rmSync(join(dataDir, name), { recursive: true, force: true });
  }
}

export function joinTokenFile(dataDir: string): string {
  return join(dataDir, TOKEN_FILE);
}

/** The SHA-256 of the root certificate that a join token carries (docs/architecture.md, "Control stream"). */
function rootDigestOf(joinToken: string): string {
  return joinToken.trim().split(".").at(-1) ?? "";
}

function readToken(dataDir: string): string | undefined {
  try {
    return readFileSync(joinTokenFile(dataDir), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined; // never started
  }
}
