import { networkInterfaces } from "node:os";
import type { Connection } from "../transport/connection.ts";

/** Whether a connection leads back to one of this process's own listeners. */
export function isLoop(
  connection: Pick<Connection, "remoteAddress" | "remotePort" | "localAddress">,
  ownPorts: ReadonlySet<number>,
): boolean {
  if (!ownPorts.has(connection.remotePort)) return false;
  const remote = plain(connection.remoteAddress);
  return remote === plain(connection.localAddress) || isLoopback(remote) || isOwnAddress(remote);
}

function plain(address: string): string {
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

function isOwnAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((list) =>
    list?.some((each) => each.address === address),
  );
}
