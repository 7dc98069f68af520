import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { startTimeOf } from "../process-lock.ts";
import { type Home, writePrivateFile } from "./home.ts";
import type { SupervisedProcess } from "./supervised-process.ts";

const Records = z.array(
  z.object({ name: z.string(), pid: z.number().int(), startTime: z.string() }),
);

/** A process whose parent is gone ends by itself, after draining. */
const END_TIMEOUT_MS = 6000;

/** Writes down who runs, so that the next `up` can tell them from others' processes. */
export function recordProcesses(home: Home, processes: readonly SupervisedProcess[]): void {
  const records = processes.flatMap(({ pid, spec }) => {
    const startTime = pid === undefined ? undefined : startTimeOf(pid);
    return pid === undefined || startTime === undefined
      ? []
      : [{ name: spec.name, pid, startTime }];
  });
  writePrivateFile(home.path("run", "processes.json"), `${JSON.stringify(records, null, 2)}\n`);
}

/** Waits for the processes of an `up` that was killed; what has not ended in time is killed. */
export async function endLeftovers(home: Home): Promise<void> {
  const file = home.path("run", "processes.json");
  if (!existsSync(file)) return;
  const records = Records.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (!records.success) return; // of another version: the port check will name who is left
  const isThere = ({ pid, startTime }: { pid: number; startTime: string }) =>
    startTimeOf(pid) === startTime;
  const deadline = performance.now() + END_TIMEOUT_MS;
  while (records.data.some(isThere) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const record of records.data.filter(isThere)) process.kill(record.pid, "SIGKILL");
}
