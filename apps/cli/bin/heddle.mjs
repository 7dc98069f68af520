#!/usr/bin/env node
// The `heddle` command. Plain JavaScript, so that any Node >= 20 can start it; the program itself
// runs on the pinned Node, in this process if this is one already.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, "../src/main.ts");
if (Number(process.versions.node.split(".")[0]) >= 26) {
  process.argv[1] = main;
  const { enableCompileCache } = await import("node:module");
  enableCompileCache(join(here, "../../../node_modules/.cache/heddle-compile"));
  await import(main);
} else {
  const pinned = join(here, "../../../node_modules/.bin/node");
  if (!existsSync(pinned)) {
    process.stderr.write("heddle: the pinned Node is not installed; run `npm ci` first\n");
    process.exit(1);
  }
  const child = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}
