import { spawn } from "node:child_process";
import { HeddleError } from "@heddle/runtime";
import { paths } from "../paths.ts";
import { basicEnv } from "./supervised-process.ts";

/** Builds the console if its sources have changed since the last time; answers with what it did. */
export async function buildConsole(signal: AbortSignal): Promise<string> {
  const child = spawn(process.execPath, [paths.buildConsole], {
    cwd: paths.root,
    env: basicEnv(),
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed = (printed + text).slice(-4000);
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return printed.trim();
  throw new HeddleError("HEDDLE_CONSOLE_BUILD", `the console could not be built:\n${printed}`);
}
