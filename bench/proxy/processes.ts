import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const started: ChildProcess[] = [];

/** The full path of a program, looked for in PATH and where servers are kept. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

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

export function stopAll(): void {
  for (const child of started.splice(0)) child.kill("SIGTERM");
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

/** Private and resident memory in MiB, the process and its children together. */
export function memoryMib(pid: number): { privateMib: number; rssMib: number } {
  let privateKib = 0;
  let rssKib = 0;
  for (const each of [pid, ...childrenOf(pid)]) {
    const text = readFileSync(`/proc/${each}/smaps_rollup`, "utf8");
    for (const [, field, kib] of text.matchAll(/^(Rss|Private_Clean|Private_Dirty):\s+(\d+)/gm)) {
      if (field === "Rss") rssKib += Number(kib);
      else privateKib += Number(kib);
    }
  }
  return { privateMib: round(privateKib / 1_024), rssMib: round(rssKib / 1_024) };
}

const round = (mib: number) => Math.round(mib * 10) / 10;
