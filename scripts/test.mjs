// `npm test` and its parts: `node scripts/test.mjs [lint|typecheck|unit|integration|conformance|soak|e2e|screenshots]…`; all but
// screenshots when none is named. Installs what is missing first (packages, Prisma client, a browser), so a fresh clone needs nothing else.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { installDependencies, root } from "./install.mjs";

const PARTS = [
  "lint",
  "typecheck",
  "unit",
  "integration",
  "conformance",
  "soak",
  "e2e",
  "screenshots",
];
const ON_DEMAND = ["screenshots"];
const asked = process.argv.slice(2);
const unknown = asked.find((part) => !PARTS.includes(part));
if (unknown !== undefined) {
  process.stderr.write(`unknown part "${unknown}"; parts are ${PARTS.join(", ")}\n`);
  process.exit(1);
}
const parts = asked.length > 0 ? asked : PARTS.filter((part) => !ON_DEMAND.includes(part));

if (installDependencies()) process.stdout.write("installed the locked packages\n");
const { generatePrismaClient } = await import("./prepare.mjs");
generatePrismaClient();

const node = join(root, "node_modules/.bin/node");

function environment(env = {}) {
  return {
    NODE_COMPILE_CACHE: join(root, "node_modules/.cache/heddle-compile"),
    ...process.env,
    ...env,
    PATH: `${join(root, "node_modules/.bin")}:${process.env.PATH}`,
  };
}

function run(name, command, args, env = {}) {
  process.stdout.write(`\n── ${name}\n`);
  const startedMs = Date.now();
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", env: environment(env) });
  process.stdout.write(
    `── ${name}: ${result.status === 0 ? "passed" : "FAILED"} in ${Math.round((Date.now() - startedMs) / 1000)} s\n`,
  );
  return result.status === 0;
}

function testFiles(patterns) {
  // Asked of the pinned Node: fs.globSync is newer than the oldest Node that may run this script.
  const script = `console.log(JSON.stringify(require("fs").globSync(${JSON.stringify(patterns)}, { exclude: (p) => String(p?.name ?? p).includes("node_modules") })))`;
  const found = spawnSync(node, ["-e", script], { cwd: root, encoding: "utf8" });
  return JSON.parse(found.stdout)
    .filter((file) => !file.includes("node_modules") && !file.includes(".next"))
    .sort();
}

function nodeTests(name, patterns, concurrency) {
  const files = testFiles(patterns);
  if (files.length === 0) throw new Error(`${name}: no test files match ${patterns.join(", ")}`);
  return run(name, node, [
    "--test",
    `--test-concurrency=${concurrency}`,
    "--test-timeout=300000",
    "--test-reporter=dot",
    "--test-reporter-destination=stdout",
    "--test-reporter=spec",
    `--test-reporter-destination=${join(root, "test-results", `${name}.txt`)}`,
    ...files,
  ]);
}

/** A Chromium to test with: the system's, else Debian's where it can be installed, else Playwright's own. */
function findBrowser() {
  const named = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const search = () =>
    (process.env.PATH ?? "")
      .split(":")
      .flatMap((dir) => named.map((name) => join(dir, name)))
      .find((file) => existsSync(file));
  const found = search();
  if (found) return found;
  const canInstall = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
  if (canInstall) {
    process.stdout.write("installing Debian's chromium for the browser tests\n");
    spawnSync("apt-get", ["update"], { stdio: "ignore" });
    spawnSync("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], {
      stdio: "inherit",
    });
    const installed = search();
    if (installed) return installed;
  }
  spawnSync(join(root, "node_modules/.bin/playwright"), ["install", "chromium"], {
    stdio: "inherit",
  });
  return undefined;
}

mkdirSync(join(root, "test-results"), { recursive: true });
const runners = {
  lint: () => run("lint", node, ["tools/lint.ts"]),
  typecheck: () => run("typecheck", node, ["tools/typecheck.ts"]),
  unit: () =>
    nodeTests(
      "unit",
      [
        "packages/*/src/**/*.test.ts",
        "apps/*/{src,lib,features,ui}/**/*.test.ts",
        "examples/**/*.test.ts",
        "tools/*.test.ts",
      ],
      2,
    ),
  integration: () =>
    nodeTests("integration", ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts"], 2),
  // The rules of the config language, proven by traffic; docs/compatibility.md names these tests.
  conformance: () => nodeTests("conformance", ["conformance/*.test.ts"], 2),
  soak: () => nodeTests("soak", ["soak/*.test.ts"], 1),
  e2e: () => {
    const browser = findBrowser();
    return run(
      "e2e",
      node,
      ["node_modules/@playwright/test/cli.js", "test", "--config", "e2e/playwright.config.ts"],
      browser ? { CHROMIUM_PATH: browser } : {},
    );
  },
  screenshots: () => {
    const browser = findBrowser();
    return run(
      "screenshots",
      node,
      ["e2e/take-screenshots.ts"],
      browser ? { CHROMIUM_PATH: browser } : {},
    );
  },
};

// Whole meshes need the console built; done once here, it is no test's time.
const needsConsole = parts.some((part) => ["integration", "e2e", "screenshots"].includes(part));
if (needsConsole && !run("console build", node, ["scripts/build-console.mjs"])) process.exit(1);

/**
 * Five minutes under load while certificates rotate (HEDDLE_SOAK_MINUTES makes it longer): it mostly waits, so it runs
 * beside the other parts. What it prints is shown at its end.
 */
function startBeside(name, patterns) {
  const output = join(root, "test-results", `${name}.txt`);
  const file = openSync(output, "w");
  const child = spawn(node, ["--test", "--test-reporter=spec", ...testFiles(patterns)], {
    cwd: root,
    stdio: ["ignore", file, file],
    env: environment({ HEDDLE_KILL_SECONDS: "20" }), // a minute by `npm run test:soak`
  });
  const ended = new Promise((resolve) => child.once("exit", (code) => resolve(code === 0)));
  return async () => {
    process.stdout.write(`\n── ${name}, begun beside the others\n`);
    const hasPassed = await ended;
    process.stdout.write(readFileSync(output, "utf8"));
    process.stdout.write(`── ${name}: ${hasPassed ? "passed" : "FAILED"}\n`);
    return hasPassed;
  };
}

const failed = [];
let endSoak;
for (const part of parts.filter((each) => each !== "soak" || parts.length === 1)) {
  // The last two parts use one core at most: what is left is the soak's.
  const isQuietEnough = part === "conformance" && parts.includes("soak");
  if (isQuietEnough) endSoak = startBeside("soak", ["soak/*.test.ts"]);
  if (!runners[part]()) failed.push(part);
}
if (parts.length > 1 && parts.includes("soak")) {
  const hasPassed = endSoak === undefined ? runners.soak() : await endSoak();
  if (!hasPassed) failed.push("soak");
}
process.stdout.write(`\n${parts.length - failed.length} passed, ${failed.length} failed\n`);
if (failed.length > 0) process.stdout.write(`failed: ${failed.join(", ")}\n`);
process.exit(failed.length > 0 ? 1 : 0);
