import type { Listener, StartOutbound } from "../core/listener.ts";
import { Connection } from "../transport/connection.ts";
import { Http1Downstream } from "../transport/http1-downstream.ts";
import { SocketListener } from "../transport/socket-listener.ts";
import { OutboundExchange } from "./outbound-exchange.ts";
import { type OutboundParts, OutboundSide } from "./outbound-side.ts";

const LOOPBACK = "127.0.0.1";

/**
 * Listens for a workload's app on loopback: by Host header, absolute-form request or CONNECT, or for
 * one fixed `host`. Each listener has its own connections to upstreams.
 */
export async function startOutbound(
  parts: Parameters<StartOutbound>[0] & Pick<OutboundParts, "timeouts">,
): Promise<Listener> {
  const side = new OutboundSide(parts);
  // Ask before the first request does.
  if (parts.host !== undefined) parts.view.resolve(parts.host);
  const listener = await SocketListener.listen(LOOPBACK, parts.port, (socket, sessions) => {
    const exchange = new OutboundExchange(side, parts.host);
    const downstream = new Http1Downstream(exchange, (gone) => sessions.delete(gone));
    sessions.add(downstream);
    const connection = Connection.adopt(socket, downstream);
    downstream.attach(connection);
    connection.start();
  });
  return {
    port: listener.port,
    drain: async (timeoutMs) => {
      await listener.drain(timeoutMs);
      side.close();
    },
  };
}
