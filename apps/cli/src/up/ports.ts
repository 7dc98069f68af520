import { createServer } from "node:net";
import { HeddleError, PortTakenError } from "@heddle/runtime";
import type { UpPorts } from "../config.ts";
import { findPortHolder } from "./port-holder.ts";

const PURPOSES: Record<keyof UpPorts, { readonly purpose: string; readonly variable: string }> = {
  console: { purpose: "console", variable: "HEDDLE_CONSOLE_PORT" },
  control: { purpose: "control plane, for proxies", variable: "HEDDLE_CONTROL_PORT" },
  controlAdmin: { purpose: "control plane, API", variable: "HEDDLE_CONTROL_ADMIN_PORT" },
  otlp: { purpose: "collector, OTLP", variable: "HEDDLE_OTLP_PORT" },
  collectorAdmin: { purpose: "collector, API", variable: "HEDDLE_COLLECTOR_ADMIN_PORT" },
  database: { purpose: "embedded PostgreSQL", variable: "HEDDLE_DATABASE_PORT" },
};

/** Throws `PortTakenError` for the first port that another program holds, with its name. */
export async function requireFreePorts(
  ports: UpPorts,
  isOurs: (pid: number, name: keyof UpPorts) => boolean,
  unused: readonly (keyof UpPorts)[],
): Promise<void> {
  for (const name of Object.keys(PURPOSES) as (keyof UpPorts)[]) {
    if (unused.includes(name)) continue;
    const port = ports[name];
    if (await isPortFree(port)) continue;
    const holder = findPortHolder(port);
    if (holder !== undefined && isOurs(holder.pid, name)) continue;
    const { purpose, variable } = PURPOSES[name];
    const who = holder && `${holder.command || "a program"} (process ${holder.pid})`;
    throw new PortTakenError(port, purpose, variable, who);
  }
}

export function isPortFree(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/**
 * Hands out free loopback ports from `first` on, each once, and none that is `reserved`. They are fixed for as long as `up` runs, so that a
 * restarted proxy comes back where its apps expect it; below 32768 no client socket takes one meanwhile.
 */
export function portAllocator(
  first: number,
  reserved: ReadonlySet<number> = new Set(),
): () => Promise<number> {
  let next = first;
  return async () => {
    while (next < 32_768) {
      const port = next++;
      if (!reserved.has(port) && (await isPortFree(port))) return port;
    }
    throw new HeddleError("HEDDLE_NO_FREE_PORT", `no port from ${first} to 32767 is free`);
  };
}
