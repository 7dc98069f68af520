// A service outside the mesh: `node external-service.ts SHOP_FILE HOST`. PORT is where it serves, BIND_ADDRESS
// at which address (default: loopback). It has no sidecar and knows of no mesh.
import http from "node:http";
import { latencySequence } from "./exact-share.ts";
import { readShopFile } from "./shop-file.ts";

const [file, host = ""] = process.argv.slice(2);
const external = file === undefined ? undefined : readShopFile(file).external[host];
if (external === undefined)
  fail("usage: external-service.ts SHOP_FILE HOST_OF_ITS_EXTERNAL_SERVICE");
const port = Number(process.env["PORT"] ?? fail("PORT: not set"));

const nextLatencyMs = latencySequence(external.latency);
const server = http.createServer((request, response) => {
  request.resume();
  setTimeout(() => {
    const body = JSON.stringify({ service: host, status: 200 });
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    });
    response.end(body);
  }, nextLatencyMs());
});
server.keepAliveTimeout = 75_000; // longer than a proxy keeps an idle connection, so that it closes first
server.on("error", (error) => fail(`${host}: ${error.message}`));
server.listen(port, process.env["BIND_ADDRESS"] ?? "127.0.0.1");

for (const event of ["disconnect", "SIGTERM", "SIGINT"] as const) {
  process.once(event, () => {
    server.close();
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), 200).unref(); // what is still being answered gets this long
  });
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
