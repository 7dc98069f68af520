import { spawnSync } from "node:child_process";

export type Check = { readonly name: string; readonly command: readonly [string, ...string[]] };

/** Runs every check, even after a failure, so that one run shows all that is wrong; true if all passed. */
export function runChecks(checks: readonly Check[]): boolean {
  let allPassed = true;
  for (const check of checks) {
    const startedMs = performance.now();
    const [command, ...args] = check.command;
    const result = spawnSync(`node_modules/.bin/${command}`, args, { encoding: "utf8" });
    const passed = result.status === 0;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stdout.write(`${passed ? "ok  " : "FAIL"} ${check.name} (${seconds} s)\n`);
    if (!passed) process.stdout.write(`${result.stdout}${result.stderr}${result.error ?? ""}\n`);
    allPassed &&= passed;
  }
  return allPassed;
}
