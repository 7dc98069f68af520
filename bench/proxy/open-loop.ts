import { fileURLToPath } from "node:url";
import { LOAD_CORE, run } from "./processes.ts";
import type { OpenLoad, OpenLoadResult } from "./programs/open-loop.ts";

const PROGRAM = fileURLToPath(new URL("programs/open-loop.ts", import.meta.url));

/** Runs the open-loop generator in a process of its own, on the core of the load. */
export async function applyOpenLoad(load: OpenLoad): Promise<OpenLoadResult> {
  const out = await run(LOAD_CORE, process.execPath, [PROGRAM, JSON.stringify(load)]);
  return JSON.parse(out) as OpenLoadResult;
}
