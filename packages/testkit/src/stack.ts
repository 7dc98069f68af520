import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { findFreePorts } from "./free-ports.ts";
import { waitFor } from "./wait-for.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const heddle = join(root, "apps/cli/bin/heddle.mjs");

/** A whole mesh as `heddle up` starts it, in a home and on ports of its own. */
export type Stack = {
  readonly home: string;
  readonly consoleUrl: string;
  /** What `up` has printed so far. */
  output(): string;
  /** Runs `heddle ARGS` against this mesh; rejects when it exits other than 0. */
  heddle(...args: string[]): Promise<string>;
  heddleJson<T>(...args: string[]): Promise<T>;
  /** Makes a fresh one-time login link. */
  loginLink(): Promise<string>;
  /** Starts `heddle run ARGS` beside the mesh; ends with the stack. */
  run(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess;
  /** A file of this stack's own, gone with it. */
  file(name: string): string;
  get(path: string): Promise<Response>;
  /** Waits until a workload of this service has a connected instance. */
  untilRegistered(service: string): Promise<void>;
  /** The process id of a part (`control-plane`, `collector`, `console`, `database`…), as it runs now. */
  pid(part: string): number;
  stop(): Promise<void>;
};

/** Starts `heddle up ARGS` and waits until it prints its login link. */
export async function startStack(args: readonly string[] = []): Promise<Stack> {
  const home = mkdtempSync(join(tmpdir(), "heddle-stack-"));
  const [console, control, controlAdmin, otlp, collectorAdmin, database] = await findFreePorts(6);
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? home,
    HEDDLE_HOME: home,
    HEDDLE_CONSOLE_PORT: String(console),
    HEDDLE_CONTROL_PORT: String(control),
    HEDDLE_CONTROL_ADMIN_PORT: String(controlAdmin),
    HEDDLE_OTLP_PORT: String(otlp),
    HEDDLE_COLLECTOR_ADMIN_PORT: String(collectorAdmin),
    HEDDLE_DATABASE_PORT: String(database),
  };
  const up = spawn(process.execPath, [heddle, "up", ...args], { cwd: home, env });
  let output = "";
  up.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  up.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const children: ChildProcess[] = [];
  const heddleCommand = async (...commandArgs: string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, [heddle, ...commandArgs], {
      cwd: home,
      env,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  };
  const credentials = () =>
    JSON.parse(readFileSync(join(home, "credentials.json"), "utf8")) as {
      apiUrl: string;
      token: string;
    };

  const get = (path: string) => {
    const { apiUrl, token } = credentials();
    return fetch(new URL(path, apiUrl), { headers: { authorization: `Bearer ${token}` } });
  };
  const isConnected = async (service: string) => {
    const answer = (await (await get("/api/v1/workloads")).json()) as {
      workloads: { service: string; instances: { state: string }[] }[];
    };
    return answer.workloads.some(
      (workload) =>
        workload.service === service &&
        workload.instances.some(({ state }) => state === "connected"),
    );
  };

  const stop = async () => {
    for (const child of children) await end(child, "SIGTERM", 10_000);
    await end(up, "SIGINT", 10_000);
    rmSync(home, { recursive: true, force: true });
  };
  try {
    await waitFor("heddle up prints its login link", 180_000, () => {
      if (up.exitCode !== null) throw new Error(`heddle up ended:\n${output}`);
      return /https?:\/\/\S+\/login\?token=\S+/.test(output);
    });
  } catch (error) {
    await stop();
    throw new Error(`the stack did not start; it printed:\n${output}`, { cause: error });
  }
  return {
    home,
    consoleUrl: `http://127.0.0.1:${console}`,
    output: () => output,
    heddle: heddleCommand,
    heddleJson: async (...commandArgs) =>
      JSON.parse(await heddleCommand(...commandArgs, "-o", "json")),
    loginLink: async () => {
      const printed = await heddleCommand("login");
      const link = /https?:\/\/\S+\/login\?token=\S+/.exec(printed)?.[0];
      if (link === undefined) throw new Error(`heddle login printed no link: ${printed}`);
      return link;
    },
    run: (runArgs, appEnv) => {
      const child = spawn(process.execPath, [heddle, "run", ...runArgs], {
        cwd: home,
        env: { ...env, ...appEnv },
        stdio: ["ignore", "inherit", "inherit"],
      });
      children.push(child);
      return child;
    },
    file: (name) => join(home, name),
    get,
    untilRegistered: async (service) => {
      await waitFor(`${service} is connected`, 60_000, () => isConnected(service));
    },
    pid: (part) => (part === "database" ? databasePid(home) : supervisedPid(home, part)),
    stop,
  };
}

function supervisedPid(home: string, part: string): number {
  const processes = JSON.parse(readFileSync(join(home, "run", "processes.json"), "utf8")) as {
    name: string;
    pid: number;
  }[];
  const found = processes.find(({ name }) => name === part);
  if (found === undefined) throw new Error(`${part} is not among the processes of ${home}`);
  return found.pid;
}

/** PostgreSQL keeps its own process id in the first line of this file. */
function databasePid(home: string): number {
  return Number(readFileSync(join(home, "postgres", "postmaster.pid"), "utf8").split("\n")[0]);
}

async function end(child: ChildProcess, signal: NodeJS.Signals, deadlineMs: number) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  await ended;
  clearTimeout(timer);
}
