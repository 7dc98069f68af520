import type http from "node:http";
import { WebSocketServer } from "ws";

/** Lets clients of an HTTP server talk over WebSockets: each message comes back after the latency. */
export function serveWebSocket(server: http.Server, answer: () => Promise<boolean>): () => void {
  const sockets = new WebSocketServer({ server, maxPayload: 65_536 });
  sockets.on("connection", (socket) => {
    socket.on("error", () => socket.terminate());
    socket.on("message", (message, isBinary) => {
      void answer().then((isGood) => {
        if (!isGood) socket.close(1011, "out of order");
        else if (socket.readyState === socket.OPEN) socket.send(message, { binary: isBinary });
      });
    });
  });
  return () => {
    sockets.close();
    for (const socket of sockets.clients) socket.terminate();
  };
}
