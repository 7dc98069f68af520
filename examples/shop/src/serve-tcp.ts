import net from "node:net";
import { createInterface } from "node:readline";
import { answerLine, GREETING } from "./ledger-protocol.ts";

/** Serves the ledger on the port; `answer` resolves after a line's latency, to whether it is kept. */
export function serveTcp(port: number, answer: () => Promise<boolean>): () => void {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.setNoDelay(true);
    socket.write(GREETING);
    const lines = createInterface({ input: socket });
    lines.on("error", () => {}); // it passes on the socket's
    lines.on("line", (line) => {
      const kept = answerLine(line);
      void answer().then((isGood) => {
        if (kept === undefined || !isGood) socket.destroy();
        else if (socket.writable) socket.write(kept);
      });
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      lines.close();
      open.delete(socket);
    });
  });
  server.listen(port, "127.0.0.1");
  return () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
}
