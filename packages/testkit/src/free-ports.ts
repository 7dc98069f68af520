import { createServer } from "node:net";

/**
 * `count` loopback ports that were free a moment ago, all below the range the system hands out by
 * itself, so that no client socket takes one in between.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let attempt = 0; found.length < count && attempt < 2000; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (!found.includes(port) && (await isFree(port))) found.push(port);
  }
  if (found.length < count) throw new Error(`found only ${found.length} of ${count} free ports`);
  return found;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
