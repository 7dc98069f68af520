import net from "node:net";
import { Worker } from "node:worker_threads";
import type { Scope } from "@heddle/testkit";

/** Listens for one connection at most and never takes it: the thread sleeps. */
const SLEEPER = `
const { parentPort } = require("node:worker_threads");
const server = require("node:net").createServer();
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
});`;
/** Linux lets one more than the backlog in; the others are for good measure. */
const FILLERS = 4;

/** A port where connections are neither refused nor made, as behind a firewall that drops packets. */
export async function startDeafPort(scope: Scope): Promise<number> {
  const worker = new Worker(SLEEPER, { eval: true });
  scope.after(async () => void (await worker.terminate()));
  const port = await new Promise<number>((resolve) => worker.once("message", resolve));
  const fillers = Array.from({ length: FILLERS }, () => net.connect(port, "127.0.0.1"));
  for (const one of fillers) one.on("error", () => undefined); // it never opens
  scope.after(() => {
    for (const one of fillers) one.destroy();
  });
  await new Promise<void>((resolve) => fillers[0]?.once("connect", resolve));
  return port;
}
