// Reads what a port sends, for a number of seconds after a second of warm-up; prints the bytes as JSON.
// While it warms up nothing is counted, and the start is said, so that CPU time is taken of the same span.
import net from "node:net";

const WARM_UP_MS = 1_000;
const [port, seconds] = process.argv.slice(2).map(Number);
const buffer = Buffer.allocUnsafeSlow(262_144);
let bytes = 0;

const socket = net.connect({
  port: port as number,
  host: "127.0.0.1",
  onread: {
    buffer,
    callback: (size) => {
      bytes += size;
      return true;
    },
  },
});
socket.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
setTimeout(() => {
  bytes = 0;
  const startMs = performance.now();
  process.send?.("started");
  setTimeout(
    () => {
      process.send?.({ bytes, seconds: (performance.now() - startMs) / 1_000 });
      socket.destroy();
      process.disconnect?.();
    },
    (seconds as number) * 1_000,
  );
}, WARM_UP_MS);
