import { readFileSync } from "node:fs";

/** The TCP connections of this machine to a port of loopback, as the kernel lists them (Linux). */
type KernelSocket = {
  readonly localPort: number;
  readonly isEstablished: boolean;
  /** Until the keep-alive timer fires; `undefined`: it does not run. */
  readonly keepAliveInMs: number | undefined;
};

const ESTABLISHED = "01";
const KEEP_ALIVE_TIMER = "02";
const TICK_MS = 10; // USER_HZ

/** Those with `port` at their far end, the ones that linger after their end among them. */
export function socketsTo(port: number): KernelSocket[] {
  return readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , remote]) => portOf(remote) === port)
    .map(([, local, , state, , timer]) => {
      const [kind, when = "0"] = timer?.split(":") ?? [];
      return {
        localPort: portOf(local),
        isEstablished: state === ESTABLISHED,
        keepAliveInMs: kind === KEEP_ALIVE_TIMER ? Number.parseInt(when, 16) * TICK_MS : undefined,
      };
    });
}

function portOf(address: string | undefined): number {
  return Number.parseInt(address?.split(":")[1] ?? "0", 16);
}
