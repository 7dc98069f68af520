import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export type PortHolder = { readonly pid: number; readonly command: string };

/**
 * Which process listens on a TCP port, from /proc on Linux, from lsof elsewhere. `undefined`: nobody, or a
 * process of another user, which the system does not show us.
 */
export function findPortHolder(port: number): PortHolder | undefined {
  const pid = process.platform === "linux" ? pidFromProc(port) : pidFromLsof(port);
  return pid === undefined ? undefined : { pid, command: commandOf(pid) };
}

function pidFromProc(port: number): number | undefined {
  const inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => listeners(file, port));
  if (inodes.length === 0) return undefined;
  const sockets = new Set(inodes.map((inode) => `socket:[${inode}]`));
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const holder = pids.find((pid) => holdsOne(pid, sockets));
  return holder === undefined ? undefined : Number(holder);
}

/** Inodes of the listening sockets (state 0A) on a port; columns as in proc_net_tcp(5). */
function listeners(file: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  return readLines(file).flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const isListening = columns[3] === "0A" && columns[1]?.endsWith(`:${hexPort}`) === true;
    return isListening && columns[9] !== undefined ? [columns[9]] : [];
  });
}

function holdsOne(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
      } catch {
        return false; // closed between listing and looking
      }
    });
  } catch {
    return false; // ended, or another user's
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return []; // no IPv6 on this machine
  }
}

function pidFromLsof(port: number): number | undefined {
  try {
    const args = ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-t"];
    const printed = execFileSync("lsof", args, { encoding: "utf8", stdio: "pipe" });
    return Number(printed.split("\n")[0]) || undefined;
  } catch {
    return undefined; // no lsof, or it found nothing
  }
}

function commandOf(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter(Boolean);
    const text = words.map((word) => word.slice(word.lastIndexOf("/") + 1)).join(" ");
    return text.length > 60 ? `${text.slice(0, 57)}...` : text;
  } catch {
    return "";
  }
}
