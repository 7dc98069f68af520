// Builds the console (`next build`) when its sources, or those of the packages it is made of, have changed
// since the last build. Plain JavaScript: runs on any Node >= 20.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const web = join(root, "apps/web");
const stamp = join(web, ".next/heddle-sources-digest");
const lock = join(root, "node_modules/.heddle-console-build.lock");

const SOURCES = ["apps/web", "packages/contracts", "packages/graph-layout", "packages/mesh"];
const LEFT_OUT = /(^|\/)(node_modules|\.next|test|next-env\.d\.ts)$|\.test\.tsx?$/;

function* files(dir) {
  const entries = readdirSync(dir, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(dir, entry.name);
    if (LEFT_OUT.test(relative(root, path))) continue;
    if (entry.isDirectory()) yield* files(path);
    else if (entry.isFile()) yield path;
  }
}

function sourcesDigest() {
  const hash = createHash("sha256");
  for (const dir of SOURCES) {
    for (const file of files(join(root, dir))) {
      hash.update(relative(root, file)).update("\0").update(readFileSync(file)).update("\0");
    }
  }
  hash.update(readFileSync(join(root, "package-lock.json")));
  return hash.digest("hex");
}

const isCurrent = (digest) => existsSync(stamp) && readFileSync(stamp, "utf8") === digest;

/** Two builds at once would write into one another: the second waits, and then finds it done. */
function withLock(work) {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      if (!isRunning(Number(readFileSync(lock, "utf8")))) rmSync(lock, { force: true });
      else Atomics.wait(clock, 0, 0, 200);
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return pid > 0;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** True when it had to build; exits the process with what Next said when that failed. */
export function buildConsole() {
  const digest = sourcesDigest();
  if (isCurrent(digest)) return false;
  return withLock(() => {
    if (isCurrent(digest)) return false;
    rmSync(stamp, { force: true });
    const next = join(root, "node_modules/next/dist/bin/next");
    const result = spawnSync(join(root, "node_modules/.bin/node"), [next, "build"], {
      cwd: web,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
    });
    if (result.status !== 0) {
      rmSync(lock, { force: true });
      process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}\n`);
      process.exit(1);
    }
    writeFileSync(stamp, digest);
    return true;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(buildConsole() ? "built\n" : "is current\n");
}
