// Generates the Prisma client when the schema has changed since the last time. Plain JavaScript:
// runs on any Node >= 20 before anything else is ready.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function generatePrismaClient() {
  const schema = readFileSync(join(root, "prisma/schema.prisma"));
  const lock = readFileSync(join(root, "node_modules/prisma/package.json"));
  const digest = createHash("sha256").update(schema).update(lock).digest("hex");
  const outDir = join(root, "packages/store/src/generated");
  const stamp = join(outDir, ".digest");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return false;
  execFileSync(
    join(root, "node_modules/.bin/node"),
    [join(root, "node_modules/prisma/build/index.js"), "generate"],
    {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      // `generate` asks only that a schema engine exists; naming any file keeps it from downloading one.
      env: {
        ...process.env,
        PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
        CHECKPOINT_DISABLE: "1",
      },
    },
  );
  mkdirSync(outDir, { recursive: true });
  writeFileSync(stamp, digest);
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(
    generatePrismaClient() ? "Prisma client generated\n" : "Prisma client is current\n",
  );
}
