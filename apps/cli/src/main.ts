import { InvalidConfigError, toHeddleError } from "@heddle/runtime";
import { CommanderError } from "commander";
import { buildProgram } from "./program.ts";

try {
  await buildProgram().parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode; // commander has printed what is wrong, or the help asked for
  } else {
    // A stack trace helps nobody who mistyped a port; `HEDDLE_LOG_LEVEL=debug` shows it.
    const { message, code, stack } = toHeddleError(error);
    const isDebug = process.env["HEDDLE_LOG_LEVEL"] === "debug";
    const text = error instanceof InvalidConfigError ? message : `heddle: ${message}`;
    process.stderr.write(`${isDebug ? `${stack ?? text} [${code}]` : text}\n`);
    process.exitCode ||= 1; // a command whose 1 means something else has said which
  }
}
