import type { Socket } from "node:net";
import type { Listener, StartOutbound } from "../core/listener.ts";
import type { ByteStreamHandler } from "../transport/byte-stream.ts";
import { Connection } from "../transport/connection.ts";
import { FullListener } from "../transport/full-listener.ts";
import { type Session, SocketListener } from "../transport/socket-listener.ts";
import { OutboundGreeting } from "./outbound-greeting.ts";
import type { OutboundParts } from "./outbound-parts.ts";
import { OutboundSide } from "./outbound-side.ts";

const LOOPBACK = "127.0.0.1";
/** Until the greeting has it, which is at once. */
const UNREAD: ByteStreamHandler = Object.freeze({
  onData() {},
  onEnd() {},
  onDrain() {},
  onClose() {},
});

/**
 * Listens for a workload's app on loopback: by Host header, absolute-form request, CONNECT or TLS
 * server name, or for one fixed `host`. Each listener has its own connections to upstreams.
 */
export async function startOutbound(
  parts: Parameters<StartOutbound>[0] & Pick<OutboundParts, "timeouts">,
): Promise<Listener> {
  const side = new OutboundSide(parts);
  // Ask before the first request does.
  if (parts.host !== undefined) parts.view.resolve(parts.host);
  const onSocket = (socket: Socket, sessions: Set<Session>) => {
    const connection = Connection.adopt(socket, UNREAD);
    new OutboundGreeting(side, connection, sessions, parts.host).begin(undefined);
    connection.start();
  };
  const { port, mayBegin } = parts;
  const full = new FullListener(parts, side.origin, "outbound");
  const listener = await SocketListener.listen(LOOPBACK, port, onSocket, full, mayBegin);
  return {
    port: listener.port,
    drain: async (timeoutMs) => {
      await listener.drain(timeoutMs);
      side.close();
    },
  };
}
