import net, { isIP } from "node:net";

const MAX_TRIES = 10;
const known = new Map<string, Promise<void>>();

/**
 * Lets the sidecar behind `outboundPort` learn what a name means. A first request waits for that 500 ms at
 * most, which on a busy machine may not do. A name that means nothing is asked for in vain, and soon.
 */
export function introduce(outboundPort: number, authority: string): Promise<void> {
  const [host = ""] = authority.split(":");
  if (isIP(host) !== 0) return Promise.resolve();
  const key = `${outboundPort} ${host}`;
  const asked = known.get(key) ?? ask(outboundPort, host);
  known.set(key, asked);
  return asked;
}

/** A tunnel to a service of the mesh is opened without asking its endpoints; others fail. */
async function ask(outboundPort: number, host: string): Promise<void> {
  for (let tried = 0; tried < MAX_TRIES; tried++) {
    if (!/^HTTP\/1\.1 50[234] /.test(await headOfTunnel(outboundPort, `${host}:80`))) return;
  }
}

function headOfTunnel(outboundPort: number, authority: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(outboundPort, "127.0.0.1");
    let head = "";
    socket.on("error", () => undefined); // told by its end
    socket.on("data", (chunk: Buffer) => {
      head += chunk.toString("latin1");
      socket.destroy();
    });
    socket.once("close", () => resolve(head));
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  });
}
