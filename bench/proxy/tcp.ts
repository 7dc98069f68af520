import { fileURLToPath } from "node:url";
import { LOAD_CORE, start } from "./processes.ts";

const PROGRAM = fileURLToPath(new URL("programs/tcp-drain.ts", import.meta.url));

export type Drained = { readonly bytes: number; readonly seconds: number };

/** Reads a port's stream in a process of its own; `onStarted` comes when counting begins. */
export function drainStream(
  port: number,
  seconds: number,
  onStarted: () => void,
): Promise<Drained> {
  const child = start(LOAD_CORE, process.execPath, [PROGRAM, String(port), String(seconds)], {
    ipc: true,
  });
  return new Promise((resolve, reject) => {
    child.on("message", (message) => {
      if (message === "started") onStarted();
      else resolve(message as Drained);
    });
    child.once("exit", (code) =>
      reject(new Error(`the reader of port ${port} ended with ${code}`)),
    );
  });
}
