import type { Command } from "commander";
import { ApiClient } from "../api/api-client.ts";
import { findCredentials, findHome } from "../api/credentials.ts";
import type { Finding } from "../check/finding.ts";
import { runChecks } from "../check/run-checks.ts";
import { loadApiConfig, loadUpConfig } from "../config.ts";
import { type OutputOptions, print, withOutput } from "./command-kit.ts";

/** `heddle check`: what is well, what is not, and what to do about it. */
export function addCheckCommand(program: Command): void {
  withOutput(program.command("check"))
    .description("look for what is wrong and say what to do; exit code 1 if anything fails")
    .action(async (options: OutputOptions) => {
      const config = loadApiConfig(process.env);
      const findings = await runChecks({
        homeDir: findHome(config),
        ports: loadUpConfig(process.env).ports,
        openApi: async () => new ApiClient(await findCredentials(config)),
        nowMs: Date.now(),
      });
      print(options, { checks: findings }, () => findings.map(formatFinding).join("\n"));
      if (findings.some(({ state }) => state === "fail")) process.exitCode = 1;
    });
}

function formatFinding({ state, what, advice }: Finding): string {
  return `${state.padEnd(4)}  ${what}${advice === undefined ? "" : `\n      → ${advice}`}`;
}
