import { spawnSync } from "node:child_process";
import { findProgram } from "../processes.ts";

const ASK: Readonly<Record<string, string>> = {
  nginx: "-v",
  haproxy: "-v",
  envoy: "--version",
  wrk: "-v",
};

/** The version each program that is there tells of itself. */
export function versionsOfPeers(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, flag] of Object.entries(ASK)) {
    const program = findProgram(name);
    if (program === undefined) continue;
    const { stdout, stderr } = spawnSync(program, [flag], { encoding: "utf8" });
    const version = /\d+\.\d+\.\d+/.exec(`${stdout}${stderr}`.replace(/[0-9a-f]{40}/g, ""))?.[0];
    if (version !== undefined) found[name] = version;
  }
  return found;
}
