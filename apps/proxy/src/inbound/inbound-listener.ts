import type { Socket } from "node:net";
import type { Listener, StartInbound } from "../core/listener.ts";
import { FullListener } from "../transport/full-listener.ts";
import { type Session, SocketListener } from "../transport/socket-listener.ts";
import { InboundGreeting } from "./inbound-greeting.ts";
import type { InboundParts } from "./inbound-parts.ts";
import { InboundSide } from "./inbound-side.ts";

/** Listens for the callers of a workload that has an app. */
export async function startInbound(
  parts: Parameters<StartInbound>[0] & Pick<InboundParts, "timeouts">,
): Promise<Listener> {
  const side = new InboundSide(parts);
  const { bindAddress } = parts.workload;
  const onSocket = (socket: Socket, sessions: Set<Session>) =>
    new InboundGreeting(side, socket, sessions).begin();
  const full = new FullListener(parts, side.origin, "inbound");
  const listener = await SocketListener.listen(bindAddress, parts.port, onSocket, full);
  return {
    port: listener.port,
    drain: async (timeoutMs) => {
      await listener.drain(timeoutMs);
      side.close();
    },
  };
}
