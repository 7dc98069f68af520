// `npm start`: from a fresh clone to a running mesh. Plain JavaScript for any Node >= 20; what follows runs
// on the pinned one. Arguments are those of `heddle up`: `npm start -- --no-demo`.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { installDependencies, root } from "./install.mjs";

const [major] = process.versions.node.split(".").map(Number);
if (major < 20) {
  process.stderr.write(`Heddle needs Node 20 or newer to start; this is ${process.version}\n`);
  process.exit(1);
}

const args = process.argv.slice(2);
// With `-o json` stdout is for a script to read, and holds nothing but the events of `heddle up`.
const out = args.includes("json") ? process.stderr : process.stdout;
// Two steps here, the others (console, database, mesh, shop) in `heddle up`.
const total = args.includes("--no-demo") ? 5 : 6;

async function step(number, title, work) {
  const startedMs = Date.now();
  out.write(`${number}/${total} ${title}… `);
  const note = await work();
  out.write(`${note} (${((Date.now() - startedMs) / 1000).toFixed(1)} s)\n`);
}

await step(1, "packages", () => (installDependencies() ? "installed" : "are current"));
const { generatePrismaClient } = await import("./prepare.mjs"); // asks for a package just installed
await step(2, "database client", () => (generatePrismaClient() ? "generated" : "is current"));

const heddle = join(root, "apps/cli/bin/heddle.mjs");
const child = spawn(
  join(root, "node_modules/.bin/node"),
  [heddle, "up", "--first-step", "3", ...args],
  // Its end of the channel closes when we are killed, and it stops.
  { stdio: ["inherit", "inherit", "inherit", "ipc"] },
);
// On a terminal Ctrl-C reaches it as well; asked twice within half a second is asked once.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
