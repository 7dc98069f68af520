import { linkSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";

export type Lock =
  | { readonly isTaken: true; release(): void }
  | { readonly isTaken: false; readonly holder: number }; // pid

/**
 * A lock file that names its holder. The lock of a process that was killed is taken over: the file holds pid
 * and start time, since a pid alone may be another program's by now.
 */
export function takeLock(file: string): Lock {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, `${process.pid} ${startTimeOf(process.pid) ?? ""}`);
  try {
    for (;;) {
      if (tryLink(own, file)) {
        return { isTaken: true, release: () => rmSync(file, { force: true }) };
      }
      const [pid, startTime] = readLock(file);
      if (pid > 0 && startTimeOf(pid) === startTime) return { isTaken: false, holder: pid };
      moveAway(file, `${own}.stale`);
    }
  } finally {
    rmSync(own, { force: true });
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
