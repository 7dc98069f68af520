import { linkSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { HomeLockedError } from "../errors.ts";
import type { Home } from "./home.ts";

/**
 * Takes the home for this process; the returned function gives it back. The lock of a process that was
 * killed is taken over: it holds pid and start time, since a pid alone may be another program's by now.
 */
export function lockHome(home: Home): () => void {
  const file = home.path("run", "up.lock");
  const own = `${file}.${process.pid}`;
  writeFileSync(own, `${process.pid} ${startTimeOf(process.pid) ?? ""}`);
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      if (tryLink(own, file)) return () => rmSync(file, { force: true });
      const [pid, startTime] = readLock(file);
      if (pid > 0 && startTimeOf(pid) === startTime) throw new HomeLockedError(home.dir, pid);
      moveAway(file, `${own}.stale`);
    }
    throw new HomeLockedError(home.dir, readLock(file)[0]);
  } finally {
    rmSync(own, { force: true });
    rmSync(`${own}.stale`, { force: true });
  }
}

/** A link is made by one process only, complete with its content. */
function tryLink(own: string, file: string): boolean {
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

function readLock(file: string): [pid: number, startTime: string | undefined] {
  try {
    const [pid, startTime] = readFileSync(file, "utf8").split(" ");
    return [Number(pid), startTime];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return [0, undefined]; // given back meanwhile
  }
}

function moveAway(file: string, to: string): void {
  try {
    renameSync(file, to);
    unlinkSync(to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** `undefined`: no such process. Where the system does not tell (no /proc), `""` for any live one. */
export function startTimeOf(pid: number): string | undefined {
  if (process.platform === "linux") {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields[0] === "Z" ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  try {
    process.kill(pid, 0);
    return "";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? "" : undefined;
  }
}
