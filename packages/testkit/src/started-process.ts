import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Scope } from "./scope.ts";
import { waitFor } from "./wait-for.ts";

/** A busy machine takes its time to start processes; one that fails says so at once. */
const READY_MS = 120_000;

/** One of the product's processes, as it runs in production; gone with its scope. */
export type StartedProcess<Ready> = {
  readonly child: ChildProcess;
  /** What it said when it was ready. */
  readonly ready: Ready;
  /** Everything on its standard output and error so far. */
  output(): string;
};

/** Starts `apps/<part>/src/main.ts` and waits for its ready message. Throws with its output when it ends before. */
export async function startProcess<Ready>(
  scope: Scope,
  part: "proxy" | "control-plane" | "collector",
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<StartedProcess<Ready>> {
  const main = fileURLToPath(new URL(`../../../apps/${part}/src/main.ts`, import.meta.url));
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { PATH: process.env["PATH"] ?? "", ...compileCache(), ...env },
  });
  let output = "";
  const collect = (chunk: Buffer) => (output += chunk.toString());
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  let ready: Ready | undefined;
  let hasEnded = false;
  child.once("message", (message) => (ready = message as Ready));
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => {
      hasEnded = true;
      resolve();
    });
  });
  scope.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  await waitFor(`${part} is ready`, READY_MS, () => ready !== undefined || hasEnded);
  if (ready === undefined) throw new Error(`${part} ended before it was ready:\n${output}`);
  return { child, ready, output: () => output };
}

function compileCache(): Record<string, string> {
  const folder = process.env["NODE_COMPILE_CACHE"];
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
}
