import { WebSocket } from "ws";

/** What one session does. */
export type SessionShape = { readonly lastsMs: number; readonly messagesPerSecond: number };

/**
 * Opens a WebSocket to a service through the outbound port of the sidecar, talks for a while and closes.
 * Never rejects: a session that does not come about has failed.
 */
export function holdSession(
  outboundUrl: string,
  service: string,
  { lastsMs, messagesPerSecond }: SessionShape,
): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(new URL(`/${service}`, outboundUrl), {
      headers: { host: service },
      handshakeTimeout: 5000,
    });
    let talk: NodeJS.Timeout | undefined;
    let end: NodeJS.Timeout | undefined;
    socket.on("open", () => {
      talk = setInterval(() => socket.send('{"seen":1}'), 1000 / messagesPerSecond);
      end = setTimeout(() => socket.close(1000), lastsMs);
    });
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      clearInterval(talk);
      clearTimeout(end);
      resolve();
    });
  });
}
