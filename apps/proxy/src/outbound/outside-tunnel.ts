import { Connection } from "../transport/connection.ts";
import type { HostPort } from "./authority.ts";
import { isLoop } from "./loop-guard.ts";

/** What a tunnel asked for by CONNECT comes to, once. */
export type TunnelEvents = {
  readonly onReady: (connection: Connection) => void;
  readonly onRefused: (reason: string) => void;
};

/**
 * Opens a connection to a host outside the mesh for CONNECT. Destroy it to give the tunnel up; then
 * neither event comes.
 */
export function openTunnel(
  outside: HostPort,
  ownPorts: ReadonlySet<number>,
  { onReady, onRefused }: TunnelEvents,
): Connection {
  let isOver = false;
  // Until the tunnel takes over, only the end of the connection matters.
  const waiting = {
    onData: () => {},
    onEnd: () => {},
    onDrain: () => {},
    onClose: (error: Error | undefined) => {
      if (!isOver) onRefused(error?.message ?? "closed by the peer");
    },
  };
  const connection = Connection.connect(outside, waiting, () => {
    isOver = true;
    if (isLoop(connection, ownPorts)) {
      connection.destroy();
      onRefused(`${outside.host}:${outside.port} is this proxy itself`);
    } else onReady(connection);
  });
  return connection;
}
