import { Command } from "commander";
import { addUpCommand } from "./commands/up.ts";

/** The `heddle` command line: arguments and printing; each command lives in its own file. */
export function buildProgram(): Command {
  const program = new Command("heddle")
    .description("A service mesh with its console built in, without Kubernetes")
    .version("0.1.0")
    .exitOverride()
    .showHelpAfterError("(heddle --help shows all commands)");
  addUpCommand(program);
  return program;
}
