/** Calls `payments` through each of many outbound ports at a steady rate; counts what is not answered with 200. */
import { Agent, get } from "node:http";

type Order =
  | { readonly type: "start"; readonly ports: readonly number[]; readonly perSecond: number }
  | { readonly type: "stop" };

const TIMERS: NodeJS.Timeout[] = [];
const agent = new Agent({ keepAlive: true });
let failed = 0;
let underWay = 0;

function call(port: number): void {
  underWay += 1;
  const done = (isGood: boolean) => {
    underWay -= 1;
    if (!isGood) failed += 1;
  };
  get({ host: "127.0.0.1", port, path: "/", headers: { host: "payments" }, agent }, (response) => {
    response.resume();
    response.once("end", () => done(response.statusCode === 200));
  }).once("error", () => done(false));
}

process.on("message", (order: Order) => {
  if (order.type === "start") {
    const everyMs = 1000 / order.perSecond;
    order.ports.forEach((port, index) => {
      // spread over the interval, so that the load is even
      const offsetMs = (everyMs * index) / order.ports.length;
      setTimeout(() => TIMERS.push(setInterval(() => call(port), everyMs)), offsetMs);
    });
    process.send?.({ type: "started" });
    return;
  }
  for (const timer of TIMERS) clearInterval(timer);
  const finish = setInterval(() => {
    if (underWay > 0) return;
    clearInterval(finish);
    process.send?.({ type: "stopped", failed });
  }, 20);
});
process.once("disconnect", () => process.exit(0));
