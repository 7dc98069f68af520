// A process outside the mesh: `node legacy-caller.ts SHOP_FILE TARGET_URL` sends plain HTTP straight
// to a workload's inbound port, as programs do that nobody dares to touch.
import http from "node:http";
import { startOpenLoop } from "./open-loop.ts";
import { readShopFile } from "./shop-file.ts";

const [file, target] = process.argv.slice(2);
const legacy = file === undefined ? undefined : readShopFile(file).legacy;
if (legacy === undefined || target === undefined) {
  process.stderr.write("usage: legacy-caller.ts SHOP_FILE_WITH_LEGACY TARGET_URL\n");
  process.exit(1);
}
// Between containers the network gives each its own address.
let localAddress = new URL(target).hostname === "127.0.0.1" ? legacy.address : undefined;

/** Under STRICT its connections are closed: it goes on trying, as such programs do. */
function call(caller: NonNullable<typeof legacy>): Promise<void> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(target ?? "");
    const request = http.get(
      {
        agent: false, // one connection a request
        hostname,
        port,
        ...(localAddress === undefined ? {} : { localAddress }),
        path: `/${caller.calls}`,
        headers: { host: caller.calls },
        timeout: 5000,
      },
      (response) => {
        response.resume();
        response.once("close", resolve);
      },
    );
    request.once("timeout", () => request.destroy());
    request.once("error", (error: NodeJS.ErrnoException) => {
      // Only Linux answers for all of 127.0.0.0/8.
      if (error.code === "EADDRNOTAVAIL") localAddress = undefined;
      resolve();
    });
  });
}

const stop = startOpenLoop(legacy.ratePerSecond, () => call(legacy));
for (const event of ["disconnect", "SIGTERM", "SIGINT"] as const) {
  process.once(event, () => {
    stop();
    process.exit(0);
  });
}
