/** Calls `payments` through each of many outbound ports at a steady rate; counts what is not answered with 200. */
import { Agent, get } from "node:http";

type Order =
  | { readonly type: "start"; readonly ports: readonly number[]; readonly perSecond: number }
  | { readonly type: "stop" };

const TIMERS: NodeJS.Timeout[] = [];
const agent = new Agent({ keepAlive: true });
/** By status and flags, or the connection's error. */
const failures = new Map<string, number>();
let underWay = 0;

function call(port: number): void {
  underWay += 1;
  const done = (failure: string | undefined) => {
    underWay -= 1;
    if (failure !== undefined) failures.set(failure, (failures.get(failure) ?? 0) + 1);
  };
  get({ host: "127.0.0.1", port, path: "/", headers: { host: "payments" }, agent }, (response) => {
    response.resume();
    response.once("end", () => {
      const { statusCode, headers } = response;
      done(statusCode === 200 ? undefined : `${statusCode} ${String(headers["x-heddle-flags"])}`);
    });
  }).once("error", (error) => done(error.message));
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
    process.send?.({ type: "stopped", failures: [...failures] });
  }, 20);
});
process.once("disconnect", () => process.exit(0));
