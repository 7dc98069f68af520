// Brings node_modules up to the lockfile. Plain JavaScript: it is what runs when nothing is installed yet.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs `npm ci` when node_modules is missing or belongs to another lockfile; true if it did. */
export function installDependencies() {
  const digest = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = join(root, "node_modules/.heddle-lock-digest");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return false;
  const result = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (result.status !== 0) {
    process.stderr.write(`npm ci failed:\n${result.stdout ?? ""}${result.stderr ?? ""}\n`);
    process.exit(1);
  }
  writeFileSync(stamp, digest);
  return true;
}
