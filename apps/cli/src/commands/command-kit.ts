import { type Command, InvalidArgumentError, Option } from "commander";
import { ApiClient } from "../api/api-client.ts";
import { findCredentials } from "../api/credentials.ts";
import { loadApiConfig } from "../config.ts";
import { UsageError } from "../errors.ts";

export type OutputOptions = { readonly output: "table" | "json" };

/** `-o json` prints the API's answer as the contract has it; without it a command prints for people. */
export function withOutput(command: Command): Command {
  return command.addOption(
    new Option("-o, --output <format>", "what to print")
      .choices(["table", "json"])
      .default("table"),
  );
}

export async function openApi(): Promise<ApiClient> {
  return new ApiClient(await findCredentials(loadApiConfig(process.env)));
}

/** Prints `value` as JSON if asked to, else what `text` makes of it. */
export function print<Value>(
  options: OutputOptions,
  value: Value,
  text: (value: Value) => string,
): void {
  const printed = options.output === "json" ? JSON.stringify(value, null, 2) : text(value);
  process.stdout.write(printed === "" ? "" : `${printed}\n`);
}

/** Takes `[namespace/]name` apart. */
export function parseTarget(text: string, namespace: string): { namespace: string; name: string } {
  const parts = text.split("/");
  const [first, second] = parts;
  if (parts.length === 1 && first) return { namespace, name: first };
  if (parts.length === 2 && first && second) return { namespace: first, name: second };
  throw new UsageError(`"${text}": expected [namespace/]name`);
}

/** An option's whole number within bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected a whole number, ${min} to ${max}`);
  };
}
