import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const apps = join(dirname(fileURLToPath(import.meta.url)), "apps");

/** The command that starts the server (or caller) whose behaviour and log a test knows. */
export const knownServer: readonly string[] = [process.execPath, join(apps, "known-server.ts")];
export const knownClient: readonly string[] = [process.execPath, join(apps, "known-client.ts")];

/** The command that hosts the apps of a chain of services (CHAIN). */
export const chainApps: readonly string[] = [process.execPath, join(apps, "chain-apps.ts")];

/** One request as the known caller saw it; `status` 0: it got no answer. */
export type KnownRequest = {
  readonly startMs: number;
  readonly status: number;
  readonly latencyMs: number | undefined; // the server's log has none
  /** `x-heddle-origin` and `x-heddle-flags` of the answer, or the socket's error; empty when all went well. */
  readonly why: string;
};

/** Reads the log of a known server or caller. */
export function readKnownLog(file: string): KnownRequest[] {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => {
    const [startMs, status, latencyMs, ...why] = line.split(" ");
    return {
      startMs: Number(startMs),
      status: Number(status),
      latencyMs: latencyMs === undefined ? undefined : Number(latencyMs),
      why: why.join(" "),
    };
  });
}

/** The exact quantile (nearest rank) of a list of numbers; `undefined` of an empty one. */
export function exactQuantile(values: readonly number[], quantile: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)];
}
