// A small upstream for where nginx is absent: 200 with 1 KiB, for any request that comes in one piece.
import net from "node:net";

const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n${"x".repeat(1_024)}`,
);
const server = net.createServer({ noDelay: true }, (socket) => {
  let missing = 0;
  socket.on("data", (bytes: Buffer) => {
    if (missing === 0) {
      const text = bytes.toString("latin1");
      missing =
        text.indexOf("\r\n\r\n") + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
    }
    missing -= bytes.length;
    if (missing <= 0) {
      missing = 0;
      socket.write(answer);
    }
  });
  socket.on("error", () => socket.destroy());
});
server.listen(Number(process.argv[2]), "127.0.0.1");
