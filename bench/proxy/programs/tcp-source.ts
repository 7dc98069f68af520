// Sends bytes without end to whoever connects, as fast as they are taken.
import net from "node:net";

const piece = Buffer.alloc(262_144, "x");

const server = net.createServer((socket) => {
  const fill = () => {
    while (socket.writable && socket.write(piece));
  };
  socket.on("drain", fill);
  socket.on("error", () => socket.destroy());
  fill();
});
server.listen(Number(process.argv[2]), "127.0.0.1");
