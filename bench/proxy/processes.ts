import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import net from "node:net";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const started: ChildProcess[] = [];

/** The full path of a program, looked for in PATH and where servers are kept. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Proxies drain before they end. */
const STOP_MS = 15_000;
const LISTEN_MS = 15_000;
const LISTEN_RETRY_MS = 50;

const taskset = findProgram("taskset");
const canPin = taskset !== undefined && availableParallelism() >= 2;

/** Core for load and upstreams, core for what is measured. */
export const LOAD_CORE = 0;
export const MEASURED_CORE = 1;

/** Starts a program, pinned to a core where that is possible. */
export function start(
  core: number,
  command: string,
  args: readonly string[],
  options: { env?: Record<string, string>; ipc?: boolean } = {},
): ChildProcess {
  const [program, ...all] = canPin
    ? [taskset, "-c", String(core), command, ...args]
    : [command, ...args];
  const child = spawn(program, all, {
    stdio:
      options.ipc === true
        ? ["ignore", "ignore", "inherit", "ipc"]
        : ["ignore", "ignore", "inherit"],
    env: { PATH: process.env["PATH"], ...options.env },
  });
  started.push(child);
  return child;
}

/**
 * Runs a program to its end and gives its output. Never blocks: the control plane that the proxies
 * talk to lives in this process.
 */
export async function run(core: number, command: string, args: readonly string[]): Promise<string> {
  const [program, ...all] = canPin
    ? [taskset, "-c", String(core), command, ...args]
    : [command, ...args];
  const { stdout } = await promisify(execFile)(program, all);
  return stdout;
}

/** Waits until somebody takes connections on the port; fails when one of the programs has ended by itself. */
export async function whenListening(port: number): Promise<void> {
  const endMs = performance.now() + LISTEN_MS;
  while (!(await takesConnections(port))) {
    const ended = started.find(({ exitCode }) => exitCode !== null);
    if (ended !== undefined) {
      throw new Error(`${ended.spawnargs.join(" ")} ended with ${ended.exitCode}`);
    }
    if (performance.now() > endMs) throw new Error(`nothing listens on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, LISTEN_RETRY_MS));
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Where the list of running programs stands; for `stopSince`. */
export function mark(): number {
  return started.length;
}

/** Ends what was started after the mark, and waits until it has ended. */
export async function stopSince(since: number): Promise<void> {
  const ending = started.splice(since).map(async (child) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(timer);
  });
  await Promise.all(ending);
}

function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => {
      try {
        const stat = readFileSync(`/proc/${each}/stat`, "utf8");
        return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid;
      } catch {
        return false; // ended meanwhile
      }
    });
}

/** Nanoseconds on a CPU of all threads of the process and its children (user and system). */
export function cpuNs(pid: number): number {
  let sum = 0;
  for (const each of [pid, ...childrenOf(pid)]) {
    for (const thread of readdirSync(`/proc/${each}/task`)) {
      sum += Number(readFileSync(`/proc/${each}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    }
  }
  return sum;
}

export type MemoryMib = { readonly privateMib: number; readonly rssMib: number };

/** Private and resident memory, the process and its children together. */
export function memoryMib(pid: number): MemoryMib {
  let privateKib = 0;
  let rssKib = 0;
  for (const each of [pid, ...childrenOf(pid)]) {
    const text = readFileSync(`/proc/${each}/smaps_rollup`, "utf8");
    for (const [, field, kib] of text.matchAll(/^(Rss|Private_Clean|Private_Dirty):\s+(\d+)/gm)) {
      if (field === "Rss") rssKib += Number(kib);
      else privateKib += Number(kib);
    }
  }
  return { privateMib: privateKib / 1_024, rssMib: rssKib / 1_024 };
}
