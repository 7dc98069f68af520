import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePorts, waitFor } from "@heddle/testkit";

const heddle = fileURLToPath(new URL("../bin/heddle.mjs", import.meta.url));
const PORT_VARIABLES = [
  "HEDDLE_CONSOLE_PORT",
  "HEDDLE_CONTROL_PORT",
  "HEDDLE_CONTROL_ADMIN_PORT",
  "HEDDLE_OTLP_PORT",
  "HEDDLE_COLLECTOR_ADMIN_PORT",
  "HEDDLE_DATABASE_PORT",
] as const;

export type Env = Record<string, string>;

/** A test's or a suite's way to clean up. */
export type Cleanup = { after(clean: () => Promise<void>): unknown };

const processesOf = new Map<string, HeddleProcess[]>();

/** Settings for a mesh apart from all others: a home of its own, free ports. */
export async function newUpEnv(t: Cleanup): Promise<Env> {
  const home = mkdtempSync(join(tmpdir(), "heddle-cli-"));
  t.after(async () => {
    for (const running of (processesOf.get(home) ?? []).reverse()) await running.end();
    processesOf.delete(home);
    rmSync(home, { recursive: true, force: true });
  });
  const ports = await findFreePorts(PORT_VARIABLES.length);
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? home,
    HEDDLE_HOME: home,
    ...Object.fromEntries(PORT_VARIABLES.map((name, index) => [name, String(ports[index])])),
  };
}

/** A running `heddle …` with all it has printed. */
export class HeddleProcess {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  /** Ends with the environment it was started in. */
  constructor(args: readonly string[], env: Readonly<Env>) {
    const home = env["HEDDLE_HOME"] ?? "";
    processesOf.set(home, [...(processesOf.get(home) ?? []), this]);
    this.child = spawn(process.execPath, [heddle, ...args], { cwd: env["HEDDLE_HOME"], env });
    this.child.stdout?.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ended = new Promise((resolve) =>
      this.child.once("close", (code, signal) => resolve({ code, signal })),
    );
  }

  async end(): Promise<void> {
    if (!this.hasEnded) this.child.kill("SIGINT");
    await this.ended;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }
}

/** Starts `heddle up ARGS` and waits for its login link. */
export async function startUp(env: Readonly<Env>, ...args: string[]) {
  const up = new HeddleProcess(["up", ...args], env);
  const isUp = () => /\/login\?token=\S+\n/.test(up.stdout);
  await waitFor("heddle up prints its link or ends", 170_000, () => isUp() || up.hasEnded);
  if (!isUp()) throw new Error(`heddle up ended:\n${up.stdout}${up.stderr}`);
  return up;
}

/** Runs a command to its end. */
export async function heddleOnce(args: readonly string[], env: Readonly<Env>) {
  const run = new HeddleProcess(args, env);
  const { code } = await run.ended;
  return { code, stdout: run.stdout, stderr: run.stderr };
}

/** Every process a home's mesh consists of: what `up` has written down, and the database. */
export function pidsOf(home: string): Map<string, number> {
  const records = JSON.parse(readFileSync(join(home, "run/processes.json"), "utf8")) as {
    name: string;
    pid: number;
  }[];
  const pids = new Map(records.map(({ name, pid }) => [name, pid]));
  return pids.set("database", databasePid(home));
}

export function databasePid(home: string): number {
  return Number(readFileSync(join(home, "postgres/postmaster.pid"), "utf8").split("\n")[0]);
}

/** Alive and not a zombie that nobody has collected yet. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return process.platform !== "linux";
  }
}
