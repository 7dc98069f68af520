import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** How often a process that is not our child is looked at; only signals and /proc tell us of it. */
const LOOK_INTERVAL_MS = 50;

/** Alive and not a zombie (in a container without an init, a dead orphan stays one for ever). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  if (process.platform !== "linux") return true;
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false; // gone between the two looks
  }
}

/** Resolves true once the process is gone, false after `timeoutMs`. */
export async function waitForEnd(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
  }
  return true;
}

/**
 * Fast shutdown (SIGINT: ends sessions, checkpoints), then immediate (SIGQUIT: recovers at the next
 * start), then SIGKILL. Windows knows only the last.
 */
export async function stopServer(pid: number): Promise<void> {
  const steps: [NodeJS.Signals, number][] = [
    ["SIGINT", 3000],
    ["SIGQUIT", 1000],
    ["SIGKILL", 1000],
  ];
  for (const [signal, timeoutMs] of steps) {
    if (!isAlive(pid)) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ESRCH") return;
      throw error;
    }
    if (await waitForEnd(pid, timeoutMs)) return;
  }
}

/** What a running server wrote about itself into its data folder. */
export type Postmaster = { readonly pid: number; readonly port: number };

/**
 * The live server of `dataDir`, if any; a pid file that a dead server left behind is removed, even
 * one whose parent has not yet taken note of its end (PostgreSQL itself takes that for alive).
 */
export function findPostmaster(dataDir: string): Postmaster | undefined {
  const file = join(dataDir, "postmaster.pid");
  if (!existsSync(file)) return undefined;
  const [pid, , , port] = readFileSync(file, "utf8").split("\n");
  const postmaster = { pid: Number(pid), port: Number(port) };
  if (Number.isInteger(postmaster.pid) && postmaster.pid > 0 && isPostgres(postmaster.pid)) {
    return postmaster;
  }
  // The system may have given the dead server's pid to another program, which must not block ours.
  rmSync(file, { force: true });
  return undefined;
}

function isPostgres(pid: number): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform !== "linux") return true; // its own lock decides there
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("postgres");
  } catch {
    return false;
  }
}
